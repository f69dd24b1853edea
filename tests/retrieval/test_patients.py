"""Whose film it is: the list knows, else the file, else the folder, else it is nobody else's."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cxr_agent.imaging import DecodedFilm
from cxr_agent.imaging.fingerprint import fingerprint
from cxr_agent.retrieval import Store
from cxr_agent.retrieval.building import build
from cxr_agent.retrieval.listing import Listed
from cxr_agent.testing.phantom import PhantomSpec, draw
from tests.cli.program import dicom, levels

from .test_library import VECTORS, Pointing


class Different(Pointing):
    """Gives each film a vector of its own."""

    def embed(self, films: Any) -> Any:
        found = super().embed(films)
        return type(found)(np.stack([VECTORS[n] for n, _ in enumerate(films)]))


def stored(folder: Path, *listed: Listed) -> dict[str, str]:
    """The key of each file's patient."""
    model: Any = Different(VECTORS[0])
    with Store(folder / "store", embedding="made", create=True) as store:
        build(store, listed, model)
        return {Path(item.source).name: item.patient for item in store.items().values()} | {
            f"key {name}": store.patient_key(fingerprint(name)) for name in ("A", "B", "ward")
        }


@pytest.fixture
def films(tmp_path: Path) -> dict[str, Path]:
    made = {}
    for seed, name in enumerate(("a1", "a2", "b1", "none1", "none2")):
        pixels = levels(draw(PhantomSpec(seed=seed), 192).pixels, 12)
        patient = {"PatientID": name[0].upper()} if name[0] in "ab" else {"PatientID": ""}
        made[name] = tmp_path / f"{name}.dcm"
        made[name].write_bytes(dicom(pixels, ViewPosition="PA", **patient))
    return made


def test_the_files_own_word_goes_before_its_folder(films: dict[str, Path], tmp_path: Path) -> None:
    keys = stored(tmp_path, *(Listed(path, perhaps="ward") for path in films.values()))
    assert keys["a1.dcm"] == keys["a2.dcm"] == keys["key A"]
    assert keys["b1.dcm"] == keys["key B"]
    assert keys["none1.dcm"] == keys["none2.dcm"] == keys["key ward"]


def test_the_lists_word_goes_before_all(films: dict[str, Path], tmp_path: Path) -> None:
    keys = stored(tmp_path, Listed(films["a1"], patient="B"), Listed(films["a2"]))
    assert keys["a1.dcm"] == keys["key B"]
    assert keys["a2.dcm"] == keys["key A"]


def test_films_of_which_nothing_is_known_are_of_two_patients(
    films: dict[str, Path], tmp_path: Path
) -> None:
    keys = stored(tmp_path, Listed(films["none1"]), Listed(films["none2"]))
    assert keys["none1.dcm"] != keys["none2.dcm"]


def test_no_key_says_who(films: dict[str, Path], tmp_path: Path) -> None:
    keys = stored(tmp_path, Listed(films["a1"]))
    assert keys["a1.dcm"] not in ("A", fingerprint("A"))
    assert DecodedFilm.__dataclass_fields__["patient"].default == ""
