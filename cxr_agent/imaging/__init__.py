"""From files to films: decoding, checks, presentation and de-identification.

:func:`load_study` is what the rest of the program uses. Files are decoded in a worker process
that is limited in memory and time (:class:`Decoder`); neither Pillow nor a codec is ever
imported here.
"""

from cxr_agent.imaging.decoder import Decoder
from cxr_agent.imaging.film import DecodedFilm
from cxr_agent.imaging.load import load_study
from cxr_agent.imaging.prior_search import PriorFolder, PriorSearch, PriorSource

__all__ = ["DecodedFilm", "Decoder", "PriorFolder", "PriorSearch", "PriorSource", "load_study"]
