"""A plug-in of cxr-agent: a question of its own to a remote vision-language model."""
