"""cxr-agent: an agentic, tool-using reader of chest radiographs. Research use only."""
