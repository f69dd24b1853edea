"""Tests of cxr_agent.deidentifying."""
