"""Files that a session takes in and gives out."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Final

import numpy as np

from cxr_agent.chat.chat import Chat
from cxr_agent.errors import InputError, UsageError
from cxr_agent.given_files import MIB, read_given
from cxr_agent.output import write_whole
from cxr_agent.report.model import Report
from cxr_agent.report.render import to_html, to_json, to_markdown, to_text
from cxr_agent.toolbox.contract import BoolMask
from cxr_agent.trace import read_trace

_INSIDE: Final = 127
_MOST_MASK_BYTES: Final = 64 * MIB


def read_mask(path: Path) -> BoolMask:
    """A mask as a picture: white is what is outlined.

    Raises
    ------
    InputError
        ``bad_mask``.
    """
    from PIL import Image

    try:
        with Image.open(io.BytesIO(read_given(path, _MOST_MASK_BYTES))) as picture:
            return np.asarray(picture.convert("L")) > _INSIDE
    except Exception:  # Pillow raises some twenty kinds, from OSError to struct.error
        raise InputError(
            "bad_mask", "the mask cannot be read as a picture", hint="Give a PNG."
        ) from None


def write_report(chat: Chat, path: Path) -> None:
    """Write the report, whole or not at all; the ending says in which form.

    Raises
    ------
    UsageError
        ``unknown_ending``.
    OutputError
        ``output_not_writable``.
    """
    write_whole(path, _rendered(chat, chat.report, path.suffix.lower()).encode())


def _rendered(chat: Chat, report: Report, ending: str) -> str:
    match ending:
        case ".html":
            return to_html(report, read_trace(chat.run.trace.directory).artifact)
        case ".md":
            return to_markdown(report)
        case ".json":
            return to_json(report)
        case ".txt":
            return to_text(report)
    raise UsageError(
        "unknown_ending", "the ending of the file says no form", hint=".html, .md, .json or .txt"
    )
