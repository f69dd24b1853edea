"""Reports that are films and evidence, with no sentences and no pictures."""

from __future__ import annotations

from collections.abc import Sequence

from hypothesis import strategies as st

from cxr_agent.evidence import Evidence, EvidenceKind
from cxr_agent.report.model import FilmSummary, Report
from tests.builders import Maker
from tests.observations import everything

DAYS: tuple[int | None, ...] = (30, None, 400)
"""Of prior-1, prior-2 and prior-3."""


def film(handle: str, days: int | None = None) -> FilmSummary:
    """A film that has no picture."""
    return FilmSummary(
        handle=handle,
        rows=512,
        columns=512,
        view="PA",
        spacing_mm=None,
        spacing_kind=None,
        sha256="0" * 64,
        notices=(),
        days_before=days,
        display="0" * 64,
    )


def report(
    evidence: Sequence[Evidence],
    days: Sequence[int | None] = DAYS,
    current: Sequence[str] = ("img-1",),
) -> Report:
    """A report that is its films and its evidence; priors by their days before the current one."""
    priors = (film(f"prior-{place}", before) for place, before in enumerate(days, start=1))
    return Report(
        run_id="run",
        program_version="0",
        planner="protocol",
        status="complete",
        exam="Chest radiograph",
        films=(*map(film, current), *priors),
        evidence=tuple(evidence),
    )


_TOLD = (EvidenceKind.MEASUREMENT, EvidenceKind.COMPARISON)
_STATED = [item for item in everything() if item.kind in _TOLD or item.code == "prior_comparison"]
_HANDLES = st.sampled_from(["img-1", "img-2", "prior-1", "prior-2", "prior-3", "prior-9"])


@st.composite
def reports(draw: st.DrawFn) -> Report:
    """A report on current films and priors with anything said of them."""
    make = Maker()
    for stated in draw(st.lists(st.sampled_from(_STATED), max_size=25)):
        if stated.against is not None:
            prior = draw(_HANDLES.filter(lambda handle: handle.startswith("prior-")))
            stated = stated.model_copy(update={"against": prior})
        make(stated, image=draw(_HANDLES))
    days = draw(st.lists(st.none() | st.integers(0, 9000), max_size=4))
    current = draw(st.sampled_from([("img-1",), ("img-1", "img-2"), ()]))
    return report(make.made, days=days, current=current)
