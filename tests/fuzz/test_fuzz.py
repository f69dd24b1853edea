"""A short campaign in every run, 100,000 cases by ``make long``: docs/fuzzing.log."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from cxr_agent.errors import CxrAgentError
from cxr_agent.given_files import parsed_json, parsed_toml, read_given
from tests.long_runs import long_or

from . import engine
from .campaign import campaign
from .engine import Campaign, case_of
from .targets import Target

LOG = Path(__file__).resolve().parents[2] / "docs" / "fuzzing.log"
CASES = long_or(1000, 100_000)
"""A twentieth of them messages to the MCP server, the others files."""


@pytest.mark.long
def test_what_is_damaged_gives_typed_errors_alone(
    tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    log = long_or(tmp_path / "log", LOG)
    found = campaign(CASES, long_or(7, 1), log=log, keep=tmp_path / "trouble")
    record_property("cases", found.total)
    record_property("troubles", len(found.troubles))
    assert [(one.target, one.seed, one.what) for one in found.troubles] == []
    assert found.total == CASES
    assert len(found.cases) > 15
    assert found.taken.total() > CASES // 10
    assert sum(codes.total() for codes in found.codes.values()) > CASES // 2
    told = log.read_text().splitlines()
    assert told[1].startswith(f"{CASES} of {CASES} cases in ")
    assert told[2] == "escapes from the typed errors: 0"


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
