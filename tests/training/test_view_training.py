"""What the view network learns from: whether its labels say what was done to a film."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.training.pictures import save, signpost, texture

torch = pytest.importorskip("torch", reason="training is an extra")

from cxr_agent.models.networks.view import INPUT_SIZE, ViewNet  # noqa: E402
from cxr_agent.models.view import FLAGS, KINDS, TURNS  # noqa: E402
from training.films import pool  # noqa: E402
from training.films.augment import Strength  # noqa: E402
from training.films.film import Film  # noqa: E402
from training.films.pool import Pool  # noqa: E402
from training.view import data, evaluate, train  # noqa: E402
from training.view.turn import changed  # noqa: E402

WAYS = [(q, m, i) for q in range(4) for m in (False, True) for i in (False, True)]
SIDE = 48
UNCHANGED = Strength(
    zoom=(1, 1), shift=0, turn_deg=0, aspect=0, gamma=0, contrast=0, noise=0, blank=0
)
NOWHERE = Path("none.png")
Square = NDArray[np.uint8]


# --- turning --------------------------------------------------------------------------------


def moved(x: int, y: int, quarters: int, mirrored: bool) -> tuple[int, int]:
    """Where a point lands; y down, (0, 0) in the middle."""
    if mirrored:
        x = -x
    for _ in range(quarters):  # counter-clockwise: what is on the right goes to the top
        x, y = y, -x
    return x, y


@pytest.mark.parametrize(("quarters", "mirrored", "inverted"), WAYS)
def test_a_point_goes_where_it_is_said_to_go(quarters: int, mirrored: bool, inverted: bool) -> None:
    square = np.full((11, 11), 10, dtype=np.uint8)
    x, y = 3, -4
    square[5 + y, 5 + x] = 200
    before = square.copy()
    reach = np.array([1, 0.6], dtype=np.float32)
    found, turned = changed(square, reach, quarters=quarters, mirrored=mirrored, inverted=inverted)
    x, y = moved(x, y, quarters, mirrored)
    wanted = np.full((11, 11), 245 if inverted else 10, dtype=np.uint8)
    wanted[5 + y, 5 + x] = 55 if inverted else 200
    assert np.array_equal(found, wanted)
    assert turned.tolist() == pytest.approx([1, 0.6] if quarters % 2 == 0 else [0.6, 1])
    assert np.array_equal(square, before)
    assert found.flags.c_contiguous


def test_all_sixteen_ways_are_different() -> None:
    square = (signpost() * 255).astype(np.uint8)
    reach = np.ones(2, dtype=np.float32)
    found = {
        changed(square, reach, quarters=q, mirrored=m, inverted=i)[0].tobytes() for q, m, i in WAYS
    }
    assert len(found) == 16


@pytest.mark.parametrize(("quarters", "mirrored", "inverted"), WAYS)
def test_films_are_tested_as_they_were_trained_on(
    quarters: int, mirrored: bool, inverted: bool, tmp_path: Path
) -> None:
    film = Film("nih", "1", save(tmp_path / "a.png", texture(1, (60, 48))))
    held = pool.load([film], SIDE)
    trained, reach = changed(
        held.squares[0], held.reach[0], quarters=quarters, mirrored=mirrored, inverted=inverted
    )
    pixels = evaluate.pixels_of(film, (quarters, mirrored, inverted))
    again = pool.load([Film("nih", "1", save(tmp_path / "b.png", pixels))], SIDE)
    assert reach == pytest.approx(again.reach[0])
    columns, rows = np.round(reach * SIDE).astype(int)
    top, left = (SIDE - rows) // 2 + 1, (SIDE - columns) // 2 + 1
    inside = np.s_[top : top + rows - 2, left : left + columns - 2]
    gap = trained[inside].astype(int) - again.squares[0][inside]
    assert np.abs(gap).max() <= 16


# --- what a film is -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("view", "kind"),
    [("PA", 0), ("AP", 0), ("frontal", 0), ("unknown", 0), ("lateral", 1), ("other", 2)],
)
def test_the_kind_of_a_film(view: str, kind: int) -> None:
    assert data.kind_of(Film("nih", "1", NOWHERE, view)) == kind


def flags(film: Film) -> dict[str, float | None]:
    found = dict(zip(FLAGS, data.flags_of(film).tolist(), strict=True))
    return {name: None if np.isnan(value) else value for name, value in found.items()}


def test_flags_say_what_is_known_of_a_film_as_it_lies() -> None:
    adult = {"mirrored": 0, "inverted": 0, "child": 0}
    assert flags(Film("nih", "1", NOWHERE, "AP", child=False)) == {"ap": 1, **adult}
    assert flags(Film("nih", "1", NOWHERE, "PA", child=False)) == {"ap": 0, **adult}
    assert flags(Film("covid", "1", NOWHERE, "frontal", child=False)) == {"ap": None, **adult}
    assert flags(Film("nih", "1", NOWHERE, "PA", child=True))["child"] == 1
    side = flags(Film("chexpert", "1", NOWHERE, "lateral"))
    assert (side["ap"], side["inverted"], side["child"]) == (None, 0, None)
    assert set(flags(Film("knee", "1", NOWHERE, "other")).values()) == {None}


def test_the_one_set_of_children_teaches_nothing_about_projection() -> None:
    child = flags(Film("kermany", "1", NOWHERE, "AP", child=True))
    assert (child["ap"], child["child"]) == (None, 1)


def test_films_are_chosen_by_split_kind_and_copy(tmp_path: Path) -> None:
    extra = tmp_path / "extra"
    grey = {n: texture(n, (40, 40)) for n in range(60)}
    rows = [f"{n}.png,p{n},No Finding,PA,{64 if n % 3 == 0 else 224}" for n in range(60)]
    for n in range(60):
        save(extra / "nih_small" / f"{n}.png", grey[n])
    write_index(extra / "nih_small", rows)
    write_index(extra / "chexpert_valid", [f"{n}.png,c{n},Fracture,lateral,9" for n in range(60)])
    write_index(extra / "knee", [f"{n}.png,k{n},knee,other,9" for n in range(60)])
    write_index(extra / "breast_us", [f"{n}.png,b{n},us,other,9" for n in range(60)])
    everyone: dict[str, set[str]] = {"frontal": set(), "lateral": set(), "other": set()}
    for split in ("train", "calibration", "validation", "test"):
        found = data.films(tmp_path / "shared", extra, split)
        for name, seen in everyone.items():
            films = getattr(found, name)
            assert {film.split for film in films} <= {split}
            assert not seen & {film.person for film in films}
            seen |= {film.person for film in films}
    assert {name: len(seen) for name, seen in everyone.items()} == {
        "frontal": 40,
        "lateral": 60,
        "other": 60,
    }
    assert {film.source for film in data.unseen(extra)} == {"breast_us"}
    assert data.strange(tmp_path / "shared", extra) == []


def write_index(folder: Path, rows: list[str]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    header = "file,patient,source_label,view,width"
    (folder / "index.csv").write_text("\n".join([header, *rows]) + "\n")


# --- batches --------------------------------------------------------------------------------


def one_pool(*films: Film) -> Pool:
    square = np.rint(signpost(SIDE) * 255).astype(np.uint8)
    count = len(films)
    return Pool(films, np.repeat(square[None], count, 0), np.ones((count, 2), dtype=np.float32))


def pools() -> dict[str, Pool]:
    return {
        "frontal": one_pool(Film("nih", "1", NOWHERE, "AP", child=False)),
        "lateral": one_pool(Film("chexpert", "1", NOWHERE, "lateral")),
        "other": one_pool(Film("knee", "1", NOWHERE, "other")),
    }


@pytest.fixture
def plainly(monkeypatch: pytest.MonkeyPatch) -> None:
    """Films are turned, mirrored and inverted, and otherwise shown as they are."""
    monkeypatch.setattr(train, "STRENGTH", UNCHANGED)
    monkeypatch.setattr(train, "STORED_SIZE", SIDE)
    monkeypatch.setattr(train, "INPUT_SIZE", SIDE)


def only(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setattr(train, "_SHARES", {name: 1.0})


def way_shown(tile: NDArray[np.float32]) -> tuple[int, bool, bool]:
    """Which of the sixteen ways of the signpost a tile is most like."""
    square, reach = np.rint(signpost(SIDE) * 255).astype(np.uint8), np.ones(2, dtype=np.float32)
    likeness = [
        np.corrcoef(
            changed(square, reach, quarters=q, mirrored=m, inverted=i)[0].ravel(), tile.ravel()
        )[0, 1]
        for q, m, i in WAYS
    ]
    assert max(likeness) > 0.9
    return WAYS[int(np.argmax(likeness))]


@pytest.mark.usefixtures("plainly")
def test_labels_say_what_was_done(monkeypatch: pytest.MonkeyPatch) -> None:
    only(monkeypatch, "frontal")
    batch = train.Sampler(pools(), seed=1).batch(160)
    assert (batch.kind == KINDS.index("frontal")).all()
    told = [
        (int(turn), bool(flag[FLAGS.index("mirrored")]), bool(flag[FLAGS.index("inverted")]))
        for turn, flag in zip(batch.turn, batch.flags, strict=True)
    ]
    assert told == [way_shown(tile[0].numpy()) for tile in batch.tiles]
    assert set(told) == set(WAYS)
    assert TURNS == (0, 90, 180, 270)  # so that a class is a number of quarters
    assert (batch.flags[:, FLAGS.index("ap")] == 1).all()
    assert (batch.flags[:, FLAGS.index("child")] == 0).all()


@pytest.mark.usefixtures("plainly")
def test_a_side_view_may_face_either_way(monkeypatch: pytest.MonkeyPatch) -> None:
    only(monkeypatch, "lateral")
    batch = train.Sampler(pools(), seed=2).batch(60)
    shown = [way_shown(tile[0].numpy()) for tile in batch.tiles]
    assert {mirrored for _, mirrored, _ in shown} == {True, False}
    assert batch.flags[:, FLAGS.index("mirrored")].isnan().all()
    assert batch.turn.tolist() == [quarters for quarters, _, _ in shown]
    inverted = batch.flags[:, FLAGS.index("inverted")].bool().tolist()
    assert inverted == [inverted for _, _, inverted in shown]


@pytest.mark.usefixtures("plainly")
@pytest.mark.parametrize("name", ["other", "drawn"])
def test_what_is_no_chest_film_has_no_way_up(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    only(monkeypatch, name)
    batch = train.Sampler(pools(), seed=3).batch(8)
    assert (batch.kind == KINDS.index("other")).all()
    assert (batch.turn == -1).all()
    assert batch.flags.isnan().all()
    assert torch.isfinite(batch.tiles).all()


@pytest.mark.usefixtures("plainly")
def test_a_drawn_chest_has_neither_age_nor_projection(monkeypatch: pytest.MonkeyPatch) -> None:
    only(monkeypatch, "phantom")
    batch = train.Sampler(pools(), seed=4).batch(12)
    assert (batch.kind == KINDS.index("frontal")).all()
    assert batch.flags[:, [FLAGS.index("ap"), FLAGS.index("child")]].isnan().all()
    known = batch.flags[:, [FLAGS.index("mirrored"), FLAGS.index("inverted")]]
    assert not known.isnan().any()


@pytest.mark.usefixtures("plainly")
def test_kinds_come_in_their_shares() -> None:
    assert sum(train._SHARES.values()) == pytest.approx(1)
    batch = train.Sampler(pools(), seed=5).batch(300)
    share = np.bincount(batch.kind.numpy(), minlength=3) / 300
    assert share == pytest.approx([0.64, 0.10, 0.26], abs=0.08)


@pytest.mark.usefixtures("plainly")
def test_small_sets_and_children_count_for_more_than_their_films(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    only(monkeypatch, "frontal")
    films = [
        *(Film("nih", str(n), NOWHERE, "PA", child=n < 25) for n in range(100)),
        *(Film("jsrt", str(n), NOWHERE, "AP", child=False) for n in range(4)),
    ]
    sampler = train.Sampler({**pools(), "frontal": one_pool(*films)}, seed=6)
    shares = sampler._frontal
    # By the root of their sizes: 10 to 2; a child counts as three adults.
    assert shares[100:].sum() / shares[:100].sum() == pytest.approx(2 / (10 * 1.5))
    assert shares[0] / shares[99] == pytest.approx(3)
    batch = sampler.batch(200)
    ap = float(batch.flags[:, FLAGS.index("ap")].mean())
    assert ap == pytest.approx(2 / 17, abs=0.07)


# --- loss -----------------------------------------------------------------------------------


class Told(torch.nn.Module):
    """Says of every picture what it is told to say."""

    def __init__(self, kind: list[float], turn: list[float], flags: list[float]) -> None:
        super().__init__()
        self._said = [torch.tensor(values) for values in (kind, turn, flags)]

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, ...]:
        return tuple(values.repeat(len(x), 1) for values in self._said)


def loss(network: torch.nn.Module, turn: list[int], flags: list[list[float]]) -> float:
    count = len(turn)
    batch = train.Batch(
        torch.zeros(count, 1, 32, 32),
        torch.zeros(count, dtype=torch.long),
        torch.tensor(turn),
        torch.tensor(flags),
    )
    return float(train.loss_of(network, batch, torch.device("cpu")))  # type: ignore[arg-type]


def test_the_loss_leaves_out_what_is_not_known() -> None:
    nan = float("nan")
    right = Told([9, 0, 0], [0, 9, 0, 0], [9, -9, -9, -9])
    known = [[1.0, 0.0, 0.0, 0.0]]
    assert loss(right, [1], known) < 0.01
    assert loss(right, [0], known) > 8
    assert loss(right, [1], [[0.0, 0.0, 0.0, 0.0]]) > 4
    assert loss(right, [1, -1], [*known, [nan] * 4]) == pytest.approx(loss(right, [1], known))
    assert loss(right, [1], [[1.0, nan, nan, nan]]) < 0.01


def test_a_network_gives_all_answers_of_its_lists() -> None:
    with torch.no_grad():
        kind, turn, told = ViewNet().eval()(torch.zeros(2, 1, INPUT_SIZE, INPUT_SIZE))
    assert kind.shape == (2, len(KINDS))
    assert turn.shape == (2, len(TURNS))
    assert told.shape == (2, len(FLAGS))
