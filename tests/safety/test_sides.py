"""Right stays right in every output, from the pixels on."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import numpy as np
import pytest

from cxr_agent import Agent
from cxr_agent.evidence import Location, Observation, Polarity, Side
from cxr_agent.imaging import Decoder
from cxr_agent.testing.phantom import PhantomSpec, draw
from tests.cli.program import levels
from tests.imaging.films import dicom
from tests.observations import everything

from .outputs import Outputs, told

_OTHER: Final = {Side.RIGHT: Side.LEFT, Side.LEFT: Side.RIGHT}
_WORDS: Final = {
    "right": "left",
    "Right": "Left",
    "RIGHT": "LEFT",
    "rechts": "links",
    "Rechts": "Links",
    "rechte": "linke",
    "Rechte": "Linke",
}
_SWAPS: Final = {**_WORDS, **{there: here for here, there in _WORDS.items()}}
_WORD: Final = re.compile(rf"(?<![A-Za-z])(?:{'|'.join(sorted(_SWAPS, key=len, reverse=True))})")


def swapped(text: str) -> str:
    return _WORD.sub(lambda found: _SWAPS[found.group()], text)


def sided() -> list[Observation]:
    """Observations of one side, as tools make them."""
    return [
        one
        for one in everything()
        if one.side in _OTHER
        and not one.basis
        and one.code != "inspiration"  # by definition of the right hemidiaphragm
        and "prior" not in one.code
        and one.kind not in ("comparison", "limitation")
    ]


def mirrored(one: Observation) -> Observation:
    """The same on the other side."""
    raw: dict[str, Any] = json.loads(swapped(one.model_dump_json(exclude_none=True)))
    return Observation.model_validate(raw)


def test_there_is_enough_to_mirror() -> None:
    found = sided()
    assert len(found) > 20
    assert {one.side for one in found} == {Side.RIGHT, Side.LEFT}
    assert all(mirrored(mirrored(one)) == one for one in found)
    assert all(mirrored(one).side is not one.side for one in found)


def _sides(outputs: Outputs) -> Iterator[tuple[str, list[Any]]]:
    """Sides as programs read them."""
    cited = outputs.json["evidence"]
    yield "JSON", [(one["code"], one["side"], one["location"]) for one in cited]
    said = (one for one in _strings(outputs.scene_graph) if one.endswith("."))
    yield "scene graph", sorted(_CHANGING.sub("", one) for one in said)


def _strings(told: Any) -> Iterator[str]:
    if isinstance(told, str):
        yield told
    elif isinstance(told, dict | list):
        for one in told.values() if isinstance(told, dict) else told:
            yield from _strings(one)


def test_every_output_of_the_mirrored_observations_is_mirrored(
    tmp_path: Path, decoder: Decoder
) -> None:
    every = sided()
    plain = told(every, tmp_path / "plain", decoder)
    other = told(list(map(mirrored, every)), tmp_path / "other", decoder)
    for form, text in plain.texts.items():
        ours, theirs = _comparable(form, text), _comparable(form, other.texts[form])
        assert swapped(ours) == theirs, form
        assert ours != theirs, form
    for (form, one), (_, two) in zip(_sides(plain), _sides(other), strict=True):
        plainly, turned = json.loads(json.dumps(two)), json.loads(swapped(json.dumps(one)))
        if form == "scene graph":
            turned = sorted(turned)
        assert turned == plainly, form
        assert len(one) > 5


_CHANGING: Final = re.compile(
    r"\d{8}T\d{6}Z-[0-9a-f]+|[0-9a-f]{64}|urn:uuid:[-0-9a-f]+|[\d.]{20,}"
    r"|\d{4}-\d\d-\d\dT[\d:.+Z-]+"
)


def _comparable(form: str, text: str) -> str:
    """Without what differs between two runs, and coded sites of structures."""
    text = _CHANGING.sub("", text)
    if form == "HTML":  # the tree of structures, both sides in its order, is compared as a graph
        text = text.partition("Scene graph In the terms")[0]
    if form == "FHIR":  # codes differ with the side; their meanings are compared
        text = re.sub(r'"code": "[^"]*"', "", text)
        text = re.sub(r'"(id|reference|fullUrl|value)": "[^"]*"', "", text)
    return text


_TURNED: Final = frozenset({"film_remark"})
"""Says of the file alone how it was stored."""
SPEC: Final = PhantomSpec(cardiothoracic_ratio=0.58)


@pytest.fixture(scope="module")
def agent(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Agent]:
    with Agent(traces=tmp_path_factory.mktemp("traces"), model="none") as one:
        yield one


def test_a_film_that_is_stored_mirrored_gives_the_same_report(agent: Agent, tmp_path: Path) -> None:
    """From pixels to text: the orientation in the header, not the way of storing, decides."""
    grey = levels(draw(SPEC, 256).pixels, 12)
    stored = {"plain.dcm": (grey, ["L", "F"]), "other.dcm": (grey[:, ::-1], ["R", "F"])}
    found = []
    for name, (pixels, orientation) in stored.items():
        made = dicom(np.ascontiguousarray(pixels), PatientOrientation=orientation)
        (tmp_path / name).write_bytes(made)
        report = agent.read(tmp_path / name)
        sides = {one.code: one.side for one in report.evidence if one.kind == "region"}
        assert sides["right_lung"] is Side.RIGHT
        assert sides["left_lung"] is Side.LEFT
        found.append(
            [
                (one.code, one.side, one.location, one.value, one.polarity, one.box, one.reading)
                for one in report.evidence
                if one.code not in _TURNED
            ]
        )
    plain, other = found
    assert plain == other
    assert len(plain) > 15


@pytest.mark.parametrize("side", [Side.RIGHT, Side.LEFT])
def test_a_finding_names_its_own_side_alone(side: Side, tmp_path: Path, decoder: Decoder) -> None:
    name = side.value
    found = Observation(
        kind="finding",
        code="pleural_effusion",
        category="classified",
        polarity=Polarity.PRESENT,
        probability=0.87,
        threshold=0.235,
        side=side,
        location=Location[f"{name.upper()}_COSTOPHRENIC_ANGLE"],
        details={"limit_present": 0.235, "limit_absent": 0.03},
    )
    texts = told([found], tmp_path, decoder).texts
    other = _OTHER[side].value
    for form in ("text", "Markdown", "RIS", "SR", "FHIR"):
        said = [s for s in re.split(r"(?<=[.\"])\s", texts[form]) if "ffusion" in s]
        assert not any(re.search(rf"\b{other}\b", one.lower()) for one in said), (form, said)
