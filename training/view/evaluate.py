"""Every figure of the view model, into training/view/results.json.

python -m training.view.evaluate --extra DIR
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from cxr_agent.models.card import Figure
from cxr_agent.models.networks.view import INPUT_SIZE, Probabilities, ViewNet
from cxr_agent.models.tile import make_tile
from cxr_agent.models.view import FLAGS, KINDS, look_of, unreadable
from training.figures import balanced, share, show
from training.films import sets
from training.films.film import Film
from training.findings.scores import auc
from training.view import data
from training.view.train import FOLDER

RESULTS = Path("training/view/results.json")
PER_SOURCE = 200
"""Films of one source that are turned in all ways."""
_CLEAR = 0.8
"""A projection is called probable from this probability on, at the least."""
_WAYS = [(q, m, i) for q in range(4) for m in (False, True) for i in (False, True)]

Answers = dict[str, NDArray[np.float32]]


def network_of(name: str = "view") -> Probabilities:
    """The averaged weights of one run, with probabilities."""
    network = ViewNet()
    network.load_state_dict(torch.load(FOLDER / f"{name}.pt", weights_only=True))
    return Probabilities(network).eval()


def pixels_of(film: Film, way: tuple[int, bool, bool] = (0, False, False)) -> NDArray[np.float32]:
    """A film as it lies, or mirrored, turned and inverted."""
    quarters, mirrored, inverted = way
    pixels = film.pixels()
    if inverted:
        pixels = 1 - pixels
    if mirrored:
        pixels = pixels[:, ::-1]
    return np.ascontiguousarray(np.rot90(pixels, quarters))


@torch.no_grad()
def answers(network: Probabilities, pictures: list[NDArray[np.float32]]) -> Answers:
    """Probabilities by head, each (N, ...)."""
    parts: list[tuple[torch.Tensor, ...]] = []
    for start in range(0, len(pictures), 64):
        tiles = [make_tile(p, INPUT_SIZE)[0] for p in pictures[start : start + 64]]
        parts.append(network(torch.from_numpy(np.stack(tiles)[:, None])))
    heads = [torch.cat(head).numpy() for head in zip(*parts, strict=True)]
    return dict(zip(("kind", "turn", "flags"), heads, strict=True))


def some(films: list[Film], count: int = PER_SOURCE) -> list[Film]:
    """At most so many of each source."""
    rng = np.random.default_rng(0)
    kept: list[Film] = []
    for source in sets.count_by_source(films):
        group = [film for film in films if film.source == source]
        kept += [group[i] for i in rng.permutation(len(group))[:count]]
    return kept


def limits_of(network: Probabilities, films: data.Films) -> dict[str, float]:
    """From validation films: the probability beyond which one in 500 upright films lies.

    At least even odds, so that a limit says what it seems to.
    """
    upright = answers(network, [pixels_of(film) for film in films.frontal])
    flags = dict(zip(FLAGS, upright["flags"].T, strict=True))

    def rare(values: NDArray[np.float32]) -> float:
        return round(max(0.5, float(np.quantile(values, 0.998, method="higher"))), 5)

    pa = np.array([film.view == "PA" for film in films.frontal])
    ap = np.array([film.view == "AP" and not film.child for film in films.frontal])
    adult = np.array([film.child is False for film in films.frontal])
    return {
        "other": rare(upright["kind"][:, KINDS.index("other")]),
        "lateral": rare(upright["kind"][:, KINDS.index("lateral")]),
        "turned": rare(1 - upright["turn"][:, 0]),
        "mirrored": rare(flags["mirrored"]),
        "inverted": rare(flags["inverted"]),
        "child": round(float(np.quantile(flags["child"][adult], 0.99)), 5),
        "ap": round(max(_CLEAR, float(np.quantile(flags["ap"][pa], 0.95))), 5),
        "pa": round(min(1 - _CLEAR, float(np.quantile(flags["ap"][ap], 0.05))), 5),
    }


def kinds(network: Probabilities, chosen: argparse.Namespace, test: data.Films) -> list[Figure]:
    """Frontal against everything else."""
    strange = some(data.strange(chosen.shared, chosen.extra))
    groups = {
        "test patients of the training sets": [*some(test.frontal), *test.lateral, *test.other],
        "frontal films of hospitals never seen; side views; kinds of pictures never seen": [
            *strange,
            *test.lateral,
            *data.unseen(chosen.extra),
        ],
    }
    found = []
    for name, films in groups.items():
        said = answers(network, [pixels_of(film) for film in films])["kind"]
        truth = np.array([data.kind_of(film) == 0 for film in films]).astype(np.int64)
        frontal = (said.argmax(1) == 0).astype(np.int64)
        found.append(balanced(name, "balanced accuracy", truth, frontal, "frontal or not"))
        parts = [f"{film.source}, {KINDS[data.kind_of(film)]}" for film in films]
        for part in dict.fromkeys(parts):
            hits = (frontal == truth)[np.array(parts) == part].astype(np.float64)
            found.append(share(part, "share told rightly", hits, "frontal or not"))
    said = answers(network, [pixels_of(film) for film in test.lateral])["kind"]
    hits = (said.argmax(1) == KINDS.index("lateral")).astype(np.float64)
    return [*found, share("side views of test patients", "share called lateral", hits, "lateral")]


def ways(network: Probabilities, groups: dict[str, list[Film]]) -> list[Figure]:
    """Turned, mirrored and inverted in all sixteen ways."""
    found = []
    for name, films in groups.items():
        said = answers(network, [pixels_of(film, way) for way in _WAYS for film in films])
        truth = np.repeat(np.array(_WAYS, dtype=np.int64), len(films), axis=0)
        flags = dict(zip(FLAGS, said["flags"].T, strict=True))
        turn = said["turn"].argmax(1)
        mirrored = (flags["mirrored"] >= 0.5).astype(np.int64)
        inverted = (flags["inverted"] >= 0.5).astype(np.int64)
        for part, real, told in (
            ("turn (4 classes)", truth[:, 0], turn),
            ("mirrored", truth[:, 1], mirrored),
            ("inverted", truth[:, 2], inverted),
        ):
            found.append(balanced(name, "balanced accuracy", real, told, part))
    return found


def flags_figures(network: Probabilities, groups: dict[str, list[Film]]) -> list[Figure]:
    """Projection and childhood, as AUC."""
    found = []
    for name, films in groups.items():
        said = answers(network, [pixels_of(film) for film in films])["flags"]
        truth = np.stack([data.flags_of(film) for film in films])
        for flag in ("ap", "child"):
            column = FLAGS.index(flag)
            known = truth[~np.isnan(truth[:, column]), column]
            if min(known.sum(), len(known) - known.sum()) < 15:
                continue
            value = auc(truth[:, column], said[:, column])
            found.append(
                Figure(
                    data=name,
                    films=len(known),
                    metric="AUC",
                    structure=flag,
                    value=round(value, 4),
                )
            )
    return found


def acted_on(
    network: Probabilities, limits: dict[str, float], groups: dict[str, list[Film]]
) -> list[Figure]:
    """What the limits do: how many upright films are refused, how many turned ones pass."""
    found = []
    for name, films in groups.items():
        for title, way in (
            ("upright films refused", (0, False, False)),
            ("films turned by 90 degrees refused", (1, False, False)),
            ("films turned by 180 degrees refused", (2, False, False)),
            ("inverted films refused", (0, False, True)),
        ):
            said = answers(network, [pixels_of(film, way) for film in films])
            looks = map(look_of, said["kind"], said["turn"], said["flags"])
            refused = [float(unreadable(look, limits) is not None) for look in looks]
            found.append(share(name, title, np.array(refused)))
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--shared", type=Path, default=Path("../shared"))
    parser.add_argument("--extra", type=Path, required=True)
    chosen = parser.parse_args()
    torch.set_num_threads(2)
    network = network_of()
    limits = limits_of(network, data.films(chosen.shared, chosen.extra, "validation"))
    test = data.films(chosen.shared, chosen.extra, "test")
    strange = data.strange(chosen.shared, chosen.extra)
    turned = {
        "test patients of the training sets": some(test.frontal, 50),
        "hospitals never seen (CheXpert, VinDr)": some(strange, 50),
    }
    whole = {
        "ChestX-ray14, test patients": [f for f in test.frontal if f.source == "nih"],
        "CheXpert, never seen": [f for f in strange if f.source == "chexpert"],
        "children (Kermany) and adults (JSRT), test patients": [
            f for f in test.frontal if f.source in ("kermany", "jsrt")
        ],
    }
    figures = [
        *kinds(network, chosen, test),
        *ways(network, turned),
        *flags_figures(network, whole),
        *acted_on(
            network,
            limits,
            {
                **turned,
                "COVID-19 case reports, test patients": [
                    f for f in test.frontal if f.source == "covid"
                ],
            },
        ),
    ]
    train = data.films(chosen.shared, chosen.extra, "train")
    results: dict[str, Any] = {
        "limits": limits,
        "trained_on": {
            name: {"films": sets.count_by_source(group), "people": sets.people(group)}
            for name in ("frontal", "lateral", "other")
            for group in [getattr(train, name)]
        },
        "figures": [figure.model_dump(mode="json") for figure in figures],
    }
    RESULTS.write_text(json.dumps(results, indent=1) + "\n")
    print(limits)
    show(figures)


if __name__ == "__main__":
    main()
