"""The parts of the findings network's training and of the pretraining before it."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="training is an extra")

from cxr_agent.models.networks.encoder import STRIDE, Encoder  # noqa: E402
from cxr_agent.models.networks.findings import SHARPNESS, FindingsNet  # noqa: E402
from training.findings import card, data  # noqa: E402
from training.findings.train import aucs, coarsen, logits_of, loss_of, sampling  # noqa: E402
from training.pretrain.__main__ import TEMPERATURE, Tasks, contrast  # noqa: E402

NAN = float("nan")


def test_rare_findings_are_drawn_more_often_and_all_films_sometimes() -> None:
    truth = np.zeros((1000, 3), dtype=np.float32)
    truth[:500, 0] = 1
    truth[500:530, 1] = 1
    truth[900:, :] = np.nan
    drawn = sampling(truth)
    assert drawn.sum() == pytest.approx(1)
    assert drawn.min() > 0
    common, rare, normal, unknown = drawn[0], drawn[510], drawn[700], drawn[950]
    assert normal == unknown
    assert common / normal == pytest.approx(1 + 2**0.5)
    assert rare / normal == pytest.approx(1 + (1000 / 30) ** 0.5)


def test_a_finding_of_one_film_does_not_take_over() -> None:
    truth = np.zeros((1000, 1), dtype=np.float32)
    truth[0] = 1
    assert sampling(truth)[0] < 0.01


def test_some_tiles_lose_their_detail_and_none_its_greys() -> None:
    tiles = torch.randn(400, 1, 16, 16)
    coarse = coarsen(tiles, np.random.default_rng(0))
    changed = (coarse != tiles).flatten(1).any(1)
    assert 0.08 < changed.float().mean() < 0.22
    assert torch.equal(coarse[~changed], tiles[~changed])
    assert (coarse[changed].std() / tiles[changed].std()) < 0.6
    means = [picture[changed].mean((1, 2, 3)) for picture in (coarse, tiles)]
    assert torch.allclose(*means, atol=0.1)


def test_the_loss_looks_at_known_labels_alone() -> None:
    truth = torch.tensor([[1.0, NAN], [0.0, NAN]])
    right = torch.tensor([[4.0, 9.0], [-4.0, -9.0]])
    assert loss_of(right, truth) == loss_of(right * torch.tensor([1.0, -1.0]), truth)
    assert loss_of(right, truth) < 0.15
    assert loss_of(-right, truth) > 3
    assert loss_of(right, torch.full((2, 2), NAN)) == 0
    # Unknown labels do not thin out the known ones.
    known = torch.tensor([[1.0, 1.0], [0.0, 0.0]])
    assert loss_of(right[:, :1], truth[:, :1]) == loss_of(right, truth)
    assert loss_of(right, known) != loss_of(right, truth)


def test_an_unknown_label_moves_no_weight() -> None:
    logits = torch.zeros(2, 2, requires_grad=True)
    loss_of(logits, torch.tensor([[1.0, NAN], [NAN, 0.0]])).backward()
    assert logits.grad is not None
    assert (logits.grad != 0).tolist() == [[True, False], [False, True]]


def test_a_log_has_the_auc_of_labels_that_can_have_one() -> None:
    """Never NaN, which is no JSON."""
    truth = np.full((4, len(data.CODES)), np.nan, dtype=np.float32)
    logits = np.zeros_like(truth)
    truth[:, 1] = [1, 1, 0, 0]
    logits[:, 1] = [3, 1, 2, 0]
    truth[:, 2] = 1
    truth[:, 3] = [1, 0, np.nan, np.nan]
    assert aucs(truth, logits) == {data.CODES[1]: 0.75, data.CODES[3]: 0.5}


@pytest.fixture(scope="module")
def network() -> FindingsNet:
    torch.manual_seed(0)
    return FindingsNet(3).eval()


def test_maps_are_a_cell_per_stride_and_logits_lie_between_mean_and_maximum(
    network: FindingsNet,
) -> None:
    with torch.no_grad():
        logits, maps = network(torch.randn(2, 1, 64, 64))
    assert maps.shape == (2, 3, 64 // STRIDE, 64 // STRIDE)
    flat = maps.flatten(2)
    assert (logits >= flat.mean(2) - 1e-5).all()
    assert (logits <= flat.amax(2)).all()
    cells = flat.shape[2]
    wanted = torch.log((flat * SHARPNESS).exp().sum(2) / cells) / SHARPNESS
    assert torch.allclose(logits, wanted, atol=1e-4)


def test_logits_do_not_hang_on_the_batch(network: FindingsNet) -> None:
    tiles = np.random.default_rng(0).normal(size=(5, 64, 64)).astype(np.float32)
    network.train()
    found = logits_of(network, tiles, batch=2)
    assert found.shape == (5, 3)
    assert found.dtype == np.float32
    assert np.allclose(found, logits_of(network, tiles, batch=5), atol=1e-4)


@pytest.mark.parametrize("widths", [(4, 8), (4, 8, 8, 16)])
def test_an_encoder_halves_the_side_with_every_width(widths: tuple[int, ...]) -> None:
    encoder = Encoder(widths, depth=1).eval()
    with torch.no_grad():
        features = encoder(torch.zeros(2, 1, 64, 64))
    side = 64 // 2 ** len(widths)
    assert features.shape == (2, widths[-1], side, side)
    assert encoder.width == widths[-1]


# --- pretraining ----------------------------------------------------------------------------


def test_contrast_is_low_where_partners_lie_together() -> None:
    parts = torch.eye(4)
    together, found = contrast(torch.cat([parts, parts]))
    assert found == 1
    # One partner at cosine 1, six strangers at cosine 0.
    wanted = np.log1p(6 * np.exp(-1 / TEMPERATURE))
    assert together.item() == pytest.approx(wanted, rel=1e-3)
    apart, missed = contrast(torch.cat([parts, parts.roll(1, 0)]))
    assert missed == 0
    assert apart > together + 5


def test_contrast_looks_at_directions_alone() -> None:
    parts = torch.randn(8, 5)
    lengths = torch.rand(8, 1) + 0.5
    assert torch.allclose(contrast(parts)[0], contrast(parts * lengths)[0], atol=1e-5)


def test_tasks_tell_the_first_part_from_the_second() -> None:
    torch.manual_seed(0)
    tasks = Tasks().eval()
    one, other = torch.randn(2, 3, 1, 32, 32)
    with torch.no_grad():
        projections, layout, appearance = tasks(one, other)
        turned, back, _ = tasks(other, one)
    assert (projections.shape, layout.shape, appearance.shape) == ((6, 128), (3, 3), (3, 2))
    assert torch.allclose(turned, projections.roll(3, 0), atol=1e-5)
    assert not torch.allclose(layout, back, atol=1e-3)


# --- card -----------------------------------------------------------------------------------


def test_only_what_is_surely_good_enough_is_offered() -> None:
    """By the lower bound of the held-out AUC, on the set that has all labels."""
    lows = dict(zip(data.CODES, np.linspace(0.70, 0.81, len(data.CODES)).round(2), strict=True))
    tested = {
        code: {"auc": 0.9, "interval": [float(low), 0.95], "films": 900, "positives": 30}
        for code, low in lows.items()
    }
    setting = {"scale": 1.2, "offset": -0.3, "present_at": 0.6, "absent_below": 0.1}
    made = card.labels(
        {"auc": {"final": {"nih": tested}}, "settings": dict.fromkeys(data.CODES, setting)}
    )
    assert tuple(label.code for label in made) == data.CODES  # as the network's outputs are
    offered = [label.auc_interval[0] for label in made if label.offered]
    assert offered == [0.75, 0.76, 0.77, 0.78, 0.79, 0.8, 0.81]
    for label in made:
        assert (label.scale, label.offset) == (1.2, -0.3)
        assert (label.absent_below, label.present_at) == (0.1, 0.6)
