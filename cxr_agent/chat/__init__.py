"""A study that stays open: questions, corrections, reports, and a session that can go on later."""

from cxr_agent.chat.answer import Answer, Noted
from cxr_agent.chat.chat import Chat

__all__ = ["Answer", "Chat", "Noted"]
