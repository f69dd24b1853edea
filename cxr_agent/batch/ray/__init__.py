"""Studies read by the machines of a Ray cluster: decoding and reading as separate stages."""

from cxr_agent.batch.ray.runner import RayRunner

__all__ = ["RayRunner"]
