"""The built-in tools, one per file. Imported only as ``cxr_agent.tools``."""
