"""What can be loaded: cards, weights, runtime."""
