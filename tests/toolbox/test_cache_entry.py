"""An entry reads back as it was written, and anything else in its place is none."""

from __future__ import annotations

import hashlib
import json
import struct
import zlib
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from cxr_agent.toolbox.artifacts import mask_png
from cxr_agent.toolbox.cache.content import MaskDigests
from cxr_agent.toolbox.cache.entry import decode, encode, encode_abstention
from cxr_agent.toolbox.contract import Abstain, Mask, ToolSpec, spec_of
from cxr_agent.toolbox.reading import reading_of
from cxr_agent.toolbox.taken import AbstainedBefore, Taken
from cxr_agent.tools.segment_anatomy import STRUCTURES, segment_anatomy
from tests import observations
from tests.observations import ratio, region

KEY = "ab" * 32
SHAPE = (10, 13)
MARK = b"cxr-agent result\n"
START = len(MARK) + 32


def spec() -> ToolSpec:
    found = spec_of(segment_anatomy)
    assert found is not None
    return found


def a_mask(structure: str = "heart", shape: tuple[int, int] = SHAPE) -> Mask:
    plane = np.zeros(shape, dtype=np.bool_)
    plane[2:7, 3:9] = True
    return Mask(structure, plane, np.stack([plane[::2, ::2]] * 3), "anatomy")


def taken(*masks: Mask, **changed: Any) -> Taken:
    files = {mask.structure: mask_png(mask.plane) for mask in masks}
    return replace(
        Taken(
            record={"area_px": 30, "ratio": 0.1 + 0.2, "missing": []},
            statements=tuple((one, reading_of(one)) for one in (region("heart"), ratio())),
            files={**files, "lines": b"<svg/>"},
            masks={mask.structure: mask for mask in masks},
        ),
        **changed,
    )


def read(data: bytes, key: str = KEY, shape: tuple[int, int] = SHAPE) -> Any:
    return decode(data, key, spec(), shape, MaskDigests())


ENTRY = encode(KEY, taken(a_mask()), MaskDigests())


def forged(change: Callable[[dict[str, Any]], object], *blobs: bytes) -> bytes:
    """A whole entry that says something else; with other files and repeats where any are given."""
    (length,) = struct.unpack(">I", ENTRY[START : START + 4])
    header = json.loads(ENTRY[START + 4 : START + 4 + length])
    change(header)
    text = json.dumps(header).encode()
    rest = b"".join(blobs) if blobs else ENTRY[START + 4 + length :]
    body = struct.pack(">I", len(text)) + text + rest
    return MARK + hashlib.sha256(body).digest() + body


@settings(max_examples=60, deadline=None)
@given(
    plane=arrays.arrays(np.bool_, st.tuples(st.integers(1, 30), st.integers(1, 30))),
    grid=st.none() | st.tuples(st.integers(1, 4), st.integers(1, 9), st.integers(1, 9)),
    model=st.none() | st.just("anatomy"),
    record=st.dictionaries(
        st.text(max_size=5),
        st.recursive(
            st.none()
            | st.booleans()
            | st.integers(-(2**63), 2**63 - 1)
            | st.floats(allow_nan=False, allow_infinity=False)
            | st.text(st.characters(exclude_categories=["Cs"]), max_size=9),
            lambda inner: st.lists(inner, max_size=3),
            max_leaves=6,
        ),
        max_size=4,
    ),
)
def test_an_answer_reads_back(
    plane: np.ndarray[Any, np.dtype[np.bool_]],
    grid: tuple[int, int, int] | None,
    model: str | None,
    record: dict[str, Any],
) -> None:
    rows, columns = plane.shape
    repeats = None
    if grid is not None:
        shape = (grid[0], min(grid[1], rows), min(grid[2], columns))
        repeats = np.random.default_rng(rows).random(shape) < 0.5
    given_ = taken(Mask("heart", plane, repeats, model), record=record)
    digests, known = MaskDigests(), MaskDigests()
    found = decode(encode(KEY, given_, digests), KEY, spec(), (rows, columns), known)
    assert isinstance(found, Taken)
    assert found.cached
    assert (found.record, found.statements) == (record, given_.statements)
    assert json.dumps(found.record) == json.dumps(record)  # 1 is not 1.0
    assert list(found.files.items()) == list(given_.files.items())
    mask = found.masks["heart"]
    assert (mask.structure, mask.model) == ("heart", model)
    assert np.array_equal(mask.plane, plane)
    assert (mask.repeats is None) == (repeats is None)
    if mask.repeats is not None:
        assert np.array_equal(mask.repeats, repeats)
    fresh = MaskDigests()
    assert known.of(mask) == digests.of(given_.masks["heart"]) == fresh.of(mask)


def test_everything_that_can_be_stated_reads_back() -> None:
    said = tuple((one, "said") for one in observations.everything())
    found = read(encode(KEY, taken(statements=said), MaskDigests()))
    assert found.statements == said


def test_an_abstention_reads_back() -> None:
    found = read(encode_abstention(KEY, Abstain("anatomy", "lateral_view", "mask_missing")))
    assert isinstance(found, AbstainedBefore)
    assert (found.subject, found.reasons) == ("anatomy", ("lateral_view", "mask_missing"))


def test_what_could_not_be_read_is_not_written() -> None:
    with pytest.raises(ValueError, match="reasons"):
        encode_abstention(KEY, Abstain("anatomy", "In free text."))
    with pytest.raises(ValueError, match="finite"):
        encode(KEY, taken(record={"ratio": float("nan")}), MaskDigests())
    box = (0, 0, 1, 2**70)
    for statement in ((ratio(), "\ud800"), (region("heart").model_copy(update={"box": box}), "")):
        with pytest.raises(ValueError, match="JSON"):
            encode(KEY, taken(statements=(statement,)), MaskDigests())


