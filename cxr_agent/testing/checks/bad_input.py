"""Checks of films and masks that are not as they should be: abstain, never guess, never break."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from cxr_agent.evidence import EvidenceKind
from cxr_agent.testing.checks.outcome import Broken, NotChecked
from cxr_agent.testing.checks.scene import Bank, Film, Trial, phantom

_CLAIMS = (EvidenceKind.MEASUREMENT, EvidenceKind.FINDING)


def empty_mask(bank: Bank) -> None:
    """With the mask of a structure that it needs empty, it abstains."""
    needed = bank.spec.required_masks
    if not needed:
        raise NotChecked("it needs no mask")
    film = phantom()
    for name in needed:
        empty = {**film.masks, name: np.zeros(film.pixels.shape, dtype=np.bool_)}
        trial = bank.trial(replace(film, masks=empty)).unfailed(f"an empty mask of {name}")
        if _claims(trial):
            raise Broken(f"it states a value although the mask of {name} is empty")


def nan(bank: Bank) -> None:
    """Pixels that are no numbers give no number and no failure."""
    film = phantom()
    holed = film.pixels.copy()
    holed[100:200, 100:200] = np.nan
    for name, pixels in (("a patch", holed), ("all", np.full_like(film.pixels, np.nan))):
        bank.trial(replace(film, pixels=pixels)).unfailed(f"NaN in {name} of its pixels")


def wrong_shape(bank: Bank) -> None:
    """Films that are not square, or hardly a film at all, do not break it."""
    film = phantom()
    for name, rows, columns in (
        ("a film cut to half its width", 512, 256),
        ("a film cut to a strip", 64, 512),
        ("a film of 8 x 8 pixels", 8, 8),
    ):
        bank.trial(_cut(film, rows, columns)).unfailed(name)


def _cut(film: Film, rows: int, columns: int) -> Film:
    masks = {name: plane[:rows, :columns].copy() for name, plane in film.masks.items()}
    return replace(film, pixels=film.pixels[:rows, :columns].copy(), masks=masks)


def _claims(trial: Trial) -> bool:
    return any(one.kind in _CLAIMS for one in trial.observations)
