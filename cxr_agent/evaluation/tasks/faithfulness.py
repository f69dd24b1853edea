"""``faithfulness``: does a report say what was found, all of it, and nothing else.

Two judges that share no code of the gate's decision: the gate's own rule, applied anew to the
report as it left, and :mod:`cxr_agent.checking`, which reads the sentences as free text. How much
a judge would have seen is measured on the same reports with faults planted in them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from pydantic import JsonValue

from cxr_agent.checking import check_text
from cxr_agent.checking.model import CheckedReport
from cxr_agent.evaluation.runs.model import Outcome
from cxr_agent.evaluation.runs.task import Answer, Case, Measure, mean_of
from cxr_agent.evaluation.tasks import TaskOptions
from cxr_agent.evaluation.tasks.over_films import OverFilms
from cxr_agent.evaluation.tasks.planted import planted
from cxr_agent.evaluation.tasks.reader import Reading, gated
from cxr_agent.evidence import Evidence, EvidenceKind, Polarity
from cxr_agent.report.gates.support import fault_of
from cxr_agent.report.model import Report, Sentence

NORMAL: Final = "normal-template"
_TEMPLATE: Final = (
    "The lungs are clear.",
    "No pleural effusion.",
    "No pneumothorax.",
    "The cardiac silhouette is not enlarged.",
    "No pulmonary edema.",
)
"""What stands in a report that was written without looking."""
_OMISSIONS: Final = ("omission", "omitted_comparison")


def made(options: TaskOptions) -> Faithfulness:
    """The task; see :class:`Faithfulness`."""
    return Faithfulness(options)


class Faithfulness(OverFilms):
    """Every planner's reports, beside a template of normal findings that nobody looked for."""

    name = "faithfulness"
    title = "Faithfulness of reports to their evidence"
    question = (
        "How many sentences of a report does its evidence bear out, and what did tools find that "
        "no sentence says?"
    )
    limits = (
        "Whether the evidence is right: a report can say faithfully what a tool got wrong.",
        "Where tools disagree a report quotes both, and says which counts: what the other says is "
        "contradicted by evidence here.",
        "Both judges read English by rule; what they read wrongly in both ways is not seen. "
        "The share of planted faults that they find is given beside.",
        "Whether a radiologist would have left a sentence out, or said more.",
    )

    @property
    def systems(self) -> Sequence[str]:
        return (*self.planners, NORMAL)

    def answer(self, system: str, case: Case, traces: Path) -> Answer:
        template = system == NORMAL
        reading = self.reader.read(
            self.planners[0] if template else system, [case.data.path], traces
        )
        if template:
            return Answer(_judged(_template(), reading.report.evidence), reading.trace)
        return Answer(_of(reading), reading.trace)

    def measures(self, outcomes: Sequence[Outcome]) -> Sequence[Measure]:
        kinds = sorted({str(k) for o in outcomes for k in _listed(o, "planted")})
        return [
            Measure("sentences supported", mean_of("supported"), unit="share", better="higher"),
            Measure("claims contradicted by evidence", mean_of("contradicted"), better="lower"),
            Measure("findings above threshold left out", mean_of("omitted"), better="lower"),
            Measure("errors found by check-report", mean_of("errors"), better="lower"),
            Measure("sentences", mean_of("sentences")),
            Measure(
                "draft sentences kept by the gate",
                mean_of("draft_kept"),
                unit="share",
                counted=lambda one: "draft_kept" in one.values,
            ),
            *(
                Measure(
                    "planted faults refused by the gate",
                    mean_of(f"caught {kind}"),
                    about=kind.replace("_", " "),
                    unit="share",
                    better="higher",
                    counted=lambda one, key=f"caught {kind}": key in one.values,  # type: ignore[misc]
                )
                for kind in kinds
            ),
        ]


def _listed(outcome: Outcome, key: str) -> Sequence[JsonValue]:
    value = outcome.values.get(key)
    return value if isinstance(value, list) else []


def _of(reading: Reading) -> dict[str, JsonValue]:
    report = reading.report
    sentences = list(_sentences(report))
    verdicts = gated(reading)
    drafted = sum(int(str(verdicts[name])) for name in ("kept", "dropped", "repaired"))
    return {
        **_judged(sentences, report.evidence),
        **_caught(sentences, report.evidence),
        **({"draft_kept": int(str(verdicts["kept"])) / drafted} if drafted else {}),
    }


def _sentences(report: Report) -> Iterator[Sentence]:
    for part in ("answer", "technique", "comparison", "findings", "impression", "limitations"):
        yield from getattr(report, part)


def _template() -> list[Sentence]:
    return [Sentence(text=text, evidence=("e1",)) for text in _TEMPLATE]


def _judged(sentences: Sequence[Sentence], evidence: Sequence[Evidence]) -> dict[str, JsonValue]:
    """The template cites what speaks of its subject, so that it is not refused for that alone."""
    known = {item.id: item for item in evidence}
    checked = check_text("\n".join(one.text for one in sentences), evidence)
    supported = sum(_supported(one, known) for one in sentences)
    verdicts = [claim.verdict for claim in checked.claims]
    return {
        "sentences": len(sentences),
        "supported": supported / len(sentences) if sentences else 0.0,
        "contradicted": verdicts.count("contradicted"),
        "unsupported": verdicts.count("unsupported"),
        "omitted": _omitted(checked, evidence),
        "errors": sum(one.kind not in _OMISSIONS for one in checked.errors),
    }


def _supported(sentence: Sentence, known: dict[str, Evidence]) -> bool:
    if fault_of(sentence, known) is None:
        return True
    # Whatever a sentence cites: some evidence may bear it out.
    return any(
        fault_of(sentence.model_copy(update={"evidence": (identity,)}), known) is None
        for identity in known
    )


def _omitted(checked: CheckedReport, evidence: Sequence[Evidence]) -> int:
    """Findings that a tool called present, and no sentence does.

    Where tools disagree a report quotes both: the sentence that says no is an omission by itself,
    not beside the one that says yes.
    """
    said = {claim.code for claim in checked.claims if claim.verdict == "supported"}
    missed = {one.code for one in checked.errors if one.kind in _OMISSIONS} - said
    present = {
        item.code
        for item in evidence
        if item.kind is EvidenceKind.FINDING
        and item.polarity is Polarity.PRESENT
        and not item.of_prior
    }
    return len(missed & present)


def _caught(sentences: Sequence[Sentence], evidence: Sequence[Evidence]) -> dict[str, JsonValue]:
    known = {item.id: item for item in evidence}
    values: dict[str, JsonValue] = {}
    kinds: list[JsonValue] = []
    for kind, faults in planted(sentences).items():
        if not faults:
            continue
        caught = sum(fault_of(one, known) is not None for one in faults)
        values[f"caught {kind}"] = caught / len(faults)
        kinds.append(kind)
    values["planted"] = kinds
    return values
