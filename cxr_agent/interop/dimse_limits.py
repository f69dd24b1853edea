"""Bounds that peers of DIMSE are held to, in one place."""

from __future__ import annotations

from typing import Final

from cxr_agent.imaging.limits import MIB

CONNECT_S: Final = 10.0
ANSWER_S: Final = 60.0
"""For one answer of a peer, which writes what it got before it answers."""
GREETING_S: Final = 5.0
"""In which whoever connects has to ask for an association; till then it counts as a sender."""
SILENCE_S: Final = 30.0
"""Within a message, after which a peer is cut off."""

MAX_PDU_BYTES: Final = 1 * MIB
"""Of one unit of the protocol; 128 KiB are announced."""
ANNOUNCED_PDU_BYTES: Final = 128 * 1024
MAX_WAITING_BYTES: Final = 512 * MIB
"""Received and not yet written, over all associations."""
EXTRA_BYTES: Final = 2048 * MIB
"""Address space of the process above what it has after its imports."""
MAX_CONTEXTS: Final = 127
"""Of an association (PS3.8 7.1.1.13): kinds of objects, each in one transfer syntax."""
