"""A real reading of a drawn film, again after changes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from cxr_agent.chat import Chat
from cxr_agent.evaluation.consistency.paraphrases import (
    questions_answered,
    questions_understood,
)
from cxr_agent.evaluation.consistency.perturbations import Perturbation, family
from cxr_agent.evaluation.consistency.readings import FindingState, Rereader
from cxr_agent.reading import Agent
from cxr_agent.reading.run import Run
from cxr_agent.testing.phantom import PhantomSpec, draw
from cxr_agent.trace import TraceWriter


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("film") / "film.png"
    pixels = draw(PhantomSpec(cardiothoracic_ratio=0.62), 512).pixels
    Image.fromarray(np.rint(pixels * 255).astype(np.uint8)).save(path)
    return path


def test_a_film_is_read_again_in_other_files(film: Path, tmp_path: Path) -> None:
    with Agent(traces=tmp_path, model="none", threads=1) as agent, Rereader(agent) as reader:
        image = reader.load(film)
        own = reader.read(image)
        assert own.refused is None
        assert own.states["cardiomegaly (measured)"] in set(FindingState) - {FindingState.REFUSED}
        assert own.values["cardiothoracic_ratio"].value == pytest.approx(0.62, abs=0.05)
        again = reader.read_file(Perturbation(family("rewritten"), 1).file(image.pixels, 0), image)
        assert again == own
        dicom = Perturbation(family("monochrome1"), 1).file(image.pixels, 0)
        other = reader.read_file(dicom, image)
        assert other.states == own.states
        negative = Perturbation(family("negative"), 1).file(image.pixels, 0)
        assert reader.read_file(negative, image).refused == "inverted_greys"
        assert reader.read_file(b"no film", image).refused is not None
    assert not list(tmp_path.iterdir())


def test_a_question_in_other_words_gets_the_same_answer(film: Path, tmp_path: Path) -> None:
    understood = questions_understood()
    assert understood.pairs.value is not None
    assert understood.pairs.value > 0.85
    with Agent(traces=tmp_path, model="none", threads=1) as agent:
        study = agent.load(film)
        with TraceWriter.create(tmp_path) as trace:
            run = Run(study, agent.setup, trace)
            run.start()
            run.read()
            run.issue()
            answered = questions_answered(lambda text: Chat(run).ask(text).sentences)
    assert answered.with_most.count >= understood.with_most.count
    (heart,) = [one for one in answered.groups if one.group == "heart_enlarged"]
    assert heart.others == ()
