"""Films that a model draws: said to be synthetic wherever they go, and evidence of nobody."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from cxr_agent.errors import UnsuitableFilm, UsageError
from cxr_agent.imaging import Decoder, load_study
from cxr_agent.models.adapters.roentgen import SyntheticFilm
from cxr_agent.synthesis.generated import DrawnView, drawn, said_in
from tests.imaging.films import dicom, ramp, read


class Pencil:
    """Draws stripes, and remembers what it was asked for."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def draw(self, prompt: str, *, seed: int = 0, steps: int = 75) -> SyntheticFilm:
        self.asked.append(prompt)
        pixels = np.random.default_rng(seed).random((128, 128)).astype(np.float32)
        return SyntheticFilm(pixels, prompt, seed, "pencil")


def test_a_missing_view_is_drawn_from_words_and_marked() -> None:
    pencil = Pencil()
    made = drawn(pencil, "Left pleural effusion.", DrawnView.LATERAL, seed=3)
    assert pencil.asked == ["Lateral chest radiograph. Left pleural effusion."]
    film = read(made.png())
    assert film.synthetic
    np.testing.assert_allclose(film.pixels, made.film.pixels, atol=0.005)
    told = json.loads(made.record())
    assert (told["synthetic"], told["view"], told["seed"]) == (True, "LATERAL", 3)
    assert drawn(pencil, "Clear lungs.").film.prompt == "Clear lungs."


def test_it_is_refused_beside_a_patients_film_and_as_a_prior(tmp_path: Path) -> None:
    (tmp_path / "drawn.png").write_bytes(drawn(Pencil(), "Clear lungs.", DrawnView.PA).png())
    (tmp_path / "real.dcm").write_bytes(dicom(ramp(), StudyDate="20200110"))
    real, made = tmp_path / "real.dcm", tmp_path / "drawn.png"
    with Decoder() as decoder:
        with pytest.raises(UnsuitableFilm, match="synthetic_film"):
            load_study([real, made], decoder=decoder)
        with pytest.raises(UnsuitableFilm, match="synthetic_prior"):
            load_study(real, made, decoder=decoder)
        assert load_study(made, decoder=decoder).synthetic


def test_what_a_report_says_of_the_film_is_drawn() -> None:
    text = "HISTORY: Fall.\nFINDINGS: Clear lungs.\nIMPRESSION: Rib fracture. Recommend CT."
    assert said_in(text) == "Rib fracture."
    assert said_in("Small effusion.") == "Small effusion."
    assert len(said_in("Small left effusion. " * 50).split()) == 60
    with pytest.raises(UsageError) as caught:
        said_in("HISTORY: Fall.")
    assert caught.value.code == "nothing_said"
