"""Definitions as data, with their sources. Imported only as ``cxr_agent.kb``."""
