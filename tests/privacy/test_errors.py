"""Exceptions of the Python interface: nothing of a file is in them, however deep one looks."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from cxr_agent.batch.listing import studies_of
from cxr_agent.deidentifying import Deidentifier, Pseudonyms
from cxr_agent.errors import CxrAgentError
from cxr_agent.imaging import Decoder, load_study
from tests.privacy.canaries import Planted
from tests.privacy.routes_in import full_dicom, refused_films, write_all


def chain(error: BaseException) -> Iterator[BaseException]:
    """The error, and all that it was raised from or during."""
    seen: set[int] = set()
    waiting: list[BaseException | None] = [error]
    while waiting:
        one = waiting.pop()
        if one is not None and id(one) not in seen:
            seen.add(id(one))
            yield one
            waiting += [one.__cause__, one.__context__]


def said(error: BaseException) -> bytes:
    parts = []
    for one in chain(error):
        parts += [str(one), repr(one), repr(one.args), repr(getattr(one, "__notes__", ""))]
        parts += [repr(getattr(one, name, "")) for name in ("code", "message", "hint")]
    return "\n".join(parts).encode()


@pytest.fixture(scope="module")
def planted() -> Planted:
    return Planted()


@pytest.fixture(scope="module")
def refused(planted: Planted, tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    return write_all(tmp_path_factory.mktemp("refused"), refused_films(planted))


def test_of_reading(refused: list[Path], planted: Planted) -> None:
    with Decoder() as decoder:
        for film in refused:
            with pytest.raises(CxrAgentError) as caught:
                load_study(film, decoder=decoder)
            assert not planted.found_in(said(caught.value)), film.name


def test_of_copying(refused: list[Path], planted: Planted, tmp_path: Path) -> None:
    copied = 0
    with Deidentifier(tmp_path, Pseudonyms(b"k" * 32)) as deidentifier:
        for film in refused:
            told = b""
            try:
                copied += bool(deidentifier.copy(film))
            except CxrAgentError as error:
                told = said(error)
            assert not planted.found_in(told), film.name
    assert copied == 2  # a hand and a lateral film are films
    for path in tmp_path.iterdir():
        assert not planted.found_in(path.name.encode() + path.read_bytes())


def test_a_loaded_study_tells_nothing(planted: Planted, tmp_path: Path) -> None:
    film = tmp_path / f"{planted.word('name of a film')}.dcm"
    film.write_bytes(full_dicom(planted))
    with Decoder() as decoder:
        study = load_study(film, indication="cough", decoder=decoder)
    assert not planted.found_in(repr(study).encode())


def test_a_listed_folder_tells_nothing(refused: list[Path], planted: Planted) -> None:
    for entry in studies_of(refused[0].parent):
        name = getattr(entry, "name", "")
        assert not planted.found_in(name.encode())
