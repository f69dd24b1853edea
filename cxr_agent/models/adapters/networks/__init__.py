"""Networks of public checkpoints whose own packages cannot be imported here, in torch."""
