"""From an input to studies with their priors: folders, patterns, tables, DICOMDIR, DICOMweb.

:func:`studies_of` lists, :func:`fetched` gives the films of what was listed as local files.
"""

from cxr_agent.batch.item import BatchStudy
from cxr_agent.batch.listing.fetching import fetched
from cxr_agent.batch.listing.listed import Listed, Passed, Refused, Summary
from cxr_agent.batch.listing.listing import MAX_PRIORS, Listing, studies_of

__all__ = [
    "MAX_PRIORS",
    "BatchStudy",
    "Listed",
    "Listing",
    "Passed",
    "Refused",
    "Summary",
    "fetched",
    "studies_of",
]
