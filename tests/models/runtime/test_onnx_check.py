"""ONNX files of others: what is no plain network never reaches ONNX Runtime."""

from __future__ import annotations

import os
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
from google.protobuf.message import DecodeError
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper

from cxr_agent.errors import ModelError
from cxr_agent.models.foreign import open_onnx
from cxr_agent.models.runtime import onnx_check
from cxr_agent.models.runtime.onnx_check import require_plain
from cxr_agent.models.store import list_cards, verified_weights


def network(weight: Any = None, *, operator: str = "Add", **node: Any) -> Any:
    """``y = x + weight`` for two numbers, or another operator."""
    weight = weight or helper.make_tensor("w", TensorProto.FLOAT, [2], [1.0, 2.0])
    graph = helper.make_graph(
        [helper.make_node(operator, ["x", "w"], ["y"], **node)],
        "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [2])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [2])],
        [weight],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def reason(content: bytes) -> str:
    with pytest.raises(ModelError) as caught:
        require_plain(content, "x.onnx")
    assert caught.value.code == "onnx_refused"
    assert caught.value.hint
    return caught.value.message.removeprefix("x.onnx is not loaded: ")


def outside(path: str) -> Any:
    """A weight that lies in another file."""
    weight = onnx.TensorProto(name="w", data_type=TensorProto.FLOAT, dims=[2])
    weight.data_location = TensorProto.EXTERNAL
    for key, value in (("location", path), ("offset", "0"), ("length", "8")):
        weight.external_data.add(key=key, value=value)
    return weight


def with_graph_within() -> Any:
    made = network()
    inner = made.graph.node[0].attribute.add(name="body", type=onnx.AttributeProto.GRAPH)
    inner.g.CopyFrom(network().graph)
    return made


def with_graphs_within() -> Any:
    made = network()
    made.graph.node[0].attribute.add(name="bodies", type=onnx.AttributeProto.GRAPHS).graphs.add()
    return made


def with_function() -> Any:
    made = network(operator="Mine", domain="own")
    made.opset_import.add(domain="own", version=1)
    opsets = [helper.make_opsetid("", 17)]
    add = helper.make_node("Add", ["x", "w"], ["y"])
    made.functions.append(helper.make_function("own", "Mine", ["x", "w"], ["y"], [add], opsets))
    return made


def with_constant(tensor: Any) -> Any:
    made = network()
    made.graph.node.append(helper.make_node("Constant", [], ["c"], value=tensor))
    return made


def with_sparse() -> Any:
    made = network()
    made.graph.sparse_initializer.add().dims.extend([1 << 30, 1 << 30])
    return made


def larger(*sides: int) -> Any:
    weight = helper.make_tensor("w", TensorProto.FLOAT, [2], [1.0, 2.0])
    weight.dims[:] = sides
    return network(weight)


def with_opset(domain: str, version: int) -> Any:
    made = network()
    made.opset_import.add(domain=domain, version=version)
    return made


def old() -> Any:
    made = network()
    made.ir_version = 99
    return made


def training() -> Any:
    made = network()
    made.training_info.add().algorithm.name = "a"
    return made


TEXTS = helper.make_tensor("t", TensorProto.STRING, [1], [b"text"])
HOSTILE: dict[str, tuple[Callable[[], Any], str]] = {
    **{
        f"data at {path}": (lambda path=path: network(outside(path)), "another file")
        for path in ("/etc/passwd", "../../secret", "beside.bin", "link", "", "\0")
    },
    "data of a constant elsewhere": (lambda: with_constant(outside("/etc/passwd")), "another file"),
    "operators of a library": (lambda: network(operator="Run", domain="own"), "domain of its own"),
    "contributed operators": (lambda: network(domain="com.microsoft"), "domain of its own"),
    "an opset of its own": (lambda: with_opset("own", 1), "domain of its own"),
    "operators to come": (lambda: with_opset("", 99), "not known"),
    "operators of long ago": (lambda: with_opset("", 1), "not known"),
    "a negative version": (lambda: with_opset("", -1), "not known"),
    "a format to come": (old, "IR version"),
    "a graph within": (with_graph_within, "within a graph"),
    "graphs within": (with_graphs_within, "within a graph"),
    "functions": (with_function, "domain of its own|functions"),
    "training": (training, "trains"),
    "sparse tensors": (with_sparse, "sparse"),
    "texts": (lambda: with_constant(TEXTS), "texts"),
    "a decoder of pictures": (lambda: network(operator="ImageDecoder"), "decodes"),
    "a search in texts": (lambda: network(operator="RegexFullMatch"), "texts"),
    "a bomb": (lambda: larger(1 << 30, 1 << 30), "larger than"),
    "an overflow": (lambda: larger(1 << 32, 1 << 32, 0), "larger than"),
    "a negative side": (lambda: larger(-1), "larger than"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_what_is_no_plain_network_is_refused(name: str) -> None:
    make, why = HOSTILE[name]
    assert any(part in reason(make().SerializeToString()) for part in why.split("|"))


def test_one_that_is_split_is_read_as_a_whole() -> None:
    """Two messages in one file are one to protobuf: what is refused must not hide in the second."""
    second = onnx.ModelProto()
    second.graph.initializer.append(outside("/etc/passwd"))
    both = network().SerializeToString() + second.SerializeToString()
    assert onnx.ModelProto.FromString(both).graph.initializer[1].external_data
    assert reason(both) == "it has more than one graph"
    tail = onnx.ModelProto()
    tail.opset_import.add(domain="own", version=1)
    assert "domain" in reason(network().SerializeToString() + tail.SerializeToString())


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "no ONNX file"),
        (b"\x80\x04\x95 a pickle", "no ONNX file|not known|cut off"),
        (b"<html>", "no ONNX file|not known|cut off"),
        (network().SerializeToString()[:-3], "cut off"),
        (b"\x08\x08\x12\x00ORTM", "own format"),
        (b"\x0b" + network().SerializeToString(), "no ONNX file"),  # a group
        (b"\x00\x00", "no ONNX file"),
        (b"\x88\x80\x80\x80\x80\x01\x08", "no ONNX file"),  # a tag that some cut to 32 bits
        (b"\x08" + b"\xff" * 11, "no ONNX file"),
        (b"\xfa\x07\x00" + network().SerializeToString(), "not known"),
        (onnx.ModelProto(ir_version=8).SerializeToString(), "no ONNX file"),
    ],
)
def test_what_is_no_onnx_file(content: bytes, why: str) -> None:
    assert any(part in reason(content) for part in why.split("|"))


