"""The page over a whole batch: what the overview says, with links to reports and traces."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

from cxr_agent.batch.overview.distributions import FEWEST_FOR_OUTLIERS, MODIFIED_Z
from cxr_agent.batch.overview.drift import LARGE_PSI, MODERATE_PSI, Verdict
from cxr_agent.batch.overview.facts import Overview
from cxr_agent.batch.overview.summaries import name_of
from cxr_agent.knowledge import language, reasons
from cxr_agent.report.model import NOTICE
from cxr_agent.viewing.harmless import harmless
from cxr_agent.viewing.histogram import histogram_svg
from cxr_agent.viewing.page import page, script_of

_SIZES: Final = (Verdict.LARGE, Verdict.MODERATE, Verdict.SMALL)
_TITLES: Final = {
    "order": "order of reading",
    "device": "device that the models ran on",
    "folder": "folder",
    "view": "view of the film",
    "spacing": "kind of pixel spacing",
    "size": "size of the film",
}


def overview_page(overview: Overview, folders: Sequence[Path], page_folder: Path) -> str:
    """One self-contained HTML document; it asks for nothing from anywhere.

    Parameters
    ----------
    folders
        Those of the batch, as the overview was made of them.
    page_folder
        Where the page will lie: links are relative to it.
    """
    facts = harmless(asdict(overview))
    return page(
        "overview.html.j2",
        script=script_of(("overview.js",)),
        styles=("view.css", "overview.css"),
        notice=NOTICE,
        facts=facts,
        found=_found(facts["drift"]["comparisons"]),
        compared=[one for one in facts["drift"]["comparisons"] if one["difference"] is not None],
        too_few=sum(one["difference"] is None for one in facts["drift"]["comparisons"]),
        links=_Links(folders, page_folder),
        histogram=histogram_svg,
        number=number,
        share=share,
        unit=_unit,
        reason=_reason,
        title=_title,
        limits={
            "z": MODIFIED_Z,
            "outliers": FEWEST_FOR_OUTLIERS,
            "moderate": MODERATE_PSI,
            "large": LARGE_PSI,
        },
    )


class _Links:
    """Addresses and paths as they hold from where the page lies."""

    def __init__(self, folders: Sequence[Path], page_folder: Path) -> None:
        self._bases = [
            os.path.relpath(folder.absolute(), page_folder.absolute()) for folder in folders
        ]

    def path(self, study: Mapping[str, Any], path: str) -> str:
        """For a shell that stands in the page's folder."""
        return str(harmless(os.path.normpath(Path(self._bases[study["folder"]]) / path)))

    def address(self, study: Mapping[str, Any], path: str) -> str:
        """For a link in the page."""
        whole = os.path.normpath(Path(self._bases[study["folder"]]) / path)
        # A name with a colon in it would be taken for a scheme.
        return "./" + quote(os.fsencode(whole))


def _found(comparisons: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """What differs, the largest first."""
    differ = [one for one in comparisons if one["verdict"] in _SIZES]
    return sorted(differ, key=lambda one: (_SIZES.index(one["verdict"]), -one["difference"]["psi"]))


def number(value: float | None) -> str:
    """Three significant digits; whole numbers above a thousand."""
    if value is None:
        return "–"
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"


def share(part: float, whole: float) -> str:
    """A percentage; of nothing there is none."""
    return f"{100 * part / whole:.1f} %" if whole else "–"


def _unit(code: str) -> str:
    return "" if code == "1" else language().unit.get(code, code)


def _reason(code: str) -> str:
    return reasons().get(code) or name_of(code)


def _title(facet: str) -> str:
    return _TITLES.get(facet, facet)
