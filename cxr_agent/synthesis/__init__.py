"""Radiographs out of CT volumes, with known geometry and true outlines, and the way back.

What is made here is a test bench for measurements and registration. Every film carries marks that
the reader honours: it is never evidence about a patient (:mod:`cxr_agent.imaging.synthetic`).
"""

from cxr_agent.synthesis.drr import Radiograph, radiograph, true_values
from cxr_agent.synthesis.film import STYLES, Style
from cxr_agent.synthesis.geometry import Beam, Pose, Projection, standing
from cxr_agent.synthesis.read import read_volume
from cxr_agent.synthesis.register import Registration, register
from cxr_agent.synthesis.volume import Volume

__all__ = [
    "STYLES",
    "Beam",
    "Pose",
    "Projection",
    "Radiograph",
    "Registration",
    "Style",
    "Volume",
    "radiograph",
    "read_volume",
    "register",
    "standing",
    "true_values",
]
