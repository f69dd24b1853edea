"""Radiological English read by rule: sections, sentences, and what each of them claims.

Text is data here: nothing in it is obeyed, and what is not understood is kept as it stands.
"""

from cxr_agent.prose.claims import Claim, Status
from cxr_agent.prose.phrases import words_of
from cxr_agent.prose.quantities import Quantity
from cxr_agent.prose.read import ReadSentence, read_sentence, words_read
from cxr_agent.prose.sections import Passage, passages_of
from cxr_agent.prose.sentences import Span, sentence_spans

__all__ = [
    "Claim",
    "Passage",
    "Quantity",
    "ReadSentence",
    "Span",
    "Status",
    "passages_of",
    "read_sentence",
    "sentence_spans",
    "words_of",
    "words_read",
]
