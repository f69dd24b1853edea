"""Synthetic films after CheXGenBench: fidelity, privacy and utility of a folder of them.

Dutt et al., "CheXGenBench: A Unified Benchmark For Fidelity, Privacy and Utility of Synthetic Chest
Radiographs", 2025. The three groups of measures are computed as there, but on the embedding of this
program and on films at hand, so no number can be held against a published one.
"""
