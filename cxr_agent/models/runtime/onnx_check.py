"""Whether an ONNX file of others may be shown to ONNX Runtime: read, not run, and bounded.

An ONNX file is a protocol buffer, and what it names is opened, run or made room for while it is
loaded: other files by path, operators of libraries of one's own, graphs within graphs, tensors of
any size. A network of a tool needs none of it, so all of it is refused here, before ONNX Runtime
sees a byte. What is not known is refused too.

What cannot be told without running it is how much memory and time a graph takes: a tool that runs
networks of others asks for a process of its own (docs/isolation.md), which has limits of both.

References
----------
``onnx.proto`` of ONNX 1.23 (IR version 14), https://github.com/onnx/onnx; the encoding:
https://protobuf.dev/programming-guides/encoding.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from cxr_agent.errors import ModelError

MOST_BYTES: Final = 512 * 2**20
MOST_NODES: Final = 20_000
MOST_TENSORS: Final = 20_000
NEWEST_IR: Final = 14
OPSETS: Final = range(7, 28)
"""Of the standard operators; ONNX Runtime 1.32 runs what lies in it."""
_DOMAINS: Final = frozenset({b"", b"ai.onnx"})
_REFUSED_OPERATORS: Final = {
    b"ImageDecoder": "it decodes files of pictures",
    b"RegexFullMatch": "it works on texts",
    b"StringConcat": "it works on texts",
    b"StringNormalizer": "it works on texts",
    b"StringSplit": "it works on texts",
    b"TfIdfVectorizer": "it works on texts",
}
_STRING: Final = 8
"""``TensorProto.DataType.STRING``."""
_PER_BYTE: Final = 4
"""Elements that a byte of a tensor may hold: two bits are the smallest type."""
_ORT_MARK: Final = b"ORTM"
"""At byte 4 of ONNX Runtime's own format, which it knows by this alone."""
_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5

_Table = dict[int, "str | None"]
_Field = tuple[int, int, "int | memoryview"]


class _Refusal(Exception):  # noqa: N818 - the reason for a refusal, told by ``require_plain``
    pass


@dataclass(slots=True)
class _Counts:
    graphs: int = 0
    nodes: int = 0
    tensors: int = 0
    opsets: set[bytes] = field(default_factory=set)


def require_plain(content: bytes, name: str) -> None:
    """Refuse what is no plain network.

    Parameters
    ----------
    content
        An ONNX file, whole.
    name
        How the user calls it; for the error.

    Raises
    ------
    ModelError
        ``onnx_refused``: too large, cut off or no ONNX file; data in other files; operators
        outside ONNX's own, or of another version; a graph within a graph; functions; training
        information; sparse tensors, tensors of texts, tensors that say they are larger than what
        is there; more nodes or tensors than a network of films has.
    """
    try:
        if len(content) > MOST_BYTES:
            raise _Refusal(f"it has more than {MOST_BYTES // 2**20} MiB")
        if content[4:8] == _ORT_MARK:
            raise _Refusal("it is in ONNX Runtime's own format")
        _model(memoryview(content))
    except _Refusal as refusal:
        raise ModelError(
            "onnx_refused",
            f"{name} is not loaded: {refusal}",
            hint="Export the network anew: one file, standard operators, nothing but inference.",
        ) from None


def _model(data: memoryview) -> None:
    counts = _Counts()
    for number, wire, value in _known(data, _MODEL, "the model"):
        match number:
            case 1 if not 3 <= _number(value, wire) <= NEWEST_IR:
                raise _Refusal("its IR version is not known")
            case 7:
                _graph(_message(value, wire), counts)
            case 8:
                _opset(_message(value, wire), counts)
    if not counts.graphs:
        raise _Refusal("it is no ONNX file")
    if not counts.opsets:
        raise _Refusal("it does not say which operators it uses")


def _opset(data: memoryview, counts: _Counts) -> None:
    domain, versions = b"", [0]
    for number, wire, value in _known(data, _OPSET, "an opset"):
        if number == 1:
            domain = bytes(_message(value, wire))
        else:
            versions.append(_number(value, wire))
    if domain not in _DOMAINS:
        raise _Refusal("it uses operators of a domain of its own")
    if versions[-1] not in OPSETS:
        raise _Refusal("the version of its operators is not known")
    counts.opsets.add(domain)


def _graph(data: memoryview, counts: _Counts) -> None:
    counts.graphs += 1
    if counts.graphs > 1:
        raise _Refusal("it has more than one graph")
    for number, wire, value in _known(data, _GRAPH, "the graph"):
        if number == 1:
            _node(_message(value, wire), counts)
        elif number == 5:
            _tensor(_message(value, wire), counts)


def _node(data: memoryview, counts: _Counts) -> None:
    counts.nodes += 1
    if counts.nodes > MOST_NODES:
        raise _Refusal(f"it has more than {MOST_NODES} nodes")
    for number, wire, value in _known(data, _NODE, "a node"):
        if number == 4:
            operator = bytes(_message(value, wire))
            if operator in _REFUSED_OPERATORS:
                reason = _REFUSED_OPERATORS[operator]
                raise _Refusal(f"it uses {operator.decode()}: {reason}")
        elif number == 7 and bytes(_message(value, wire)) not in _DOMAINS:
            raise _Refusal("it uses operators of a domain of its own")
        elif number == 5:
            for inner, kind, part in _known(_message(value, wire), _ATTRIBUTE, "an attribute"):
                if inner in (5, 10):
                    _tensor(_message(part, kind), counts)


