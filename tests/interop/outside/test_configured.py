"""A mapping that is named once: by an option, the environment or the configuration."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from cxr_agent.errors import ConfigError
from cxr_agent.interop.outside_source import OUTSIDE_VARIABLE, configured_mapping
from cxr_agent.planning.protocol import load_protocol
from cxr_agent.reading import Agent
from cxr_agent.toolbox.origin import SourceKind
from tests.cli.program import run_program

PROGRAM = Path(__file__).with_name("foreign_server.py")
MAPPING = f"""
[servers.foreign]
command = ["{sys.executable}", "{PROGRAM}"]
[servers.foreign.tools.their_ratio]
tool = "ratio"
subject = "cardiothoracic_ratio"
kind = "measurement"
film = "picture"
send_film = true
[servers.foreign.tools.their_ratio.answer]
value = "ctr"
unit = "1"
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in (OUTSIDE_VARIABLE, "CXR_AGENT_CONFIG"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "lab.toml").write_text(MAPPING)
    (tmp_path / "config.toml").write_text('[outside]\nmapping = "lab.toml"\n')
    return tmp_path


def test_the_nearest_one_counts(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert configured_mapping() is None
    assert configured_mapping(config=folder / "config.toml") == folder / "lab.toml"
    monkeypatch.setenv("CXR_AGENT_CONFIG", str(folder / "config.toml"))
    assert configured_mapping() == folder / "lab.toml"
    monkeypatch.setenv(OUTSIDE_VARIABLE, "other.toml")
    assert configured_mapping() == Path("other.toml")
    assert configured_mapping("third.toml") == Path("third.toml")


@pytest.mark.parametrize(
    "text", ["outside = 3\n", "[outside]\nmap = 'x'\n", "[outside]\nmapping = 3\n"]
)
def test_a_configuration_that_is_wrong_is_told(folder: Path, text: str) -> None:
    (folder / "wrong.toml").write_text(text)
    with pytest.raises(ConfigError) as error:
        configured_mapping(config=folder / "wrong.toml")
    assert error.value.code == "bad_config"


def test_its_tools_are_beside_all_others_and_planned_with(folder: Path) -> None:
    with Agent(traces=folder, plugins="none", config=folder / "config.toml") as agent:
        setup = agent.setup
        assert setup.registry.origin("their_ratio").kind is SourceKind.OUTSIDE
        assert setup.registry.get("measure_ctr") is not None
        added = setup.protocol.step[len(load_protocol().step) :]
        assert "their_ratio" in [one.tool for one in added]


def test_they_are_listed(folder: Path) -> None:
    ran = run_program("tools", "list", "--outside", folder / "lab.toml", traces=folder)
    assert ran.status == 0, ran.err
    assert "their_ratio 1 (outside by the mapping lab.toml)" in ran.out
    ran = run_program("tools", "list", "--outside", folder / "none.toml", traces=folder)
    assert [code for _, code in ran.errors] == ["mapping_unreadable"]
