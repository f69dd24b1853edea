"""A procedural chest film with exact ground truth: masks of every structure, and true values."""

from cxr_agent.testing.phantom.film import STRUCTURES, Mask, Phantom, draw, random_spec
from cxr_agent.testing.phantom.spec import PhantomSpec

__all__ = ["STRUCTURES", "Mask", "Phantom", "PhantomSpec", "draw", "random_spec"]
