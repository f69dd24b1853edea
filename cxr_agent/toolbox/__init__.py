"""The tool contract, discovery and validated execution."""
