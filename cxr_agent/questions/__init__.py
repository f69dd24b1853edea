"""What a reader asks, understood by rule: no language model is needed, and none is believed."""

from cxr_agent.questions.question import Intent, Question
from cxr_agent.questions.understand import asked_in, understand

__all__ = ["Intent", "Question", "asked_in", "understand"]
