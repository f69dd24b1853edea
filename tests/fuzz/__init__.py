"""Mutated files through every reader: only typed errors, and nothing hangs."""
