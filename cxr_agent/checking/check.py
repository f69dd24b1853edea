"""A text against the film's evidence and against itself."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from cxr_agent.checking.against_film import AgainstFilm
from cxr_agent.checking.model import CheckedReport
from cxr_agent.checking.within import contradictions
from cxr_agent.evidence import Evidence
from cxr_agent.prose.structure import structure
from cxr_agent.reading import Agent


def check_report(
    text: str,
    study: str | Path | Sequence[str | Path],
    *,
    priors: Sequence[str | Path] = (),
    agent: Agent | None = None,
) -> CheckedReport:
    """Read the film, and check a report against what was found.

    Parameters
    ----------
    text
        The report: free text, with or without titles.
    study
        The current film or films.
    priors
        Earlier films of the same patient.
    agent
        One that goes on being used; made and closed where none is given.

    Raises
    ------
    CxrAgentError
        Whatever keeps the film from being read; UsageError ``report_too_long``.
    """
    if agent is None:
        with Agent() as made:
            return check_report(text, study, priors=priors, agent=made)
    report = agent.read(study, priors=priors)
    checked = check_text(text, report.evidence, compared=bool(priors))
    return checked.model_copy(update={"run_id": report.run_id})


def check_text(
    text: str, evidence: Sequence[Evidence] = (), *, compared: bool = False
) -> CheckedReport:
    """Check a report against evidence, and against itself; without evidence against itself alone.

    Parameters
    ----------
    compared
        Whether the evidence is of a study with a prior film.

    Raises
    ------
    UsageError
        ``report_too_long``.
    """
    structured = structure(text)
    film = AgainstFilm(evidence, compared=compared)
    if evidence:
        film.check(structured)
    return CheckedReport(
        sentences=len(structured.sentences),
        claims=tuple(film.verdicts),
        errors=(*film.errors, *contradictions(structured)),
        evidence=tuple(evidence),
    )
