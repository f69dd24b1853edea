"""Identifiers planted in everything that comes in, looked for in everything that goes out."""
