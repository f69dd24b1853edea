"""Benchmarks of the field, run on this program."""
