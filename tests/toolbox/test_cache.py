"""What is kept is used for the same call alone, and then nobody can tell that no tool ran."""

from __future__ import annotations

import errno
import importlib
import os
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import cxr_agent.toolbox.cache.cache as module
from cxr_agent.errors import ModelError, UsageError
from cxr_agent.evidence import Observation
from cxr_agent.knowledge import Threshold, thresholds_changed
from cxr_agent.models.anatomy import Anatomy, Outline
from cxr_agent.models.runtime.runtime import Runtime
from cxr_agent.reading import Agent
from cxr_agent.report.model import Report
from cxr_agent.study import AgeGroup, Image, Notice, PixelSpacing, SpacingKind, Study, View
from cxr_agent.testing.phantom import PhantomSpec
from cxr_agent.toolbox.arguments import ToolCall
from cxr_agent.toolbox.cache import ResultCache, result_cache, store
from cxr_agent.toolbox.cache.store import EntryStore
from cxr_agent.toolbox.contract import Abstain, Mask, ToolResult, ToolSpec, spec_of, tool
from cxr_agent.toolbox.execute import Outcome
from cxr_agent.toolbox.registry import Registry, built_in
from cxr_agent.trace import ToolReturned, read_trace
from cxr_agent.trace.diff import diff
from tests.builders import Bank, Scene, scene
from tests.cli.program import write_films
from tests.observations import ratio

OPEN = Callable[..., Bank]
FILM = {"film": "img-1"}
READING = tuple(
    ToolCall(name, FILM)
    for name in ("segment_anatomy", "check_view", "classify_findings", "measure_ctr")
)
HEART = PhantomSpec(cardiothoracic_ratio=0.52)


@pytest.fixture
def cache(tmp_path: Path) -> ResultCache:
    return ResultCache(EntryStore(tmp_path / "cache", 2**30))


