"""Benchmarks of the field in their public formats: readers, answers by rule, and scores."""
