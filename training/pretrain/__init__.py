"""Self-supervised pretraining of the encoder, from which findings and embedding start."""
