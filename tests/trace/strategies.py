"""Any event that the classes allow, for Hypothesis."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from cxr_agent.trace import (
    Answered,
    Asked,
    Conflict,
    Corrected,
    Event,
    EvidenceAdded,
    GateVerdict,
    ImageRecord,
    ModelCalled,
    Plan,
    ReportDrafted,
    ReportIssued,
    RunFinished,
    RunResumed,
    RunStarted,
    SpacingRecord,
    StudyLoaded,
    ToolCalled,
    ToolReturned,
    Withdrawn,
)

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
"""With every control character; lone surrogates fit in no file."""
names = texts.filter(bool)
codes = st.from_regex(r"[a-z][a-z0-9_]{0,9}", fullmatch=True)
hashes = st.binary(min_size=32, max_size=32).map(bytes.hex)
steps = st.integers(1, 2**70)
totals = st.integers(0, 2**70)
counts = st.none() | totals
seconds = st.floats(0, allow_infinity=False)
integers = st.integers(-(2**63), 2**63 - 1)
floats = st.floats(allow_nan=False, allow_infinity=False)
values = st.recursive(
    st.none() | st.booleans() | integers | floats | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=6,
)
objects = st.dictionaries(texts, values, max_size=3)
artifacts = st.dictionaries(names, hashes, max_size=2)


def _few(items: st.SearchStrategy[Any]) -> st.SearchStrategy[tuple[Any, ...]]:
    return st.lists(items, max_size=3).map(tuple)


spacings = st.builds(
    SpacingRecord,
    row_mm=st.floats(0, exclude_min=True, allow_infinity=False),
    column_mm=st.floats(0, exclude_min=True, allow_infinity=False),
    kind=codes,
)
images = st.builds(
    ImageRecord,
    handle=names,
    sha256=hashes,
    rows=steps,
    columns=steps,
    view=names,
    spacing=st.none() | spacings,
    notices=_few(codes),
    display=hashes,
    days_before=st.none() | integers,
)
events: st.SearchStrategy[Event] = st.one_of(
    st.builds(
        RunStarted,
        schema_version=st.sampled_from([1, 2]),
        run_id=names,
        program_version=names,
        planner=names,
        config=objects,
        versions=st.dictionaries(names, texts, max_size=2),
        seed=st.none() | integers,
    ),
    st.builds(
        StudyLoaded,
        images=_few(images),
        indication_sha256=st.none() | hashes,
        indication=st.none() | texts,
    ),
    st.builds(
        Plan,
        step=steps,
        planner=names,
        prompt_id=st.none() | names,
        prompt_sha256=st.none() | hashes,
        model=st.none() | names,
        tokens_in=counts,
        tokens_out=counts,
        cost=st.none() | seconds,
        latency_s=seconds,
        decision=names,
        arguments=objects,
        rationale=codes,
    ),
    st.builds(ToolCalled, step=steps, tool=names, tool_version=names, arguments=objects),
    st.builds(
        ToolReturned,
        step=steps,
        tool=names,
        outcome=st.sampled_from(["ok", "abstained", "failed"]),
        result=objects,
        codes=_few(codes),
        seconds=seconds,
        artifacts=artifacts,
    ),
    st.builds(
        EvidenceAdded,
        evidence=objects
        | st.fixed_dictionaries(
            {"id": names, "kind": names, "code": names, "reading": texts, "artifacts": artifacts}
        ),
    ),
    st.builds(Conflict, codes=_few(codes), evidence=_few(names), rule=codes),
    st.builds(ReportDrafted, sentences=_few(objects)),
    st.builds(
        GateVerdict,
        gate=codes,
        passed=st.booleans(),
        sentence=st.none() | texts,
        reason=codes,
        action=st.sampled_from(["kept", "repaired", "dropped", "added"]),
    ),
    st.builds(
        ModelCalled,
        purpose=st.sampled_from(["plan", "word", "answer"]),
        model=names,
        prompt_id=names,
        prompt_sha256=hashes,
        outcome=codes,
        attempts=totals,
        tokens_in=totals,
        tokens_out=totals,
        cost=st.none() | seconds,
        seconds=seconds,
        images=totals,
        sent=st.none() | hashes,
        received=st.none() | hashes,
    ),
    st.builds(
        Asked,
        turn=steps,
        sha256=hashes,
        text=st.none() | texts,
        intent=codes,
        subjects=_few(names),
    ),
    st.builds(
        Answered,
        turn=steps,
        sentences=_few(
            objects
            | st.fixed_dictionaries({"text": texts, "evidence": st.lists(names, max_size=3)})
        ),
        worded_by=names,
        unsupported=totals,
    ),
    st.builds(
        Corrected,
        step=steps,
        kind=st.sampled_from(["mask", "landmark", "finding"]),
        film=names,
        target=names,
        who=texts,
        why=texts,
        value=objects,
        artifacts=artifacts,
    ),
    st.builds(Withdrawn, evidence=_few(names), reason=codes),
    st.builds(ReportIssued, report_sha256=hashes, status=st.sampled_from(["complete", "partial"])),
    st.builds(RunResumed, program_version=names, planner=names, config=objects),
    st.builds(
        RunFinished,
        status=st.sampled_from(["complete", "partial", "refused", "failed"]),
        code=st.none() | codes,
        seconds=seconds,
        report_sha256=st.none() | hashes,
    ),
)
