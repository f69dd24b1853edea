"""Composing a report from evidence, gating it, and showing it."""
