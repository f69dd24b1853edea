"""Serves the embedded models: device, batches, memory, and one load per process."""
