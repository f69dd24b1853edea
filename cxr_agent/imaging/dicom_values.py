"""Typed values of the few header elements that are used."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from cxr_agent.errors import InputCode
from cxr_agent.imaging.dicom_elements import Element
from cxr_agent.imaging.dicom_tags import Tag
from cxr_agent.imaging.limits import MAX_TEXT_BYTES
from cxr_agent.imaging.refusal import refusal

_DECIMAL: Final = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")
_INTEGER: Final = re.compile(r"[+-]?\d{1,12}")
_WORD: Final = re.compile(r"[^\W_]+")


@dataclass(frozen=True, slots=True)
class Header:
    """A data set, or an item of a sequence, seen through :class:`Tag`."""

    elements: Mapping[int, Element]
    little: bool = True

    def has(self, tag: Tag) -> bool:
        """Whether the element is there, even if empty."""
        return tag in self.elements

    def filled(self, tag: Tag) -> bool:
        """Whether the element is there and holds something."""
        return bool(self.raw(tag).strip(b" \0"))

    def raw(self, tag: Tag) -> bytes:
        """The bytes of the value; none for an absent element."""
        element = self.elements.get(tag)
        return bytes(element.value) if element is not None else b""

    def texts(self, tag: Tag) -> list[str]:
        """The values of a text element, trimmed; an empty list when absent or empty.

        Bytes outside ASCII are kept as replacement characters: only English words, codes and
        numbers are ever compared with.

        Raises
        ------
        InputError
            ``metadata_bomb`` for a text that unfolds to millions of words.
        """
        raw = self.raw(tag).strip(b" \0")
        if not raw:
            return []
        if len(raw) > MAX_TEXT_BYTES:
            raise refusal(InputCode.METADATA_BOMB)
        text = raw.decode("utf-8", errors="replace")
        return [value.strip(" \0") for value in text.split("\\")]

    def text(self, tag: Tag) -> str:
        """The first value, or an empty string."""
        return next(iter(self.texts(tag)), "")

    def words(self, tag: Tag) -> list[str]:
        """The words of all values, upper case, split at anything that is no letter or digit."""
        return _WORD.findall(" ".join(self.texts(tag)).upper())

    def decimals(self, tag: Tag) -> list[float]:
        """The values of a DS element; what is not a finite number becomes NaN."""
        return [_decimal(text) for text in self.texts(tag)]

    def integer(self, tag: Tag) -> int | None:
        """The single value of an IS element.

        Raises
        ------
        InputError
            ``corrupt_header`` when it is no integer.
        """
        texts = self.texts(tag)
        if not texts:
            return None
        if len(texts) != 1 or not _INTEGER.fullmatch(texts[0]):
            raise refusal(InputCode.CORRUPT_HEADER)
        return int(texts[0])

    def shorts(self, tag: Tag, *, signed: bool = False) -> NDArray[np.int64]:
        """The values of a US, SS or OW element, read as ``signed`` 16-bit numbers or not."""
        raw = self.raw(tag)
        if len(raw) % 2:
            raise refusal(InputCode.CORRUPT_HEADER)
        kind = ("<" if self.little else ">") + ("i2" if signed else "u2")
        return np.frombuffer(raw, dtype=kind).astype(np.int64)

    def short(self, tag: Tag) -> int | None:
        """The single value of a US element.

        Raises
        ------
        InputError
            ``corrupt_header`` when there is more than one.
        """
        values = self.shorts(tag)
        if values.size > 1:
            raise refusal(InputCode.CORRUPT_HEADER)
        return int(values[0]) if values.size else None

    def items(self, tag: Tag) -> Iterator[Header]:
        """The items of a sequence."""
        element = self.elements.get(tag)
        for item in element.items if element is not None else ():
            yield Header(item, self.little)


def _decimal(text: str) -> float:
    """``float()`` would take ``1_0``, ``infinity`` and numerals of other scripts."""
    if not text.isascii() or not _DECIMAL.fullmatch(text):
        return math.nan
    value = float(text)
    return value if math.isfinite(value) else math.nan
