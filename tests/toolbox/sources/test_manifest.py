"""A plug-in with a manifest is listed and planned with without running its code."""

from __future__ import annotations

import os
import pickle
import sys
from pathlib import Path

import pytest

from cxr_agent.errors import ToolError
from cxr_agent.testing.checks.scene import Bank, phantom
from cxr_agent.toolbox.answer import answer_of
from cxr_agent.toolbox.arguments import ToolCall, bind
from cxr_agent.toolbox.cache.cache import ResultCache
from cxr_agent.toolbox.cache.store import EntryStore
from cxr_agent.toolbox.description import described
from cxr_agent.toolbox.sources import FoundTools, ToolSources
from cxr_agent.toolbox.sources.folder import load_file
from cxr_agent.toolbox.sources.loading import tools_of
from cxr_agent.toolbox.sources.manifest import manifest_text
from tests.toolbox.sources.plugins import install, share_tool

CHOOSING = """
import enum


class Which(enum.Enum):
    WHOLE = "whole"
    HALF = "half"

"""


def source(name: str) -> str:
    """A tool with a choice and a reason of its own."""
    text = share_tool(name).replace("right_lung: Mask,", "right_lung: Mask, ")
    text = text.replace("left_lung: Mask)", "left_lung: Mask, part: Which = Which.WHOLE)")
    text = text.replace("    area = ", "    assert isinstance(part, Which)\n    area = ")
    text = text.replace(
        "    words=", f'    reasons={{"{name}_unseen": "it is hidden"}},\n    words='
    )
    head, mark, rest = text.partition("\nclass Share")
    return head + CHOOSING + mark + rest


def found_with(site: Path, name: str, manifest: str, monkeypatch: pytest.MonkeyPatch) -> FoundTools:
    install(site, f"{name}-kit", {name: f"{name}_kit"}, **{f"{name}_kit": source(name)})
    (site / f"{name}_kit.tools.toml").write_text(manifest)
    monkeypatch.syspath_prepend(site)
    return ToolSources().found()


def written(tmp_path: Path, name: str) -> str:
    path = tmp_path / f"{name}.py"
    path.write_text(source(name))
    (spec,) = tools_of(load_file(path))
    return manifest_text(spec)


def test_it_is_listed_without_its_code_and_runs_with_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = tmp_path / "site"
    found = found_with(site, "tip", written(tmp_path, "tip"), monkeypatch)
    assert not found.skipped
    assert "tip_kit" not in sys.modules
    spec = pickle.loads(pickle.dumps(found.registry.get("tip")))
    facts = described(spec, found.registry.origin("tip"))
    assert facts["parameters"][-1] == {
        "name": "part",
        "kind": "choice",
        "choices": ["whole", "half"],
        "default": "whole",
    }
    bank = Bank(spec)
    bound = bind(spec, ToolCall("tip", {"film": "img-1", "part": "half"}), bank.bench(phantom()))
    assert answer_of(spec, bound).statements[0][1].startswith("Tip share 0.")
    assert "tip_kit" in sys.modules


def test_one_that_its_code_outgrew_fails_as_a_tool(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = written(tmp_path, "rim").replace('version = "1.0"', 'version = "0.9"')
    spec = found_with(tmp_path / "site", "rim", old, monkeypatch).registry.get("rim")
    assert spec is not None
    with pytest.raises(ToolError, match="manifest_stale"):
        spec.function()


@pytest.mark.parametrize("text", ["", "[[tool]]\nname = 3\n", "not toml", "[[tool]]\n" * 2])
def test_what_is_no_manifest_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    found = found_with(tmp_path / "site", "dome", text, monkeypatch)
    assert [one.code for one in found.skipped] == ["bad_manifest"]


def test_its_results_are_kept_as_those_of_any_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = found_with(tmp_path / "site", "bud", written(tmp_path, "bud"), monkeypatch)
    spec = found.registry.get("bud")
    assert spec is not None
    bank = Bank(spec)
    bench = bank.bench(phantom())
    cache = ResultCache(EntryStore(tmp_path / "cache", 2**30), [spec])
    for part, cached in (("half", False), ("half", True), ("whole", False)):
        bound = bind(spec, ToolCall("bud", {"film": "img-1", "part": part}), bench)
        assert cache.taken(spec, bound, bench.shelf).cached is cached


def test_it_runs_where_its_code_asks_to(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A manifest says where a tool runs, and the code is not run anywhere else."""
    elsewhere = (
        source("stem")
        .replace("from cxr_agent.toolbox import", "import os\n\nfrom cxr_agent.toolbox import")
        .replace("AddedWords, Mask", "AddedWords, Mask, OwnProcess")
        .replace("    version=", "    isolation=OwnProcess(),\n    version=")
        .replace("    share: float", "    share: float\n    process: int")
        .replace("return Share(", "return Share(process=os.getpid(), ")
    )
    path = tmp_path / "stem.py"
    path.write_text(elsewhere)
    (written_spec,) = tools_of(load_file(path))
    install(tmp_path / "site", "stem-kit", {"stem": "stem_kit"}, stem_kit=elsewhere)
    (tmp_path / "site" / "stem_kit.tools.toml").write_text(manifest_text(written_spec))
    monkeypatch.syspath_prepend(tmp_path / "site")
    found = ToolSources().found()
    spec = found.registry.get("stem")
    assert spec is not None
    assert described(spec, found.registry.origin("stem"))["isolation"] == {"kind": "process"}
    assert "stem_kit" not in sys.modules
    bench = Bank(spec).bench(phantom())
    answer = answer_of(spec, bind(spec, ToolCall("stem", {"film": "img-1"}), bench))
    bench.host.close()
    assert answer.record["process"] not in (0, os.getpid())


def test_one_that_cannot_be_imported_fails_as_a_tool(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = written(tmp_path, "root")
    site = tmp_path / "site"
    found = found_with(site, "root", text, monkeypatch)
    (site / "root_kit.py").write_text("raise RuntimeError\n")
    spec = found.registry.get("root")
    assert spec is not None
    bound = bind(spec, ToolCall("root", {"film": "img-1"}), Bank(spec).bench(phantom()))
    with pytest.raises(ToolError) as error:
        answer_of(spec, bound)
    assert error.value.code == "tool_failed"
