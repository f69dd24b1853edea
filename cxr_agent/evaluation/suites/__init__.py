"""Benchmarks of others, in their public formats: readers, answers by rule, and scores."""
