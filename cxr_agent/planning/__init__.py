"""Choosing the steps of a reading: one graph, exchangeable planners, budgets."""
