"""Writes docs/measurements.md and its pictures: one per measurement, made by the program.

    python docs/measurements/make.py

The text is that of ``kb/``; the pictures are phantom films measured on their true outlines.
"""

from __future__ import annotations

import io
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import Image

from cxr_agent import Measurer
from cxr_agent.knowledge import MeasurementDefinition, measurements, reasons, structures, threshold
from cxr_agent.knowledge.structures import members
from cxr_agent.report.render.overlay import overlay_png
from cxr_agent.testing.phantom import Phantom, PhantomSpec, draw

PAGE = Path(__file__).parents[1] / "measurements.md"
PICTURES = Path(__file__).parent
_HEAD = """# Measurements

Every measurement has a definition in [kb/measurements.toml](../kb/measurements.toml): the outlines
and landmarks it needs, its formula, when it abstains, and the limits that decide, which stand with
their sources in [kb/thresholds.toml](../kb/thresholds.toml). Code holds geometry alone
(`cxr_agent/measure/`). `cxr-agent measure FILE` prints them, `--overlay` draws them, `--csv` tabulates
them; `cxr_agent.Measurer` is the same in Python.

* **Outlines** of lungs, heart and clavicles come from the embedded model. Those of trachea, spine,
  ribs, aorta, shoulder blades, diaphragm and mediastinum come from CXAS
  (`cxr-agent models pull cxas`) or from a folder of masks (`--masks DIR`, one `<structure>.png` each).
  Without them a measurement abstains with a code; `cxr-agent doctor` says what would enable it.
* **The interval** comes from outlining altered copies of the film again. Where the model's card has a
  calibration it is a 90 % interval that was checked on held-out films; else it is the range of the
  repeats, with the level that this range has for a further repeat.
* **A limit of your own**: a TOML file with `[thresholds]` and `ctr_pa = 0.52`, given by `--config` or
  `CXR_AGENT_CONFIG`. Trace, evidence and report say which limits were changed.
* **Held-out errors** on real films are on the [card of the anatomy model](models/anatomy.md).

This file is made from `kb/` by `docs/measurements/make.py`; do not edit it.
"""


def page() -> str:
    """The whole page."""
    parts = [_HEAD, _overview()]
    parts += ["\n".join(_section(one)) for one in measurements().values()]
    return "\n".join(parts).rstrip() + "\n"


def _overview() -> str:
    rows = ["| measurement | task of CXReasonBench | outlines |", "|---|---|---|"]
    for one in measurements().values():
        task = f"`{one.task}`" if one.task else "none"
        rows.append(f"| [`{one.id}`](#{one.id}) | {task} | {_outlines(one.structures)} |")
    return "\n".join(rows) + "\n"


def _section(one: MeasurementDefinition) -> Iterator[str]:
    unit = "" if one.unit.value == "1" else f", in {one.unit.value}"
    yield f"## {one.id}"
    yield ""
    if picture(one.id).exists():
        yield f"![{one.id}](measurements/{one.id}.png)"
        yield ""
    yield f"* **Formula**: {one.formula}{unit}."
    yield f"* **Landmarks**: {'; '.join(one.landmarks)}."
    extra = f"; where there: {_outlines(one.optional)}" if one.optional else ""
    yield f"* **Outlines**: {_outlines(one.structures)}{extra}."
    yield f"* **Source**: {one.source}."
    if one.tolerance is not None:
        yield f"* **Tolerance** between two values, by the source: {one.tolerance:g}."
    if one.decision is not None:
        yield from _decision(one)
    said = reasons()
    stops = dict.fromkeys(said[condition.code] for condition in one.condition)
    if stops:
        yield f"* **Abstains** where {'; where '.join(stops)}."
    for condition in one.condition:
        yield f"    * `{condition.code}` unless `{condition.quantity}` {_bounds(condition)}"
    yield ""


def _bounds(condition: object) -> str:
    words = {"at_least": "is at least", "at_most": "is at most", "below": "is below"}
    return " and ".join(
        f"{word} {threshold(name).value:g} (`{name}`)"
        for field, word in words.items()
        if (name := getattr(condition, field))
    )


def _decision(one: MeasurementDefinition) -> Iterator[str]:
    assert one.decision is not None
    names = dict.fromkeys(name for comparison in one.decision.when for name in comparison.limits)
    yield f"* **Decides** `{one.decision.code}` by:"
    for name in names:
        limit = threshold(name)
        yield f"    * `{name}` = {limit.value:g} ({limit.source})"


def _outlines(codes: tuple[str, ...]) -> str:
    known = structures()
    return (
        ", ".join(known[code].name if code in known else _group(code) for code in codes) or "none"
    )


def _group(code: str) -> str:
    return f"{code.replace('_', ' ')} ({len(members(code))})"


def picture(name: str) -> Path:
    """Where the picture of a measurement lies."""
    return PICTURES / f"{name}.png"


def draw_pictures(folder: Path) -> None:
    """One overlay per measurement on a phantom's true outlines, as `--overlay` draws it."""
    phantom = draw(
        PhantomSpec(thorax_width=0.72, noise=0, trachea_shift=0.02, tortuosity=0.02), 640
    )
    masks = {**phantom.masks, **_given(phantom)}
    film = folder / "phantom.png"
    Image.fromarray(np.rint(phantom.pixels * 255).astype(np.uint8)).save(film)
    with Measurer() as measurer:
        for name in measurements():
            found = measurer.measure(film, only=[name], masks=masks, spacing=(0.55, 0.55))
            png = overlay_png(phantom.pixels, found.drawings, found.items, side=480)
            picture(name).write_bytes(_small(png))


def _given(phantom: Phantom) -> dict[str, np.ndarray]:
    """A nodule in the left lung and the tip of a tube in the trachea."""
    rows, columns = np.indices(phantom.pixels.shape)
    nodule = ((rows - 300) / 18) ** 2 + ((columns - 450) / 26) ** 2 < 1
    y, x = np.nonzero(phantom.masks["trachea"])
    tip = (abs(rows - (y.max() - 90)) < 3) & (abs(columns - x.mean()) < 3)
    return {"nodule": nodule, "tube_tip": tip}


def _small(png: bytes) -> bytes:
    """The same in 64 colours: pictures of a page need no more."""
    out = io.BytesIO()
    Image.open(io.BytesIO(png)).quantize(64).save(out, "PNG", optimize=True)
    return out.getvalue()


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        draw_pictures(Path(folder))
    PAGE.write_text(page(), encoding="utf-8")


if __name__ == "__main__":
    main()
