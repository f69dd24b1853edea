"""A plug-in of cxr-agent: the heart's share of the thoracic area."""
