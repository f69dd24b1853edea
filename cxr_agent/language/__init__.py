"""Language models: one exchange at a time, within a deadline, with prompts that are files.

What may be said to a model is decided by those who ask; :mod:`cxr_agent.language.outgoing` masks
what a person typed. LiteLLM is imported when the first question is put, not before.
"""

from cxr_agent.language.client import LanguageModel
from cxr_agent.language.exchange import Exchange, Heard, Message, WantedCall
from cxr_agent.language.outgoing import masked
from cxr_agent.language.prompts import Prompt, load_prompt
from cxr_agent.language.settings import ModelSettings, configured_model

__all__ = [
    "Exchange",
    "Heard",
    "LanguageModel",
    "Message",
    "ModelSettings",
    "Prompt",
    "WantedCall",
    "configured_model",
    "load_prompt",
    "masked",
]