def _tensor(data: memoryview, counts: _Counts) -> None:
    counts.tensors += 1
    if counts.tensors > MOST_TENSORS:
        raise _Refusal(f"it has more than {MOST_TENSORS} tensors")
    elements = 1
    for number, wire, value in _known(data, _TENSOR, "a tensor"):
        if number == 1:
            for side in _numbers(value, wire):
                # Counted as if none were 0, which hides an overflow from who multiplies.
                elements *= max(1, side)
                if side >= 1 << 63 or elements > _PER_BYTE * len(data):
                    raise _Refusal("a tensor says that it is larger than what is there")
        elif number == 2 and _number(value, wire) == _STRING:
            raise _Refusal("it holds texts in place of numbers")
        elif number == 14 and _number(value, wire) != 0:
            raise _Refusal("its data lie in another file")


def _known(data: memoryview, fields: _Table, what: str) -> Iterator[_Field]:
    """The fields of a message; a field that is refused, or is none of it, raises."""
    for number, wire, value in _fields(data):
        if number not in fields:
            raise _Refusal(f"{what} has a part that is not known")
        reason = fields[number]
        if reason is not None:
            raise _Refusal(reason)
        yield number, wire, value


def _fields(data: memoryview) -> Iterator[_Field]:
    at, end = 0, len(data)
    while at < end:
        tag, at = _varint(data, at)
        number, wire = tag >> 3, tag & 7
        if tag >= 1 << 32 or not number:
            # Readers differ in what they make of such a tag.
            raise _Refusal("it is no ONNX file")
        if wire == _VARINT:
            value, at = _varint(data, at)
            yield number, wire, value
            continue
        if wire == _BYTES:
            length, at = _varint(data, at)
        elif wire in (_FIXED32, _FIXED64):
            length = 4 if wire == _FIXED32 else 8
        else:
            raise _Refusal("it is no ONNX file")
        if length > end - at:
            raise _Refusal("it is cut off, or no ONNX file")
        yield number, wire, data[at : at + length]
        at += length


def _varint(data: memoryview, at: int) -> tuple[int, int]:
    value = 0
    for shift in range(0, 70, 7):
        if at >= len(data):
            break
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            if value >= 1 << 64:
                break
            return value, at
    raise _Refusal("it is cut off, or no ONNX file")


def _number(value: int | memoryview, wire: int) -> int:
    if wire != _VARINT or not isinstance(value, int):
        raise _Refusal("it is no ONNX file")
    return value


def _numbers(value: int | memoryview, wire: int) -> Iterator[int]:
    """One number, or several packed into one field."""
    if isinstance(value, int):
        yield value
        return
    if wire != _BYTES:
        raise _Refusal("it is no ONNX file")
    at = 0
    while at < len(value):
        one, at = _varint(value, at)
        yield one


def _message(value: int | memoryview, wire: int) -> memoryview:
    if wire != _BYTES or isinstance(value, int):
        raise _Refusal("it is no ONNX file")
    return value


def _table(plain: tuple[int, ...], refused: Mapping[int, str] | None = None) -> _Table:
    return dict.fromkeys(plain) | dict(refused or {})


_NESTED: Final = "it has a graph within a graph"
_SPARSE: Final = "it has sparse tensors"
# Numbers of the fields in onnx.proto, in the order of the names behind.
_MODEL: Final = _table(
    (1, 2, 3, 4, 5, 6, 7, 8, 14),  # versions, producer, domain, text, graph, opsets, metadata
    {20: "it trains", 25: "it has functions of its own", 26: "it is made for several devices"},
)
_OPSET: Final = _table((1, 2))
_GRAPH: Final = _table(
    (1, 2, 5, 10, 11, 12, 13, 14, 16),  # nodes, name, tensors, text, values, quantisation, metadata
    {15: _SPARSE},
)
_NODE: Final = _table(
    (1, 2, 3, 4, 5, 6, 7, 9),  # inputs, outputs, name, operator, attributes, text, domain, metadata
    {8: "it has functions of its own", 10: "it is made for several devices"},
)
_ATTRIBUTE: Final = _table(
    (1, 2, 3, 4, 5, 7, 8, 9, 10, 13, 20),  # name, values of all kinds, text, kind
    {
        **{6: _NESTED, 11: _NESTED, 22: _SPARSE, 23: _SPARSE},
        **{14: "it has types as values", 15: "it has types as values"},
        21: "it has functions of its own",
    },
)
_TENSOR: Final = _table(
    (
        1,
        2,
        4,
        5,
        7,
        8,
        9,
        10,
        11,
        12,
        14,
        16,
    ),  # sides, kind, numbers, name, text, where
    {
        3: "a tensor lies there in pieces",
        6: "it holds texts in place of numbers",
        13: "its data lie in another file",
    },
)
