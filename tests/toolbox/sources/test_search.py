"""Tools from a folder, from installed distributions, and given: found, refused, passed over."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from cxr_agent.errors import ConfigError, UsageError
from cxr_agent.toolbox.origin import SourceKind
from cxr_agent.toolbox.sources import PluginChoice, ToolSources
from cxr_agent.toolbox.sources.folder import load_file
from cxr_agent.toolbox.sources.loading import tools_of
from tests.toolbox.sources.plugins import drop_in, install, share_tool


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    place = tmp_path / "site"
    place.mkdir()
    monkeypatch.syspath_prepend(place)
    return place


def codes(sources: ToolSources) -> dict[str, str]:
    return {one.name: one.code for one in sources.found().skipped}


def test_each_file_of_a_folder_is_a_tool(tmp_path: Path) -> None:
    folder = drop_in(
        tmp_path / "tools",
        upper=share_tool("upper"),
        lower=share_tool("lower"),
        _helper="raise SystemExit",
        test_upper="raise SystemExit",
    )
    found = ToolSources.wanted(folder=folder, plugins="none").found()
    assert not found.skipped
    assert [spec.name for spec in found.registry.plug_ins()] == ["lower", "upper"]
    origin = found.registry.origin("upper")
    assert (origin.kind, origin.place) == (SourceKind.FOLDER, str(folder / "upper.py"))
    assert found.registry.get("upper").version == "1.0"  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("source", "code"),
    [
        ("import nothing_of_that_name", "plugin_broken"),
        ("def broken(:", "plugin_broken"),
        ("raise SystemExit(3)", "plugin_broken"),
        ("number = 3", "no_tool"),
        (
            share_tool("twisted").replace('subject="twisted_share"', 'subject="nowhere"'),
            "bad_tool_contract",
        ),
        (share_tool("taken", "cardiothoracic_ratio"), "bad_tool_contract"),
        (share_tool("measure_ctr", "shadow_share"), "tool_name_taken"),
    ],
)
def test_what_is_broken_is_told_and_passed_over(tmp_path: Path, source: str, code: str) -> None:
    folder = drop_in(tmp_path / "tools", a_broken=source, fine=share_tool("fine"))
    sources = ToolSources.wanted(folder=folder, plugins="none")
    assert codes(sources) == {"a_broken.py": code}
    assert [spec.name for spec in sources.found().registry.plug_ins()] == ["fine"]


def test_a_clash_names_both_origins(tmp_path: Path) -> None:
    folder = drop_in(tmp_path / "tools", one=share_tool("same"), two=share_tool("same"))
    (skipped,) = ToolSources.wanted(folder=folder, plugins="none").found().skipped
    assert skipped.code == "tool_name_taken"
    assert str(folder / "one.py") in skipped.message
    assert str(folder / "two.py") in skipped.message


def test_what_a_plug_in_prints_does_not_reach_standard_output(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = drop_in(tmp_path / "tools", loud="print('hello')\n" + share_tool("loud"))
    ToolSources.wanted(folder=folder, plugins="none").found()
    assert capsys.readouterr().out == ""


def test_installed_plug_ins_are_found(site: Path) -> None:
    install(
        site,
        "chest-extras",
        {"apex": "extras_apex", "base": "extras_base:base", "gone": "extras_gone"},
        extras_apex=share_tool("apex"),
        extras_base=share_tool("base"),
    )
    found = ToolSources().found()
    assert [spec.name for spec in found.registry.plug_ins()] == ["apex", "base"]
    assert str(found.registry.origin("apex")) == (
        "entry point chest-extras 2.5 (apex = extras_apex)"
    )
    (skipped,) = found.skipped
    assert skipped.code == "plugin_broken"
    assert "gone = extras_gone" in skipped.origin.place


@pytest.mark.parametrize(
    ("choice", "names"),
    [
        ("all", ["first", "second"]),
        ("none", []),
        ("chosen-first", ["first"]),
        ("-second-kit", ["first"]),
        ("second", ["second"]),
        ("-first-kit,-second", []),
    ],
)
def test_plug_ins_are_picked_before_they_are_imported(
    site: Path, monkeypatch: pytest.MonkeyPatch, choice: str, names: list[str]
) -> None:
    for stem in ("first", "second"):
        point = {f"chosen-{stem}" if stem == "first" else stem: f"picked_{stem}"}
        install(site, f"{stem}-kit", point, **{f"picked_{stem}": share_tool(stem)})
        sys.modules.pop(f"picked_{stem}", None)
    monkeypatch.setenv("CXR_AGENT_PLUGINS", choice)
    found = ToolSources.wanted().found()
    assert [spec.name for spec in found.registry.plug_ins()] == names
    assert {f"picked_{name}" for name in names} == {m for m in sys.modules if "picked_" in m}
    assert not found.skipped


def test_a_slip_in_the_choice_is_told() -> None:
    assert codes(ToolSources.wanted(plugins="-nobody")) == {"nobody": "plugin_unknown"}
    with pytest.raises(UsageError, match="bad_plugins"):
        PluginChoice.read("one,-two")


def test_what_is_given_must_be_a_tool_of_a_free_name(tmp_path: Path) -> None:
    spec = next(tools_of(load_file(drop_in(tmp_path, own=share_tool("own")) / "own.py")))
    found = ToolSources((spec.function,), None, PluginChoice(only=())).found()
    assert [one.name for one in found.registry.plug_ins()] == ["own"]
    for given, code in (((spec, spec), "tool_name_taken"), ((len,), "bad_tool_contract")):
        with pytest.raises(ConfigError, match=code):
            ToolSources(given, None, PluginChoice(only=())).found()


def test_a_folder_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no_tools_folder"):
        ToolSources.wanted(folder=tmp_path / "none")
