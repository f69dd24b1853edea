"""A small benchmark folder in CXReasonBench's format, from phantoms with true outlines."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from PIL import Image

from cxr_agent.knowledge import measurements, members
from cxr_agent.testing.phantom import Phantom, draw
from cxr_agent.testing.phantom.spec import PhantomSpec

SIZE = 640
IDK = "I don't know"
CRITERIA = {
    "inclusion": "Distance from the lung to the lateral margin of the film",
    "inspiration": "Number of posterior ribs above the right hemidiaphragm",
    "rotation": "Distance of the clavicles from the spinous processes",
    "projection": "Share of the scapula that overlaps the lung",
    "cardiomegaly": "Width of the heart against the thoracic width",
    "mediastinal_widening": "Width of the mediastinum against the thoracic width",
    "carina_angle": "Angle between the main bronchi at the carina",
    "trachea_deviation": "Position of the trachea against the midline",
    "aortic_knob_enlargement": "Width of the aortic knob against the trachea",
    "ascending_aorta_enlargement": "Whether the ascending aorta lies beyond the heart line",
    "descending_aorta_enlargement": "Width of the descending aorta against the trachea",
    "descending_aorta_tortuous": "Curvature of the descending aorta",
}
FIRST = {
    "inspiration": ("Good", "Poor"),
    "projection": ("AP", "PA"),
}
RIGHT = {  # of the default phantom
    "inclusion": "Yes",
    "inspiration": "Good",
    "rotation": "No",
    "projection": "PA",
    "cardiomegaly": "No",
    "mediastinal_widening": "No",
    "carina_angle": "Yes",
    "trachea_deviation": "No",
    "aortic_knob_enlargement": "No",
    "ascending_aorta_enlargement": "No",
    "descending_aorta_enlargement": "No",
    "descending_aorta_tortuous": "No",
}
RANGES = {
    "inspiration": (8.5, 10.5),
    "rotation": (0.8, 1.0),
    "cardiomegaly": (0.42, 0.49),
    "mediastinal_widening": (0.19, 0.23),
    "carina_angle": (58, 72),
    "aortic_knob_enlargement": (1.8, 2.2),
    "descending_aorta_enlargement": (1.2, 1.6),
    "descending_aorta_tortuous": (0.0, 0.5),
}
SIDES = "Right: [0.1, 0.2]", "Left: [0.1, 0.2]"


def options(*texts: str) -> str:
    return " ".join(f"({letter}) {text}" for letter, text in zip("abcdef", texts, strict=False))


def write(root: Path, task: str, path: str, stage: str, case: str, **content: object) -> None:
    place = root / "qa" / task / path / stage / "basic" / f"{case}.json"
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text(json.dumps(content))


def write_case(
    root: Path, task: str, case: str, phantom: Phantom, path: str = "path1", wrong: str = ""
) -> None:
    """All stages of one case; the key of the stage ``wrong`` is false."""
    yes, no = FIRST.get(task, ("Yes", "No"))
    key = RIGHT[task]
    other = no if key == yes else yes

    def right(stage: str, answer: str, false: str) -> str:
        return false if stage == wrong else answer

    first = options(yes, no, IDK)
    letter = {yes: "a", no: "b"}
    finding = f"({letter[key]}) {key}"
    write(
        root, task, path, "init", case,
        question=f"Is it so? {first}",
        answer=right("init", finding, f"({letter[other]}) {other}"),
        img_path=[f"{case}.png"],
    )  # fmt: skip
    distractor = "Density of the soft tissue of the neck"
    criterion = options(distractor, CRITERIA[task], "None of the above")
    write(
        root, task, path, "stage1", case,
        question=[f"Which criterion? {criterion}"],
        answer=[right("criteria", f"(b) {CRITERIA[task]}", f"(a) {distractor}")],
        img_path=[],
    )  # fmt: skip
    shown = _pictures(root, task, case, phantom)
    chosen = f"(a) {shown[0]}" if wrong == "bodypart" else "(b) 2nd image"
    write(
        root, task, path, "stage2", case,
        question=[f"Which image? {options('1st image', '2nd image', 'None of the above')}"],
        answer=[chosen],
        img_path=[shown],
    )  # fmt: skip
    value, answer = _value(task)
    write(
        root, task, path, "stage3", case,
        question=f"Which range? {value}",
        answer=right("measurement", answer, "(d) [900, 901]"),
        img_path=[],
    )  # fmt: skip
    write(
        root, task, path, "stage4", case,
        question=f"Is it so, by the value? {options(yes, no)}",
        answer=right("final", finding, f"({letter[other]}) {other}"),
        img_path=[],
    )  # fmt: skip


def _value(task: str) -> tuple[str, str]:
    if task in RANGES:
        low, high = RANGES[task]
        inside = f"[{low}, {high}]"
        return options("[500, 600]", inside, "[700, 800]"), f"(b) {inside}"
    if task == "projection":
        return options(SIDES[0], SIDES[1]), f"(a) {SIDES[0]}, (b) {SIDES[1]}"
    if task == "inclusion":
        return options("Fully visible", "Not fully visible"), "(a) Fully visible"
    if task == "trachea_deviation":
        return options("Deviated to the left", "Flat", "Deviated to the right"), "(b) Flat"
    return options("Yes", "No"), "(b) No"


def _pictures(root: Path, task: str, case: str, phantom: Phantom) -> list[str]:
    """A picture of something else, and one of what the task needs."""
    rules_id = {one.task: one for one in measurements().values() if one.task}[task]
    needed = [name for code in rules_id.structures for name in members(code) or (code,)]
    wanted = np.logical_or.reduce([phantom.masks[n] for n in needed if n in phantom.masks])
    corner = np.zeros_like(wanted)
    corner[-60:, :60] = True
    names = []
    for label, plane in (("other", corner), ("needed", wanted)):
        film = np.repeat(np.rint(phantom.pixels * 255).astype(np.uint8)[..., None], 3, axis=2)
        film[plane] = (255, 40, 40)
        name = f"{task}/{case}_{label}.png"
        place = root / "segmask_bodypart" / name
        place.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(film).save(place)
        names.append(name)
    return names


def write_films(root: Path, cases: Iterable[str], spec: PhantomSpec) -> tuple[Path, Path, Phantom]:
    """(films, masks, phantom): the same film under every case's name."""
    phantom = draw(spec, SIZE)
    films, masks = root / "films", root / "masks"
    films.mkdir()
    for case in cases:
        Image.fromarray(np.rint(phantom.pixels * 255).astype(np.uint8)).save(films / f"{case}.png")
        (masks / case).mkdir(parents=True)
        for name, plane in phantom.masks.items():
            Image.fromarray(plane).save(masks / case / f"{name}.png")
    return films, masks, phantom
