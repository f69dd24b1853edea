"""A short campaign in every run; the whole one is ``make fuzz``."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from cxr_agent.errors import CxrAgentError
from cxr_agent.given_files import parsed_json, parsed_toml, read_given

from . import engine
from .engine import Campaign, case_of, fuzz
from .messages import fuzz_messages
from .targets import Target


def test_damaged_files_give_typed_errors_alone() -> None:
    found = fuzz(1000, seed=7)
    assert [(one.target, one.seed, one.what) for one in found.troubles] == []
    assert found.total == 1000
    assert len(found.cases) > 15
    assert found.taken.total() > 100
    assert sum(codes.total() for codes in found.codes.values()) > 500


def test_damaged_messages_leave_the_server_answering() -> None:
    found = fuzz_messages(75, seed=7)
    assert [one.what for one in found.troubles] == []


def _hangs(_: bytes) -> None:
    while True:
        pass


def _falls(_: bytes) -> None:
    raise KeyError("anything")


def _refuses(_: bytes) -> None:
    raise CxrAgentError("a_code", "told")


@pytest.mark.parametrize(
    ("read", "what"), [(_hangs, "hang"), (_falls, "KeyError: 'anything'"), (_refuses, "")]
)
def test_trouble_is_noticed(
    read: Callable[[bytes], None], what: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine, "HANGS_AFTER_S", 0.05)
    found, target = Campaign(), Target("one", [b"seed of a file"], read)
    engine._run(target, 3, found)
    assert [one.what for one in found.troubles] == ([what] if what else [])
    assert case_of(target, 3) == case_of(target, 3)


@pytest.mark.parametrize(
    ("read", "data"),
    [
        (parsed_toml, b"x = " + b"[" * 100_000),
        (parsed_toml, b"a." * 20_000 + b"a = 1"),
        (parsed_toml, b"\xff"),
        (parsed_json, b"[" * 100_000),
        (parsed_json, b"9" * 10_000),
    ],
)
def test_what_a_parser_gives_up_on_is_a_value_error(
    read: Callable[[bytes], object], data: bytes
) -> None:
    with pytest.raises(ValueError, match=r"."):
        read(data)


def test_a_given_file_is_bounded(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"12345")
    assert read_given(path, 5) == b"12345"
    with pytest.raises(ValueError, match="larger"):
        read_given(path, 4)
    with pytest.raises(OSError, match="regular"):
        read_given(Path("/dev/zero"), 4)
    with pytest.raises(IsADirectoryError):
        read_given(tmp_path, 4)
