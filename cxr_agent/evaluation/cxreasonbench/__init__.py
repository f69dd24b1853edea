"""CXReasonBench (Lee et al., NeurIPS 2025): structured reasoning, answered from evidence."""
