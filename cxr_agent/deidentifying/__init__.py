"""Copies of films that may be given away: nothing in them says who, when or where.

References
----------
DICOM PS3.15 Annex E (Attribute Confidentiality Profiles).
"""

from cxr_agent.deidentifying.deidentifier import Copied, Deidentifier, films_of
from cxr_agent.deidentifying.options import Dates, Options
from cxr_agent.deidentifying.pseudonyms import Pseudonyms, kept_key, key_of

__all__ = [
    "Copied",
    "Dates",
    "Deidentifier",
    "Options",
    "Pseudonyms",
    "films_of",
    "kept_key",
    "key_of",
]