def test_limits_of_size(monkeypatch: pytest.MonkeyPatch) -> None:
    content = with_constant(helper.make_tensor("c", TensorProto.INT8, [1], [1])).SerializeToString()
    require_plain(content, "x.onnx")
    for limit, most, why in (
        ("MOST_NODES", 1, "more than 1 nodes"),
        ("MOST_TENSORS", 1, "more than 1 tensors"),
        ("MOST_BYTES", 16, "more than 0 MiB"),
    ):
        with monkeypatch.context() as patch:
            patch.setattr(onnx_check, limit, most)
            assert why in reason(content)


@pytest.mark.parametrize("card", list_cards(), ids=lambda card: card.id)
def test_our_own_networks_pass(card: Any) -> None:
    require_plain(verified_weights(card), card.weights_file)


@settings(max_examples=150, deadline=None)
@given(st.integers(0, 400), st.binary(min_size=1, max_size=6), st.booleans())
def test_bytes_that_changed_are_refused_or_harmless(at: int, change: bytes, grow: bool) -> None:
    """No other exception; what passes is a plain network to onnx's own reader, too."""
    whole = network().SerializeToString()
    at %= len(whole)
    content = whole[:at] + change + whole[at + (0 if grow else len(change)) :]
    try:
        require_plain(content, "x.onnx")
    except ModelError:
        return
    try:
        made = onnx.ModelProto.FromString(content)
    except DecodeError:  # ONNX Runtime says so, too
        return
    assert not made.functions
    assert not any(one.external_data for one in made.graph.initializer)
    assert {one.domain for one in made.opset_import} <= {"", "ai.onnx"}
    assert {one.domain for one in made.graph.node} <= {"", "ai.onnx"}


def written(folder: Path, made: Any) -> tuple[Path, str]:
    content = made.SerializeToString()
    path = folder / "net.onnx"
    path.write_bytes(content)
    return path, sha256(content).hexdigest()


def test_a_plain_network_is_opened_and_runs(tmp_path: Path) -> None:
    path, digest = written(tmp_path, network())
    session = open_onnx(path, digest, threads=1)
    (found,) = session.run(None, {"x": np.array([10, 20], np.float32)})
    assert found.tolist() == [11, 22]
    with pytest.raises(ModelError) as caught:
        open_onnx(path, "0" * 64)
    assert caught.value.code == "checksum_mismatch"


def test_onnx_runtime_would_have_read_the_other_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "beside.bin").write_bytes(np.array([5, 7], np.float32).tobytes())
    path, digest = written(tmp_path, network(outside("beside.bin")))
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    (found,) = session.run(None, {"x": np.zeros(2, np.float32)})
    assert found.tolist() == [5, 7], "the file is read where nothing is checked"
    monkeypatch.setattr(onnxruntime, "InferenceSession", None)
    with pytest.raises(ModelError) as caught:
        open_onnx(path, digest)
    assert caught.value.code == "onnx_refused"


def test_links_folders_and_pipes_are_not_followed(tmp_path: Path) -> None:
    path, digest = written(tmp_path, network())
    (tmp_path / "link.onnx").symlink_to(path)
    os.mkfifo(tmp_path / "pipe.onnx")
    for name in ("link.onnx", "pipe.onnx", "none.onnx", "."):
        with pytest.raises(ModelError) as caught:
            open_onnx(tmp_path / name, digest)
        assert caught.value.code == "weights_missing"
