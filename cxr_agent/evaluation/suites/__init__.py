"""Benchmarks of others, in their public formats."""
