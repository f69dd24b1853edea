"""Numeric metrics over arrays."""
