"""Every bad input is refused with its code and exit status, in time, within memory, in one line."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections import Counter
from pathlib import Path
from typing import Any, Final

import pytest

from tests.long_runs import LONG

from .case import Case, Stage
from .inside import Told, run_inside
from .measured import run_measured
from .table import CASES, FILMS, OTHERS

MOST_SECONDS: Final = 10.0
MOST_MIB: Final = 2048.0
_TRIES: Final = 3
"""Of a case that takes longer: the machine may be busy with something else for a moment."""
LOG: Final = Path(__file__).resolve().parents[2] / "docs" / "bad_input.log"

_HEAVY: Final = frozenset(
    {"volume of zeros, gzipped a thousandfold", "reports of Open-i, a gzip bomb"}
)
"""Seconds each: in the long run alone."""
_SAMPLE: Final = frozenset(
    {
        "dicom inflates to 400 MiB",
        "volume of 30,000 cubed",
    }
)
"""By the real program, measured, in every run."""
_SECRETS: Final = ("Traceback", 'File "', "secret value", "internal_error")


def right(case: Case, status: int, codes: list[str], err: str) -> None:
    """Assert what was agreed on."""
    told = codes[-1] if codes else ""
    assert (told in case.codes, status) == (True, case.status), (
        case.name,
        told,
        status,
        err[-600:],
    )
    assert not any(word in err for word in _SECRETS), err
    assert all(len(line) < 700 for line in err.splitlines()), err


def test_there_are_cases_of_every_stage() -> None:
    assert len(CASES) >= 450
    assert {case.stage for case in CASES} == set(Stage)
    names = Counter(case.name for case in CASES)
    assert names.most_common(1)[0][1] == 1


@pytest.fixture(scope="module")
def films(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Answers by name, of all films in one run of the program."""
    folder = tmp_path_factory.mktemp("films")
    places = {film.name: film.write(folder) for film in FILMS}
    told = run_inside(["read", *places.values(), "--json"], folder)
    answers = json.loads(told.out)
    assert "Traceback" not in told.err
    return dict(zip(places, answers, strict=True)) | {"": told}


@pytest.mark.parametrize("film", FILMS, ids=lambda film: film.name)
def test_film(film: Any, films: dict[str, Any]) -> None:
    answer = films[film.name]
    assert "error" in answer, "it was read"
    assert answer["error"]["code"] in {film.code, *film.also}
    assert answer["exit_status"] == film.status


def test_films_are_refused_quickly(films: dict[str, Any]) -> None:
    told: Told = films[""]
    assert told.status in (3, 4)
    assert told.seconds < 0.2 * len(FILMS)


@pytest.mark.parametrize(
    "case", [one for one in OTHERS if LONG or one.name not in _HEAVY], ids=lambda case: case.name
)
def test_case(case: Case, tmp_path: Path) -> None:
    told = run_inside(case.made(tmp_path), tmp_path)
    right(case, told.status, told.codes, told.err)
    assert told.seconds < MOST_SECONDS


def _measured(case: Case, folder: Path) -> str:
    """Run one case by the real program; a line of the log."""
    for attempt in range(_TRIES):
        place = folder / str(attempt)
        place.mkdir()
        ran = run_measured(case.made(place), place)
        right(case, ran.status, list(ran.codes), ran.err)
        if ran.seconds < MOST_SECONDS:
            break
    assert ran.seconds < MOST_SECONDS, (case.name, ran.seconds)
    assert ran.mib < MOST_MIB, (case.name, ran.mib)
    told = ran.codes[-1] if ran.codes else "-"
    cost = f"{ran.seconds:>7.2f} s{ran.mib:>7.0f} MiB"
    return f"{case.stage:<14}{told:<28}{ran.status:>3}{cost}  {case.name}"


@pytest.mark.parametrize(
    "case", [one for one in CASES if one.name in _SAMPLE], ids=lambda case: case.name
)
def test_by_the_real_program(case: Case, tmp_path: Path) -> None:
    _measured(case, tmp_path)


@pytest.mark.long
@pytest.mark.skipif(not LONG, reason="minutes: with CXR_AGENT_LONG=1")
def test_all_by_the_real_program(tmp_path: Path) -> None:
    """Every case in a process of its own, logged."""
    lines, failed = [], list[str]()
    for number, case in enumerate(CASES, 1):
        folder = tmp_path / str(number)
        folder.mkdir()
        try:
            lines.append(_measured(case, folder))
        except (AssertionError, subprocess.TimeoutExpired) as error:
            failed.append(f"{case.name}: {str(error)[:300]}")
        shutil.rmtree(folder)
        # As it goes on: one that is stopped has told what it did.
        head = f"{number} of {len(CASES)} cases by the real program, {len(failed)} failed"
        LOG.write_text("\n".join([head, *failed, *lines]) + "\n")
    assert not failed
