"""``cxr-agent tools`` in the real program: written, checked, read with, and broken ones told."""

from __future__ import annotations

from pathlib import Path

import pytest

from cxr_agent.errors import UsageError
from cxr_agent.testing.scaffold import scaffold
from cxr_agent.toolbox.registry import known
from tests.cli.program import Films, run_program
from tests.toolbox.sources.plugins import drop_in, install, share_tool


@pytest.fixture
def home(tmp_path: Path) -> dict[str, str]:
    """Of a user who has no tools yet."""
    return {"XDG_DATA_HOME": str(tmp_path / "data")}


def test_a_new_tool_holds_and_is_read_with(
    films: Films, tmp_path: Path, home: dict[str, str]
) -> None:
    traces = tmp_path / "traces"
    new = run_program("tools", "new", "spine_offset", traces=traces, env=home)
    assert new.status == 0, new.err
    assert [Path(line).name for line in new.out.splitlines()[:3]] == [
        "spine_offset.py",
        "test_spine_offset.py",
        "spine_offset.md",
    ]
    checked = run_program("tools", "check", "spine_offset", "--json", traces=traces, env=home)
    assert checked.status == 0, checked.out
    assert {one["outcome"] for one in checked.json["spine_offset"]} == {"passed", "skipped"}
    report = run_program("read", films["grey8.png"], "--json", traces=traces, env=home).json
    (item,) = (one for one in report["evidence"] if one["code"] == "spine_offset")
    assert item["provenance"]["tool"] == "spine_offset"
    said = [one["text"] for one in report["findings"] if one["evidence"] == [item["id"]]]
    assert said == [item["reading"]]
    assert report["status"] == "complete"
    again = run_program("tools", "new", "spine_offset", traces=traces, env=home)
    assert (again.status, again.errors) == (2, [("", "tool_exists")])


@pytest.mark.parametrize("name", ["../up", "Heart", "heart2", "measure_ctr", "cardiomegaly", "if"])
def test_names_that_no_tool_can_have(name: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError):
        scaffold(name, tmp_path / "data", known())
    assert not (tmp_path / "data").exists()


def test_one_tool_is_run_on_a_film(films: Films, tmp_path: Path) -> None:
    folder = drop_in(tmp_path / "tools", apex=share_tool("apex"))
    ran = run_program(
        "tools", "run", "apex", films["grey8.png"], "--tools", folder, "--json", traces=tmp_path
    )
    assert ran.status == 0, ran.err
    (call,) = ran.json
    assert call["outcome"] == "ok"
    assert call["evidence"][0]["value"] == call["result"]["share"]
    unknown = run_program("tools", "run", "none", films["grey8.png"], traces=tmp_path)
    assert unknown.errors == [("", "no_such_tool")]


def test_a_broken_plug_in_is_told_and_the_film_is_read(films: Films, tmp_path: Path) -> None:
    site = tmp_path / "site"
    site.mkdir()
    install(site, "sound-kit", {"sound": "sound_kit"}, sound_kit=share_tool("sound"))
    install(site, "broken-kit", {"broken": "broken_kit"}, broken_kit="raise SystemExit(9)")
    env = {"PYTHONPATH": f"{site}:{Path.cwd()}"}
    ran = run_program("read", films["grey8.png"], "--json", traces=tmp_path / "traces", env=env)
    assert ran.status == 0
    assert "plug-in left out: entry point broken-kit 2.5" in ran.err
    assert "sound_share" in {one["code"] for one in ran.json["evidence"]}
    listed = run_program(
        "tools", "list", "--json", traces=tmp_path, env={**env, "CXR_AGENT_PLUGINS": "none"}
    )
    assert "sound" not in {one["name"] for one in listed.json}
    assert listed.err == ""


@pytest.mark.slow
def test_workers_of_a_batch_have_the_same_tools(films: Films, tmp_path: Path) -> None:
    folder = drop_in(tmp_path / "tools", apex=share_tool("apex"))
    source = tmp_path / "films"
    source.mkdir()
    (source / "a.png").write_bytes(films["grey8.png"].read_bytes())
    out = tmp_path / "out"
    ran = run_program(
        *("batch", source, "--out", out, "--workers", "1", "--tools", folder), traces=tmp_path
    )
    assert ran.status == 0, ran.err
    reports = [path.read_text() for path in out.rglob("*.json")]
    assert any("apex_share" in text for text in reports)
