"""Python imports this at its start where this folder is on PYTHONPATH: it puts the guard up."""

import os
import sys
from importlib.machinery import PathFinder
from importlib.util import module_from_spec

_HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:] = [place for place in sys.path if os.path.abspath(place) != _HERE]


def _others():
    """The one that this hides, where there is one: a test may have its own."""
    spec = PathFinder.find_spec("sitecustomize", sys.path)
    if spec is not None and spec.loader is not None:
        spec.loader.exec_module(module_from_spec(spec))


def _guard():
    spec = PathFinder.find_spec("loopback_only", [os.path.dirname(_HERE)])
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    module.guard()


_guard()
_others()