def test_one_byte_that_is_not_as_it_was() -> None:
    small = encode(KEY, taken(record={}, statements=()), MaskDigests())
    for whole in (small, encode_abstention(KEY, Abstain("anatomy", "lateral_view"))):
        assert read(whole) is not None
        for at in range(len(whole)):
            for flip in (0x01, 0x80, 0xFF):
                damaged = bytearray(whole)
                damaged[at] ^= flip
                assert read(bytes(damaged)) is None, at
            assert read(whole[:at]) is None
        assert read(whole + b"\0") is None


@settings(max_examples=200, deadline=None)
@given(at=st.integers(0, len(ENTRY) - 1), byte=st.integers(0, 255))
def test_one_byte_of_a_larger_one(at: int, byte: int) -> None:
    damaged = ENTRY[:at] + bytes((byte,)) + ENTRY[at + 1 :]
    assert (read(damaged) is None) == (damaged != ENTRY)


def test_that_of_another_call_or_film() -> None:
    assert read(ENTRY) is not None
    assert read(ENTRY, key="cd" * 32) is None
    assert read(ENTRY, shape=(13, 10)) is None
    assert read(ENTRY, shape=(10, 14)) is None  # as many bytes a row


PNG = mask_png(a_mask().plane)
PLANE = zlib.compress(np.packbits(a_mask().plane).tobytes(), 1)


def repeats(**changed: Any) -> Callable[[dict[str, Any]], object]:
    return lambda header: header["masks"][0]["repeats"].update(changed)


def blobs(data: bytes, **changed: Any) -> bytes:
    """With other repeats."""
    return forged(repeats(size=len(data), **changed), PNG, b"<svg/>", PLANE, data)


BITS = 3 * 5 * 7


@pytest.mark.parametrize(
    "data",
    [
        forged(lambda header: header.update(more=1)),
        forged(lambda header: header.update(outcome="failed")),
        forged(lambda header: header.update(outcome="abstained")),
        forged(lambda header: header.update(key="cd" * 32)),
        forged(lambda header: header.pop("outcome")),
        forged(lambda header: header["record"].update(bad=1e999)),
        forged(lambda header: header["statements"].append(["said", "said"])),
        forged(lambda header: header["files"].append({"name": "more", "size": 1})),
        forged(lambda header: header["files"].pop()),
        forged(lambda header: header["files"][0].update(size=-1)),
        forged(lambda header: header["masks"].pop()),
        forged(lambda header: header["masks"][0].update(structure="spine")),
        forged(lambda header: header["masks"][0].update(structure="left_lung")),
        forged(lambda header: header["masks"][0].update(digest="no")),
        forged(repeats(shape=[3, 5, 8])),
        forged(repeats(shape=[3, 5, 6])),
        forged(repeats(shape=[3, 5, 0])),
        forged(repeats(shape=[3, 5, -7])),
        forged(repeats(shape=[3, 5000, 7000])),
        forged(repeats(shape=[1000, 5, 7])),
        forged(repeats(shape=[3, 5])),
        blobs(b"no zlib"),
        blobs(zlib.compress(bytes(10**6))),
        blobs(zlib.compress(bytes((BITS + 7) // 8)) + b"more"),
        blobs(zlib.compress(bytes((BITS + 7) // 8))[:-1]),
        forged(lambda header: None, PNG, b"<svg/>"),
        forged(lambda header: header["masks"][0].update(plane=None)),
        forged(lambda header: header["masks"][0]["plane"].update(shape=[13, 10])),
        forged(lambda header: header["masks"][0]["plane"].update(shape=[10, 14])),
        forged(lambda header: header["masks"][0]["plane"].update(shape=[10])),
        MARK + hashlib.sha256(b"").digest(),
        MARK + hashlib.sha256(b"[" * 10**6).digest() + b"[" * 10**6,
        b"",
    ],
)
def test_a_forged_one_is_none(data: bytes) -> None:
    assert read(data) is None


def test_what_is_forged_well_is_one() -> None:
    """So that those above fail for what they were given."""
    assert read(forged(lambda header: None)) is not None
    assert read(blobs(zlib.compress(bytes((BITS + 7) // 8)))) is not None


def test_a_deeply_nested_header() -> None:
    text = b'{"record":' + b"[" * 10**5 + b"]" * 10**5 + b"}"
    body = struct.pack(">I", len(text)) + text
    assert read(MARK + hashlib.sha256(body).digest() + body) is None


def test_masks_are_told_apart() -> None:
    digests = MaskDigests()
    one = a_mask()
    assert one.repeats is not None
    others = [
        Mask("left_lung", one.plane, one.repeats, one.model),
        Mask("heart", ~one.plane, one.repeats, one.model),
        Mask("heart", one.plane.reshape(13, 10), one.repeats, one.model),
        Mask("heart", one.plane, ~one.repeats, one.model),
        Mask("heart", one.plane, one.repeats[:2], one.model),
        Mask("heart", one.plane, one.repeats.transpose(0, 2, 1), one.model),
        Mask("heart", one.plane, None, one.model),
        Mask("heart", one.plane, one.repeats, None),
    ]
    assert len({digests.of(mask) for mask in (one, *others)}) == len(others) + 1
    same = Mask("heart", np.asfortranarray(one.plane), one.repeats.copy(), one.model)
    assert digests.of(same) == digests.of(one)


def test_every_structure_can_be_kept() -> None:
    masks = [a_mask(name) for name in STRUCTURES]
    found = read(encode(KEY, taken(*masks), MaskDigests()))
    assert list(found.masks) == list(STRUCTURES)