@pytest.fixture
def ran(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """How often each tool was really run for the cache."""
    counted: Counter[str] = Counter()
    answer_of = module.answer_of

    def counting(spec: ToolSpec, bound: Any) -> Any:
        counted[spec.name] += 1
        return answer_of(spec, bound)

    monkeypatch.setattr(module, "answer_of", counting)
    return counted


@pytest.fixture
def study(open_bank: OPEN, cache: ResultCache, ran: Counter[str]) -> Callable[..., list[str]]:
    """Makes calls on a study, and says which of their tools were run for it."""

    def make(
        made: Scene | None = None,
        calls: Sequence[ToolCall] = READING,
        before: Callable[[Bank], object] = lambda bank: None,
        registry: Registry | None = None,
    ) -> list[str]:
        bank = open_bank(made or scene(HEART), registry)
        bank.toolbox.cache = cache
        ran.clear()
        for call in calls:
            if call == READING[-1]:
                before(bank)
            bank.toolbox.run(call)
        return sorted(ran)

    return make


ALL = sorted(call.tool for call in READING)


def returned(bank: Bank) -> list[ToolReturned]:
    return [event for event in bank.events if isinstance(event, ToolReturned)]


def changed(scene: Scene, **film: Any) -> Scene:
    """With other properties of its film; the model knows the film by its pixels."""
    images = (replace(scene.study.images[0], **film), *scene.study.images[1:])
    scene.study = Study(images, scene.study.priors)
    return scene


def registry_with(**specs: dict[str, Any]) -> Registry:
    """The built-in tools, some of them changed."""
    return Registry(replace(spec, **specs.get(spec.name, {})) for spec in built_in())


# What a hit is worth


def everything(made: Scene) -> list[ToolCall]:
    """Every tool on every film, and the comparison."""
    handles = [film.handle for film in (*made.study.images, *made.study.priors)]
    specs = sorted(built_in(), key=lambda spec: spec.name != "segment_anatomy")
    needed = {"segment_structure": {"structure": "left_costophrenic_angle"}}
    calls = [
        ToolCall(spec.name, {"film": handle, **needed.get(spec.name, {})})
        for spec in specs
        if spec.prior_parameter is None
        for handle in handles
    ]
    return [*calls, ToolCall("compare_with_prior", {**FILM, "prior": "prior-1"})]


def test_every_tool_says_the_same_from_the_cache(
    open_bank: OPEN, cache: ResultCache, ran: Counter[str]
) -> None:
    def read(kept: ResultCache | None) -> tuple[Bank, list[Outcome]]:
        made = scene(HEART, priors=[PhantomSpec(cardiothoracic_ratio=0.4)], size=256)
        made.shelf.networks["findings"].outputs["logits"] = [3.0, 0.0]  # with a heatmap
        bank = open_bank(made)
        bank.toolbox.cache = kept
        return bank, [bank.toolbox.run(call) for call in everything(made)]

    (without, _), (missed, _) = read(None), read(cache)
    assert ran.keys() > {"segment_anatomy", "measure_ctr", "compare_with_prior"}
    ran.clear()
    hit, outcomes = read(cache)
    assert {outcome.status for outcome in outcomes} == {"ok", "abstained"}
    assert not ran
    # What lacks a mask is not even looked for.
    assert {e.codes for e in returned(hit) if not e.cached} == {("mask_missing",)}
    assert not any(e.cached for e in (*returned(without), *returned(missed)))
    kinds = {name.split("_")[0] for event in returned(hit) for name in event.artifacts}
    assert {"saliency", "lines", "difference", "heart"} <= kinds
    for bank in (missed, hit):
        assert bank.toolbox.stated == without.toolbox.stated
        for one, other in zip(returned(bank), returned(without), strict=True):
            assert one.model_copy(update={"cached": False, "seconds": other.seconds}) == other
            for sha256 in one.artifacts.values():
                assert bank.artifact(sha256) == without.artifact(sha256)
        for handle in ("img-1", "prior-1"):
            ours, theirs = bank.toolbox.bench.masks(handle), without.toolbox.bench.masks(handle)
            assert list(ours) == list(theirs)
            for name, mask in ours.items():
                assert (mask.structure, mask.model) == (name, theirs[name].model)
                assert mask.plane.dtype == np.bool_
                assert np.array_equal(mask.plane, theirs[name].plane)
                assert mask.repeats is not None
                assert np.array_equal(mask.repeats, theirs[name].repeats)


def portable(report: Report) -> bytes:
    """Without the name of the run and its place."""
    return report.model_copy(update={"run_id": "", "trace": None}).record()


def test_a_report_is_the_same_byte_for_byte(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    film = write_films(tmp_path)["grey8.png"]
    with Agent(traces=tmp_path / "traces") as agent:
        plain = agent.read(film)
    monkeypatch.setenv("CXR_AGENT_CACHE", str(tmp_path / "cache"))
    with Agent(traces=tmp_path / "traces") as agent:
        first = agent.read(film)
    monkeypatch.delenv("CXR_AGENT_CACHE")
    with Agent(traces=tmp_path / "traces", cache=tmp_path / "cache") as agent:
        second = agent.read(film)
    assert portable(first) == portable(second) == portable(plain)
    traces = [read_trace(Path(one.trace)) for one in (first, second) if one.trace is not None]
    cached = [[e.cached for e in t.events if isinstance(e, ToolReturned)] for t in traces]
    assert not any(cached[0])
    assert all(cached[1])
    assert diff(*traces).differences == ()
    kept = b"".join(path.read_bytes() for path in (tmp_path / "cache").rglob("*/*"))
    for named in (film.name, str(tmp_path), first.run_id):
        assert named.encode() not in kept


# What is made anew


def test_one_tool_changed_is_the_only_one_run(study: Callable[..., list[str]]) -> None:
    assert study() == ALL
    assert study() == []
    assert study(registry=registry_with(measure_ctr={"version": "9"})) == ["measure_ctr"]
    # Its masks came out the same, so that what looks at them need not be run.
    assert study(registry=registry_with(segment_anatomy={"version": "9"})) == ["segment_anatomy"]


def test_what_looks_at_a_changed_outline_is_run_again(study: Callable[..., list[str]]) -> None:
    def shifted() -> Scene:
        made = scene(HEART)
        masks = made.shelf.model.truth[0][1]
        masks["heart"] = np.roll(masks["heart"], 2, axis=1)
        return made

    study()
    registry = registry_with(segment_anatomy={"version": "9"})
    assert study(shifted(), registry=registry) == ["measure_ctr", "segment_anatomy"]
    assert study(shifted(), registry=registry) == []


def test_other_weights(study: Callable[..., list[str]], monkeypatch: pytest.MonkeyPatch) -> None:
    study()
    told = Runtime.weights_sha256

    def other(runtime: Runtime, card: Any) -> str:
        return "f" * 64 if card.id == "view" else told(runtime, card)

    monkeypatch.setattr(Runtime, "weights_sha256", other)
    assert study() == ["check_view"]


def test_a_model_for_another_device(
    study: Callable[..., list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    study()
    monkeypatch.setattr(Runtime, "form", "safetensors")
    assert {"segment_anatomy", "check_view", "classify_findings"} <= set(study())


def test_other_thresholds(study: Callable[..., list[str]]) -> None:
    study()
    with thresholds_changed({"ctr_pa": Threshold(value=0.4, source="ours")}):
        assert study() == ALL
        assert study() == []
    assert study() == []


@pytest.mark.parametrize(
    "film",
    [
        {"sha256": "0" * 64},
        {"view": View.AP},
        {"view_source": "none"},
        {"age_group": AgeGroup.PAEDIATRIC},
        {"spacing": PixelSpacing(0.2, 0.2, SpacingKind.DETECTOR)},
        {"notices": (Notice.INVERTED,)},
    ],
    ids=lambda film: next(iter(film)),
)
def test_another_film(study: Callable[..., list[str]], film: dict[str, Any]) -> None:
    study()
    assert study(changed(scene(HEART), **film)) == ALL


def test_the_same_film_elsewhere_in_another_study(study: Callable[..., list[str]]) -> None:
    study()
    on_prior = [ToolCall(call.tool, {"film": "prior-1"}) for call in READING]
    assert study(scene(None, priors=[HEART]), on_prior) == []
    on_second = [ToolCall(call.tool, {"film": "img-2"}) for call in READING]
    assert study(scene(None, HEART), on_second) == []


def test_a_comparison_goes_by_the_priors_place_and_outlines(
    study: Callable[..., list[str]],
) -> None:
    def compared(handle: str, *priors: PhantomSpec) -> list[str]:
        call = ToolCall("compare_with_prior", {**FILM, "prior": handle})
        outlines = [ToolCall("segment_anatomy", {"film": film}) for film in ("img-1", handle)]
        return study(scene(HEART, priors=priors), [*outlines, call])

    small, large = PhantomSpec(cardiothoracic_ratio=0.4), PhantomSpec(cardiothoracic_ratio=0.6)
    compared("prior-1", small)
    assert compared("prior-1", small) == []
    # The evidence names the prior, so its place counts where the film is compared.
    assert compared("prior-2", large, small) == ["compare_with_prior"]
    assert compared("prior-2", small, large) == ["compare_with_prior", "segment_anatomy"]


def test_a_readers_correction(study: Callable[..., list[str]]) -> None:
    def corrected(rows: int) -> Callable[[Bank], None]:
        def correct(bank: Bank) -> None:
            drawn = bank.toolbox.bench.mask("img-1", "heart")
            assert drawn is not None
            plane = np.roll(drawn.plane, rows, axis=1)
            bank.toolbox.bench.correct_mask("img-1", Mask("heart", plane))

        return correct

    study()
    assert study(before=corrected(3)) == ["measure_ctr"]
    assert study(before=corrected(3)) == []
    assert study(before=corrected(4)) == ["measure_ctr"]

    def placed(bank: Bank) -> None:
        bank.toolbox.bench.place("img-1", "cardiothoracic_ratio.heart_left", (90.0, 70.0))

    assert study(before=placed) == ["measure_ctr"]
    assert study(before=placed) == []


PLUG_IN = """
from collections.abc import Iterable
from cxr_agent.evidence import Observation
from cxr_agent.study import Image
from cxr_agent.toolbox import Abstain, ToolResult, tool

@tool(version="1", purpose="Looks.", subject="anatomy")
def added(film: Image) -> ToolResult:
    raise Abstain("anatomy", "{reason}")

def factory():
    @tool(version="1", purpose="Looks.", subject="anatomy")
    def made(film: Image) -> ToolResult:
        raise Abstain("anatomy", "{reason}")
    return made

made = factory()
"""


def test_an_edited_tool_of_the_same_version(
    study: Callable[..., list[str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(tmp_path)

    def run(name: str, reason: str, handle: str = "img-1") -> list[str]:
        (tmp_path / "plug_in.py").write_text(PLUG_IN.format(reason=reason))
        sys.modules.pop("plug_in", None)
        importlib.invalidate_caches()
        # The second that a compiled file goes by may be the same.
        monkeypatch.setattr(sys, "dont_write_bytecode", True)
        spec = spec_of(getattr(importlib.import_module("plug_in"), name))
        assert spec is not None
        made = scene(None, HEART)
        return study(made, [ToolCall(name, {"film": handle})], registry=Registry([spec]))

    assert run("added", "mask_missing") == ["added"]
    assert run("added", "mask_missing") == []
    assert run("added", "lateral_view") == ["added"]
    # What an added tool makes of a film's place in the study is not known.
    assert run("added", "lateral_view", "img-2") == ["added"]
    # What was made by a function may depend on what that was given.
    assert run("made", "mask_missing") == run("made", "mask_missing") == ["made"]
    sys.modules.pop("plug_in")


# What is never kept


class Said(ToolResult):
    number: float = 1.0

    def observations(self) -> Iterable[Observation]:
        return (ratio(),)


DOES: dict[str, Callable[[], Said]] = {}


@tool(version="1", purpose="Does as told.", subject="cardiothoracic_ratio", time_limit_s=0.2)
def told(film: Image, view: View = View.PA, closely: bool = False) -> Said:
    return DOES["now"]()


def raising(error: Exception) -> Callable[[], Said]:
    def fail() -> Said:
        raise error

    return fail


def run_told(
    study: Callable[..., list[str]],
    does: Callable[[], Said] = Said,
    arguments: dict[str, Any] | None = None,
    **changed: Any,
) -> list[str]:
    DOES["now"] = does
    spec = spec_of(told)
    assert spec is not None
    calls = [ToolCall("told", FILM | (arguments or {}))]
    return study(None, calls, registry=Registry([replace(spec, **changed)]))


def test_another_choice(study: Callable[..., list[str]]) -> None:
    for arguments in ({}, {"view": "AP"}, {"closely": True}):
        assert run_told(study, arguments=arguments) == ["told"]
        assert run_told(study, arguments=arguments) == []
    assert run_told(study, arguments={"view": "PA", "closely": False}) == []


@pytest.mark.parametrize(
    "fails",
    [
        raising(RuntimeError("no")),
        raising(ModelError("out_of_memory", "no")),
        lambda: time.sleep(1) or Said(),
        lambda: "no result",
    ],
    ids=["failure", "error", "timeout", "breach"],
)
def test_what_failed_is_tried_again(study: Callable[..., list[str]], fails: Any) -> None:
    assert run_told(study, fails) == ["told"]
    assert run_told(study) == ["told"]
    assert run_told(study) == []


def test_an_abstention_is_kept_with_its_reasons(open_bank: OPEN, cache: ResultCache) -> None:
    DOES["now"] = raising(Abstain("cardiothoracic_ratio", "lateral_view", "mask_missing"))
    spec = spec_of(told)
    assert spec is not None
    banks = [open_bank(scene(HEART), Registry([spec])) for _ in range(2)]
    for bank in banks:
        bank.toolbox.cache = cache
        outcome = bank.toolbox.run(ToolCall("told", FILM))
        assert (outcome.status, outcome.codes) == ("abstained", ("lateral_view", "mask_missing"))
    assert banks[0].toolbox.stated == banks[1].toolbox.stated
    assert [returned(bank)[0].cached for bank in banks] == [False, True]


def test_what_is_not_deterministic(study: Callable[..., list[str]]) -> None:
    assert run_told(study, deterministic=False) == ["told"]
    assert run_told(study, deterministic=False) == ["told"]


def test_a_mask_of_a_model_that_nobody_knows(study: Callable[..., list[str]]) -> None:
    def correct(bank: Bank) -> None:
        drawn = bank.toolbox.bench.mask("img-1", "heart")
        assert drawn is not None
        bank.toolbox.bench.correct_mask("img-1", Mask("heart", drawn.plane, None, "not_there"))

    study()
    assert study(before=correct) == study(before=correct) == ["measure_ctr"]


@pytest.mark.parametrize(
    "repeats",
    [[1], np.ones((3, 9, 9), np.uint8), np.ones((9, 9), np.bool_), np.ones((1, 9999, 9), np.bool_)],
    ids=["list", "grey", "one", "fine"],
)
def test_a_tool_that_draws_repeats_of_another_kind(
    repeats: Any, open_bank: OPEN, cache: ResultCache, ran: Counter[str]
) -> None:
    """No contract checks them, so that only what looks at them can fail."""
    for runs in (1, 2):
        made = scene(HEART)
        masks = made.shelf.model.truth[0][1]
        outlines = {name: Outline(plane, repeats) for name, plane in masks.items()}
        made.shelf.model.segment = lambda *a, o=outlines, **k: Anatomy(o, 0.99)  # type: ignore[method-assign]
        bank = open_bank(made)
        bank.toolbox.cache = cache
        bank.toolbox.run_all(READING)
        assert ran["segment_anatomy"] == runs


# What stands in the way


@pytest.mark.parametrize("why", ["file", "full"])
def test_a_folder_that_cannot_be_written_to_costs_a_notice_once(
    why: str, open_bank: OPEN, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(descriptor: int, data: bytes) -> None:
        os.write(descriptor, data[:10])
        raise OSError(errno.ENOSPC, "full")

    if why == "file":
        (tmp_path / "cache").write_text("")
    else:
        write_file = store.write_file

        def on_a_full_disk(path: Path, data: bytes, *, sync: bool) -> None:
            with monkeypatch.context() as disk:
                disk.setattr("cxr_agent.trace.durable.write_all", full)
                write_file(path, data, sync=sync)

        monkeypatch.setattr(store, "write_file", on_a_full_disk)
    cache = ResultCache(EntryStore(tmp_path / "cache", 2**30))
    plain, made = open_bank(scene(HEART)), scene(HEART)
    made.shelf.runtime = Runtime("cpu")
    tried = open_bank(made)
    tried.toolbox.cache = cache
    for bank in (plain, tried):
        bank.toolbox.run_all(READING)
    assert tried.toolbox.stated == plain.toolbox.stated
    assert [e.codes for e in returned(tried)] == [("cache_unusable",), (), (), ()]
    assert [notice.text for notice in made.shelf.runtime.notices] == [
        "the cache cannot be written to: results are not kept"
    ]
    assert [path for path in (tmp_path / "cache").rglob("*") if path.is_file()] == []


@pytest.mark.parametrize("damage", [b"", b"nonsense", None], ids=["empty", "foreign", "another's"])
def test_a_damaged_entry_is_replaced(
    damage: bytes | None, study: Callable[..., list[str]], tmp_path: Path
) -> None:
    study()
    files = [path for path in (tmp_path / "cache").rglob("*") if path.is_file()]
    assert len(files) == len(READING)
    contents = [path.read_bytes() for path in files]
    for path, other in zip(files, contents[1:] + contents[:1], strict=True):
        path.write_bytes(other if damage is None else damage)
    assert study() == ALL
    assert [path.read_bytes() for path in files] == contents
    assert study() == []


def test_calls_side_by_side_share_it(open_bank: OPEN, cache: ResultCache) -> None:
    for cached in (False, True):
        bank = open_bank(scene(HEART))
        bank.toolbox.cache = cache
        bank.toolbox.run_all(READING)
        assert [event.cached for event in returned(bank)] == [cached] * len(READING)


@pytest.mark.parametrize("size", ["0", "-1", "lots", "1.5", "١"])
def test_a_size_that_is_none(size: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CXR_AGENT_CACHE_MIB", size)
    with pytest.raises(UsageError) as caught:
        result_cache(tmp_path, ())
    assert caught.value.code == "bad_cache_size"


def test_without_a_folder_there_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CXR_AGENT_CACHE", "")
    assert result_cache(None, ()) is None
