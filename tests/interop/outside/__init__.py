"""Tools from outside."""
