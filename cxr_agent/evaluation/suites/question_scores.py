"""What the answers to a benchmark's questions come to."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

from cxr_agent.evaluation.runs.model import Outcome, Plot, Series, Status
from cxr_agent.evaluation.runs.task import Measure, mean_of, share_of
from cxr_agent.evaluation.suites.by_model import Reply
from cxr_agent.evaluation.suites.question import LETTERS, Question, Shown
from cxr_agent.evaluation.suites.text_scores import exact_match, macro_f1, rouge_l, token_f1

CHOICE: Final = "choice"
CLOSED: Final = "closed"
OPEN: Final = "open"
_KINDS: Final = (CHOICE, CLOSED, OPEN)


def kind_of(question: Question) -> str:
    """``closed`` or ``open`` where the data set says so, else ``choice`` of options or ``open``."""
    if question.closed is None:
        return CHOICE if question.options else OPEN
    return CLOSED if question.closed else OPEN


def values_of(question: Question, options: Shown, reply: Reply) -> dict[str, Any]:
    """What a run keeps of an answer."""
    kept: dict[str, Any] = {
        "kind": kind_of(question),
        "category": question.category,
        "why": reply.why,
        "hidden": reply.hidden,
        "tokens": reply.tokens,
    }
    if question.options:
        return kept | _chosen(question, options, reply)
    said = reply.said or ""
    kept |= {
        "answered": bool(said),
        "right": exact_match(said, question.answer),
        "f1": token_f1(said, question.answer),
    }
    if question.listing:
        kept["rouge_l"] = rouge_l(said, question.answer) if said else 0.0
    return kept


def _chosen(question: Question, options: Shown, reply: Reply) -> dict[str, Any]:
    right = reply.chosen == options.right
    kept: dict[str, Any] = {
        "answered": reply.chosen is not None,
        "right": right,
        "right_at": options.right,
        "chosen_at": reply.chosen,
        "options": len(options.options),
    }
    if question.closed is not None:
        kept["f1"] = float(right)
    if question.ordered:
        kept["label"] = question.answer
        kept["said"] = None if reply.chosen is None else options.options[reply.chosen]
    return kept


def measures_of(outcomes: Sequence[Outcome]) -> list[Measure]:
    """Those that the answers of all systems can be judged by.

    What was not answered, and what failed, counts as wrong; beside it stand the share of what was
    answered, and of that the share that is right.
    """
    done = [one for one in outcomes if one.status is Status.DONE]
    kinds = [kind for kind in _KINDS if any(one.values.get("kind") == kind for one in done)]
    found = [
        Measure("accuracy", share_of(_right), "all", better="higher", of_all=True),
        Measure("answered", share_of(_answered), "all", better="higher", of_all=True),
        Measure(
            "accuracy of answered", share_of(_right), "all", better="higher", counted=_answered
        ),
    ]
    found += [
        Measure("accuracy", share_of(_right), kind, better="higher", counted=_of(kind))
        for kind in (kinds if len(kinds) > 1 else ())
    ]
    found += [
        Measure("token F1", mean_of("f1"), kind, better="higher", counted=_of(kind))
        for kind in kinds
        if kind != CHOICE
    ]
    if any("rouge_l" in one.values for one in done):
        found.append(
            Measure("ROUGE-L", mean_of("rouge_l"), better="higher", counted=_has("rouge_l"))
        )
    labelled = sorted({str(o.values["category"]) for o in done if "label" in o.values})
    for category in labelled:
        counted = _labelled(category)
        found.append(Measure("macro F1", _macro_f1, category, better="higher", counted=counted))
    categories = sorted({str(one.values.get("category", "")) for one in done} - {""})
    for category in categories if len(categories) > 1 else ():
        counted = _in(category)
        found.append(
            Measure("accuracy", share_of(_right), category, better="higher", counted=counted)
        )
        found.append(
            Measure("answered", share_of(_answered), category, better="higher", counted=counted)
        )
    return [*found, *_by_position(done)]


def plots_of(outcomes: Sequence[Outcome], systems: Sequence[str]) -> list[Plot]:
    """How often the right option, and the chosen one, stood at each place."""
    done = [
        o for o in outcomes if o.status is Status.DONE and o.values.get("chosen_at") is not None
    ]
    places = range(max((int(str(o.values["options"])) for o in done), default=0))
    series = []
    for system in systems:
        own = [one for one in done if one.system == system]
        if own and len(places) > 1:
            shares = [sum(o.values["chosen_at"] == p for o in own) / len(own) for p in places]
            series.append(Series(name=system, x=tuple(map(float, places)), y=tuple(shares)))
    if not series:
        return []
    return [
        Plot(
            title="Where the chosen option stood",
            x_label="place of the option, 0 is the first",
            y_label="share of answers",
            series=tuple(series),
        )
    ]


def _by_position(done: Sequence[Outcome]) -> list[Measure]:
    """Accuracy by the place of the right option: a system without a preference has one for all."""
    places = sorted({int(str(o.values["right_at"])) for o in done if "right_at" in o.values})
    return [
        Measure(
            "accuracy",
            share_of(_right),
            f"right option at {LETTERS[place]}",
            better="higher",
            counted=_at(place),
        )
        for place in places
    ]


def _macro_f1(outcomes: Sequence[Outcome]) -> float | None:
    return macro_f1(
        [
            (str(o.values["label"]), None if o.values["said"] is None else str(o.values["said"]))
            for o in outcomes
        ]
    )


def _right(outcome: Outcome) -> bool:
    return outcome.values.get("right") is True


def _answered(outcome: Outcome) -> bool:
    return outcome.values.get("answered") is True


def _of(kind: str) -> Callable[[Outcome], bool]:
    return lambda outcome: outcome.values.get("kind") == kind


def _in(category: str) -> Callable[[Outcome], bool]:
    return lambda outcome: outcome.values.get("category") == category


def _labelled(category: str) -> Callable[[Outcome], bool]:
    return lambda o: "label" in o.values and o.values.get("category") == category


def _has(key: str) -> Callable[[Outcome], bool]:
    return lambda outcome: key in outcome.values


def _at(place: int) -> Callable[[Outcome], bool]:
    return lambda outcome: outcome.values.get("right_at") == place
