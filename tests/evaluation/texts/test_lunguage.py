"""LunguageScore-type F1 within and across dates."""

from __future__ import annotations

import numpy as np
import pytest

from cxr_agent.evaluation.texts.lunguage import Lunguage, likeness, lunguage
from cxr_agent.evaluation.texts.similarity import Encoded, WordOverlap
from cxr_agent.evaluation.texts.timeline import Row, rows_of, timeline


def row(entity: str, study: int = 0, episode: int = 1, **attributes: str) -> Row:
    told = {"dx_status": "positive", "dx_certainty": "definitive", **attributes}
    return Row(entity, told, study, entity, episode)


def scored(reference: list[Row], candidate: list[Row], *, across: bool = False) -> Lunguage:
    found = lunguage(reference, candidate, WordOverlap(), across=across)
    assert found is not None
    return found


def test_a_worked_pair() -> None:
    """Phrases "effusion left small" and "effusion left": 2 x 2 words in common of 5.

    Of the attributes that either has, status (0.5), certainty (0.1) and location (0.2) agree and
    severity (0.15) does not.
    """
    reference = row("effusion", location="left", severity="small")
    candidate = row("effusion", location="left")
    semantic, structural = 4 / 5, 0.8 / 0.95
    found = scored([reference], [candidate])
    assert found.matched[0].likeness == pytest.approx(semantic * structural)
    assert found.f1 == pytest.approx(semantic * structural)


def test_a_row_too_many_costs_what_it_is_unlike_anything() -> None:
    found = scored([row("edema")], [row("edema"), row("fracture")])
    assert (found.precision, found.recall) == (0.5, 1.0)
    assert found.candidate_only == ("fracture",)
    again = scored([row("edema")], [row("edema"), row("edema")])
    assert (again.precision, again.recall) == (1.0, 1.0)  # as published: it is like something


def test_a_denial_is_half_as_good() -> None:
    found = scored([row("edema")], [row("edema", dx_status="negative")])
    assert found.f1 == pytest.approx(0.1 / 0.6)


@pytest.mark.parametrize(
    ("study", "episode", "temporal"), [(0, 1, 1.0), (1, 1, 0.5), (0, 2, 0.5), (1, 2, 0.0)]
)
def test_study_and_episode_weigh_half_each_across_dates(
    study: int, episode: int, temporal: float
) -> None:
    pair = [row("edema")], [row("edema", study, episode)]
    assert likeness(*pair, WordOverlap(), across=True)[0, 0] == pytest.approx(temporal)
    assert likeness(*pair, WordOverlap(), across=False)[0, 0] == 1.0


def test_a_finding_that_comes_back_begins_another_episode() -> None:
    told = timeline(
        [
            "Left effusion.",
            "Left effusion, decreased.",
            "No left effusion.",
            "New left effusion. Edema.",
            "The effusion has resolved.",
            "Left effusion.",
        ]
    )
    effusion = [(one.study, one.episode) for one in told if "effusion" in one.entity]
    assert effusion == [(0, 1), (1, 1), (2, 1), (3, 2), (4, 2), (5, 3)]
    assert {one.group for one in told} == {"left pleural effusion", "pulmonary edema"}


def test_across_dates_the_date_matters() -> None:
    reference = timeline(["Left effusion.", "Edema."])
    swapped = timeline(["Edema.", "Left effusion."])
    assert scored([*reference], [*reference], across=True).f1 == 1.0
    assert scored([*reference], [*swapped], across=True).f1 == pytest.approx(0.5)


def test_nothing_is_compared_with_nothing() -> None:
    assert lunguage([], [], WordOverlap()) is None
    found = scored([row("edema")], [])
    assert (found.precision, found.recall, found.reference_only) == (0.0, 0.0, ("edema",))


def test_an_encoder_in_place_of_words() -> None:
    class Two:
        def encode_text(self, texts: object) -> np.ndarray:  # type: ignore[type-arg]
            table = {"heart failure": (1.0, 0.0), "edema": (0.6, 0.8), "clear": (-1.0, 0.0)}
            return np.array([table[one] for one in texts], dtype=np.float32)  # type: ignore[attr-defined]

    found = Encoded(Two(), "two").compare(["heart failure"], ["edema", "clear"])
    assert found == pytest.approx(np.array([[0.6, 0.0]]))


def test_rows_that_a_report_repeats_are_one() -> None:
    text = "FINDINGS: Left effusion.\nIMPRESSION: Left effusion."
    assert [one.entity for one in rows_of(text)] == ["pleural effusion"]
