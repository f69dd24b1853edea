"""The cardiothoracic ratio on synthetic films of CT phantoms: true, of the masks, by the tool.

    python docs/drr/bench.py > bench.jsonl

True is what the silhouettes of the ellipsoids give in closed form. The masks are projected from
the labels. The tool is the embedded network and ``measure ctr`` on the film as written to DICOM.
"""

from __future__ import annotations

import json
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np

from cxr_agent.errors import CxrAgentError
from cxr_agent.measuring import Measurer
from cxr_agent.synthesis import STYLES, Beam, Pose, radiograph, standing, true_values
from cxr_agent.synthesis.writing import dicom_bytes
from cxr_agent.testing.phantom.thorax import ThoraxSpec, thorax

FILMS = 16
_LABELS = ("heart", "right_lung", "left_lung")


def film(seed: int, measurer: Measurer, folder: Path) -> dict[str, object]:
    """What came of one film."""
    rng = np.random.default_rng(seed)
    spec = ThoraxSpec(
        heart_half_width=rng.uniform(48, 76),
        heart_left=rng.uniform(15, 35),
        lung_half_width=rng.uniform(48, 58),
        lung_apart=rng.uniform(70, 80),
    )
    drawn = thorax(spec, 128)
    volume = replace(drawn.volume, labels={n: drawn.volume.labels[n] for n in _LABELS})
    beam = Beam.AP if seed % 4 == 3 else Beam.PA
    pose = Pose(rng.uniform(-3, 3), rng.uniform(-5, 5), rng.uniform(-3, 3))
    style = list(STYLES)[seed % 4]
    made = radiograph(volume, standing(volume, beam, pose), STYLES[style], seed)
    path = folder / f"{seed}.dcm"
    path.write_bytes(dicom_bytes(made))
    told: dict[str, object] = {
        "seed": seed,
        "style": style,
        "view": beam.value,
        "true": round(drawn.ratio(made.projection), 4),
        "masks": round(true_values(made)["cardiothoracic_ratio"] or 0, 4),
    }
    try:
        measured = measurer.measure(path, only=["ctr"])
    except CxrAgentError as error:
        return told | {"tool": None, "why": error.code}
    for item in measured.items:
        return told | {"tool": round(item.value, 4), "interval": item.interval}
    return told | {"tool": None, "why": measured.unmeasured[0].reasons}


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as place, Measurer() as warm:
        for number in range(FILMS):
            print(json.dumps(film(number, warm, Path(place)), default=str), flush=True)
