"""A plug-in of cxr-agent: by how many degrees the chest is turned in the plane of the film."""
