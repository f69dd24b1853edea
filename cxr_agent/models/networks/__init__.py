"""Architectures of the embedded models in torch: imported by training and by GPU back ends only."""
