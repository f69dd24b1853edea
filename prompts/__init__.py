"""Every prompt, one file each. Imported only as ``cxr_agent.prompts``."""
