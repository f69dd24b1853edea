"""How the embedding was trained and tested."""
