"""Measuring from Python: which values, whose outlines, whose limits."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from cxr_agent import Measurer
from cxr_agent.errors import ConfigError, InputError, UnsuitableFilm, UsageError
from cxr_agent.knowledge import measurements, threshold
from cxr_agent.measuring import chosen
from cxr_agent.testing.phantom import Phantom, PhantomSpec, draw

SIZE = 512
TASKS = 12


@pytest.fixture(scope="module")
def measurer() -> Iterator[Measurer]:
    with Measurer() as one:
        yield one


@pytest.fixture(scope="module")
def phantom() -> Phantom:
    return draw(PhantomSpec(thorax_width=0.72), SIZE)


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory, phantom: Phantom) -> Path:
    path = tmp_path_factory.mktemp("films") / "film.png"
    Image.fromarray(np.rint(phantom.pixels * 255).astype(np.uint8)).save(path)
    return path


def test_all_twelve_tasks_are_defined_and_measured_on_true_outlines(
    measurer: Measurer, film: Path, phantom: Phantom
) -> None:
    found = measurer.measure(film, masks=phantom.masks)
    tasks = {one.task: one.id for one in measurements().values() if one.task}
    assert len(tasks) == TASKS
    measured = {item.id: item for item in found.items}
    assert set(tasks.values()) <= set(measured)
    for name, truth in phantom.truth.items():
        if name in measured:
            assert measured[name].value == pytest.approx(truth, abs=max(0.13, 0.13 * truth)), name


def test_a_film_alone_gives_what_the_model_outlines_with_intervals(
    measurer: Measurer, film: Path, phantom: Phantom
) -> None:
    found = measurer.measure(film)
    values = {item.id: item for item in found.items}
    assert {"ctr", "rotation", "inclusion", "mediastinal_gap"} <= set(values)
    ctr = values["ctr"]
    assert ctr.interval is not None
    assert ctr.interval[0] <= phantom.ctr <= ctr.interval[1]
    assert (ctr.calibrated, ctr.interval_level) == (True, 0.9)
    missing = {one.id: one.reasons for one in found.unmeasured}
    assert missing["carina_angle"] == ("mask_missing",)
    assert missing["vascular_pedicle"] == ("no_spacing",)


def test_everything_is_measured_or_said_to_be_not(measurer: Measurer, film: Path) -> None:
    found = measurer.measure(film)
    said = {item.id for item in found.items} | {one.id for one in found.unmeasured}
    assert said == set(measurements())


def test_lengths_need_a_spacing_and_follow_it(measurer: Measurer, film: Path) -> None:
    once = measurer.measure(film, only=["vascular_pedicle"], spacing=(0.2, 0.2)).items[0]
    twice = measurer.measure(film, only=["vascular_pedicle"], spacing=(0.2, 0.4)).items[0]
    assert twice.value == pytest.approx(2 * once.value)


@pytest.mark.parametrize("name", ["ctr", "cardiomegaly", "cardiothoracic_ratio"])
def test_a_measurement_is_known_by_id_task_and_code(name: str) -> None:
    assert [one.id for one in chosen([name])] == ["ctr"]


def test_an_unknown_measurement_is_an_error_with_the_nearest() -> None:
    with pytest.raises(UsageError) as caught:
        chosen(["carina_angel"])
    assert (caught.value.code, "carina_angle" in (caught.value.hint or "")) == (
        "unknown_measurement",
        True,
    )


def test_masks_of_another_size_and_of_nothing_known_are_refused(
    measurer: Measurer, film: Path
) -> None:
    for masks, code in (
        ({"heart": np.ones((4, 4), dtype=np.bool_)}, "mask_size"),
        ({"hart": np.ones((SIZE, SIZE), dtype=np.bool_)}, "unknown_structure"),
    ):
        with pytest.raises(InputError) as caught:
            measurer.measure(film, masks=masks)
        assert caught.value.code == code


def test_masks_can_lie_in_a_folder(
    measurer: Measurer, film: Path, phantom: Phantom, tmp_path: Path
) -> None:
    Image.fromarray(phantom.masks["carina"].astype(np.uint8) * 255).save(tmp_path / "carina.png")
    found = measurer.measure(film, masks=tmp_path, only=["carina_angle"])
    assert found.items[0].value == pytest.approx(65, abs=9)
    assert found.items[0].interval is None
    (tmp_path / "heart.png").write_bytes(b"no picture")
    with pytest.raises(InputError, match="heart"):
        measurer.measure(film, masks=tmp_path)


def test_what_is_no_film_is_refused_unless_outlines_are_given(
    measurer: Measurer, phantom: Phantom, tmp_path: Path
) -> None:
    path = tmp_path / "turned.png"
    Image.fromarray(np.rint(np.rot90(phantom.pixels) * 255).astype(np.uint8)).save(path)
    with pytest.raises(UnsuitableFilm):
        measurer.measure(path)
    given = measurer.measure(path, masks={"carina": phantom.masks["carina"]})
    assert [item.id for item in given.items] == ["carina_angle"]


def test_a_users_limit_decides_and_is_named(film: Path, tmp_path: Path) -> None:
    config = tmp_path / "mine.toml"
    config.write_text('[thresholds]\nctr_pa = 0.3\nctr_ap = { value = 0.31, source = "ours" }\n')
    with Measurer(config=config) as measurer:
        found = measurer.measure(film, only=["ctr"])
    (ctr,) = found.items
    assert found.changed_thresholds == {"ctr_pa": 0.3, "ctr_ap": 0.31}
    assert ctr.decided is not None
    assert ctr.decided.nearest == "present"
    assert "user's configuration" in ctr.decided.source
    assert "shipped: 0.5" in ctr.decided.source
    assert threshold("ctr_pa").value == 0.5


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("[thresholds]\nctr_pb = 1", "unknown_threshold"),
        ("[thresholds]\nctr_pa = 'high'", "bad_config"),
        ("[thresholds]\nctr_pa = true", "bad_config"),
        ("[thresholds]\nctr_pa = nan", "bad_config"),
        ("[thresholds]\nctr_pa = { value = 1, colour = 2 }", "bad_config"),
        ("[limits]\nctr_pa = 1", "bad_config"),
        ("thresholds = 1", "bad_config"),
        ("= broken", "bad_config"),
        (None, "config_unreadable"),
    ],
)
def test_a_configuration_that_cannot_be_used(tmp_path: Path, text: str | None, code: str) -> None:
    config = tmp_path / "mine.toml"
    if text is not None:
        config.write_text(text)
    with pytest.raises(ConfigError) as caught:
        Measurer(config=config)
    assert caught.value.code == code


def test_the_variable_names_a_configuration(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, film: Path
) -> None:
    config = tmp_path / "mine.toml"
    config.write_text("[thresholds]\nctr_pa = 0.61\n")
    monkeypatch.setenv("CXR_AGENT_CONFIG", str(config))
    with Measurer() as measurer:
        assert measurer.measure(film, only=["ctr"]).changed_thresholds == {"ctr_pa": 0.61}
