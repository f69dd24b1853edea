"""CXReasonBench (Lee et al., NeurIPS 2025): structured diagnostic reasoning, answered from evidence."""
