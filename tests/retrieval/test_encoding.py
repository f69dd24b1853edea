"""Further vectors of a store: nothing lost, nothing double, no two versions mixed."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cxr_agent.errors import CxrAgentError, UsageError
from cxr_agent.evidence import Polarity
from cxr_agent.imaging import Decoder
from cxr_agent.models import catalogue
from cxr_agent.models.adapters import clip as clip_family
from cxr_agent.models.adapters import sentence as sentence_family
from cxr_agent.models.adapters.families import READING
from cxr_agent.models.manifest import MANIFEST
from cxr_agent.retrieval import Item, Store, Where
from cxr_agent.retrieval.encoders import Encoder, find_encoder
from cxr_agent.retrieval.encoding import BATCH, encode
from cxr_agent.retrieval.items import Part
from cxr_agent.retrieval.meaning import Meanings
from cxr_agent.retrieval.passages import passages
from cxr_agent.retrieval.store import Looked, SourceFile
from tests.models.adapters import tiny
from tests.models.adapters.test_docs import install

from .made import checkpoint, clustered, films, looked

REPORTS = (
    "the heart is large",
    "no effusion . clear lung",
    "",
    " \n\t ",
    "normal chest radiograph",
)


def with_reports(folder: Path, reports: tuple[str, ...] = REPORTS) -> Store:
    store = Store(folder, embedding="made 1", create=True)
    for number, (vector, report) in enumerate(zip(clustered(len(reports)), reports, strict=True)):
        one = looked(number, vector, patient=store.patient_key(f"p{number}"))
        assert one.item is not None
        store.record([replace(one, item=replace(one.item, report=report))])
    return store


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with with_reports(tmp_path / "store") as opened:
        yield opened


@pytest.fixture
def filmed(tmp_path: Path) -> Iterator[Store]:
    """Four films on disk; whose they are and what they show differs."""
    folder = films(tmp_path / "films", 4)
    with (
        Store(tmp_path / "filmed", embedding="made 1", create=True) as opened,
        Decoder() as decoder,
    ):
        for number, path in enumerate(sorted(folder.iterdir())):
            item = Item(
                decoder.decode(path).sha256,
                str(path),
                patient=opened.patient_key(f"p{number}"),
                labels={"pneumonia": Polarity.PRESENT if number % 2 else Polarity.ABSENT},
            )
            opened.record([Looked(SourceFile(str(path), 1, 1), item, clustered(1)[0])])
        yield opened


def test_reports_are_encoded_once(
    store: Store, sentence: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    encoder = find_encoder(str(sentence))
    assert encoder.part is Part.REPORT
    done = encode(store, encoder)
    assert (done.of, done.done, done.added) == (3, 3, 3)  # two items have no report
    numbers, vectors = store.encoded(encoder.identity, Part.REPORT)
    assert list(numbers) == [1, 2, 5]
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    assert store.encoders() == {f"{encoder.identity}, reports": 3}

    def load(*_: object) -> None:
        raise AssertionError("nothing is to be done, and nothing is loaded for it")

    monkeypatch.setattr(Encoder, "of_texts", load)
    assert encode(store, encoder).of == 0
    assert not store.faults()


def test_a_text_is_nearest_to_itself(store: Store, sentence: Path) -> None:
    encoder = find_encoder(str(sentence))
    encode(store, encoder)
    meanings = Meanings(encoder)
    for number, report in enumerate(REPORTS, start=1):
        if not report.strip():
            continue
        found = meanings.quotes(report, 3, store)
        assert (found[0].item, found[0].text) == (number, report)
        assert found[0].distance == pytest.approx(0, abs=1e-5)
        assert found[0].source == f"report of item {number}"
        assert [one.distance for one in found] == sorted(one.distance for one in found)
        assert sum(one.item is None for one in found) == 3  # as many of kb/ as asked for
    for passage in passages()[::9]:
        (nearest, *_) = meanings.quotes(passage.text, 1, store)
        assert nearest.distance == pytest.approx(0, abs=1e-5)
    assert all(one.source.startswith("kb/") for one in meanings.quotes("large heart", 5))


def test_passages_are_encoded_once(sentence: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    meanings = Meanings(find_encoder(str(sentence)))
    model = meanings._model
    read: list[int] = []
    whole = model.encode_text

    def counted(texts: Any) -> Any:
        read.append(len(texts))
        return whole(texts)

    monkeypatch.setattr(model, "encode_text", counted)
    for _ in range(3):
        meanings.quotes("large heart", 2)
    assert sorted(read) == [1, 1, 1, len(passages())]


def test_where_limits_reports_and_films(
    store: Store, filmed: Store, sentence: Path, clip: Path
) -> None:
    encoder = find_encoder(str(sentence))
    encode(store, encoder)
    absent = Where(labels={"pleural_effusion": Polarity.ABSENT})
    found = Meanings(encoder).quotes("the heart is large", 5, store, absent)
    assert {one.item for one in found} == {None, 2, 5}
    encoder = find_encoder(str(clip))
    encode(filmed, encoder)
    present = Where(labels={"pneumonia": Polarity.PRESENT})
    hits = Meanings(encoder).films("clear lung", filmed, 5, present)
    assert {hit.number for hit in hits} == {2, 4}
    others = Where(not_patients=frozenset((filmed.patient_key("p1"),)))
    hits = Meanings(encoder).films("clear lung", filmed, 5, others)
    assert {hit.number for hit in hits} == {1, 3, 4}


def test_films_are_ranked_as_the_encoder_has_it(filmed: Store, clip: Path) -> None:
    encoder = find_encoder(str(clip))
    assert encoder.part is Part.FILM
    done = encode(filmed, encoder)
    assert (done.of, done.added, done.gone, done.changed, done.refused) == (4, 4, 0, 0, 0)
    hits = Meanings(encoder).films("large heart", filmed, 4)
    model = encoder.of_films("cpu")
    (asked,) = model.encode_text(["large heart"])
    with Decoder() as decoder:
        for hit in hits:
            (seen,) = model.encode([decoder.decode(Path(hit.item.source)).pixels])
            assert hit.distance == pytest.approx(1 - float(seen @ asked), abs=1e-5)
    assert [hit.distance for hit in hits] == sorted(hit.distance for hit in hits)


def test_a_film_whose_file_is_not_what_it_was_is_left_out(filmed: Store, clip: Path) -> None:
    gone, changed, broken, _ = (Path(item.source) for item in filmed.items().values())
    kept = {path: path.read_bytes() for path in (gone, changed, broken)}
    gone.unlink()
    other = films(gone.parent.parent / "other", 9) / "film-008.png"
    changed.write_bytes(other.read_bytes())
    broken.write_bytes(kept[broken][:200])
    encoder = find_encoder(str(clip))
    done = encode(filmed, encoder)
    assert (done.of, done.done, done.added) == (4, 4, 1)
    assert (done.gone, done.changed, done.refused) == (1, 1, 1)
    for path, content in kept.items():
        path.write_bytes(content)
    again = encode(filmed, encoder)
    assert (again.of, again.added, again.gone + again.changed + again.refused) == (3, 3, 0)


def test_what_was_done_before_a_failure_stays(tmp_path: Path, sentence: Path) -> None:
    reports = tuple(f"the heart is large {'clear ' * (n % 7)}" for n in range(2 * BATCH + 3))
    encoder = find_encoder(str(sentence))

    def stop(_: object) -> None:
        raise KeyboardInterrupt

    with with_reports(tmp_path / "store", reports) as store:
        with pytest.raises(KeyboardInterrupt):
            encode(store, encoder, told=stop)
        assert len(store.encoded(encoder.identity, Part.REPORT)[0]) == BATCH
        done = encode(store, encoder)
        assert (done.of, done.added) == (BATCH + 3, BATCH + 3)
        first = dict.fromkeys((1, 2), store.encoded(encoder.identity, Part.REPORT)[1][0])
        assert store.keep_encoded(encoder.identity, Part.REPORT, first) == 0
        assert len(store.encoded(encoder.identity, Part.REPORT)[0]) == len(reports)


def test_vectors_of_other_weights_are_never_searched(store: Store, sentence: Path) -> None:
    from safetensors.torch import load_file, save_file

    first = find_encoder(str(sentence))
    encode(store, first)
    weights = sentence / "model.safetensors"
    state = load_file(weights)
    state["encoder.layer.0.output.dense.weight"] *= -1
    save_file(state, weights, metadata={"format": "pt"})
    second = find_encoder(str(sentence))
    assert second.identity != first.identity
    with pytest.raises(UsageError) as caught:
        Meanings(second).quotes("large heart", 5, store)
    assert caught.value.code == "not_encoded"
    assert "kb encode" in caught.value.hint
    assert encode(store, second).added == 3
    old, new = (store.encoded(one.identity, Part.REPORT)[1] for one in (first, second))
    assert np.abs(old - new).max() > 1e-3
    assert Meanings(second).quotes(REPORTS[0], 1, store)[0].distance == pytest.approx(0, abs=1e-5)


def test_an_encoder_is_known_by_what_is_read_of_it(sentence: Path, tmp_path: Path) -> None:
    whole = find_encoder(str(sentence)).identity
    (sentence / "README.md").write_text("a page")
    (sentence / MANIFEST).write_text("{}")
    assert find_encoder(str(sentence)).identity == whole
    copy = tmp_path / "elsewhere"
    shutil.copytree(sentence, copy)
    assert find_encoder(str(copy)).identity == whole
    tiny.change(copy / "1_Pooling" / "config.json", pooling_mode="cls")
    assert find_encoder(str(copy)).identity != whole
    assert find_encoder(str(checkpoint(tmp_path / "again", "sentence", seed=1))).identity != whole


def test_a_pulled_model_is_an_encoder_by_its_name(offline: None, store: Store) -> None:
    folder = install("all-minilm-l6-v2")
    by_name = find_encoder("all-minilm-l6-v2")
    assert by_name == find_encoder("sentence-transformers/all-MiniLM-L6-v2")
    assert by_name.identity == find_encoder(str(folder)).identity
    assert encode(store, by_name).added == 3
    install("biomedclip")
    assert find_encoder("biomedclip").part is Part.FILM


def test_what_is_no_encoder(offline: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    (tmp_path / "empty").mkdir()
    (tmp_path / "file").write_bytes(b"weights")
    (tmp_path / "torn").mkdir()
    (tmp_path / "torn" / "config.json").write_text("{")
    dino = checkpoint(tmp_path / "dino", "dinov2")
    for source, code in (
        (str(dino), "no_encoder"),
        (str(tmp_path / "empty"), "no_encoder"),
        (str(tmp_path / "file"), "no_encoder"),
        (str(tmp_path / "torn"), "bad_checkpoint"),
        (str(tmp_path / "nothing"), "weights_missing"),
        ("all-minilm-l6-v2", "not_pulled"),
        ("sentence-transformers/all-MiniLM-L6-v2", "weights_unavailable"),
        ("some words", "bad_source"),
    ):
        with pytest.raises(CxrAgentError) as caught:
            find_encoder(source)
        assert caught.value.code == code, source
    hint = "cxr-agent models pull all-minilm-l6-v2"
    with pytest.raises(CxrAgentError) as caught:
        find_encoder(catalogue.find("all-minilm-l6-v2").source)
    assert hint in caught.value.hint


def test_every_kind_of_checkpoint_is_read_by_its_family() -> None:
    assert {kind for kind, family in READING.items() if family == "sentence"} == set(
        sentence_family._FIRST_PLACE
    )
    assert {kind for kind, family in READING.items() if family == "clip"} == set(
        clip_family._PADDING
    )


def test_a_store_without_the_table_is_opened(tmp_path: Path, sentence: Path) -> None:
    with with_reports(tmp_path / "store") as store:
        items = store.items()
    db = sqlite3.connect(tmp_path / "store" / "store.sqlite")
    db.execute("DROP TABLE encoded")
    db.execute("UPDATE meta SET value = '1' WHERE key = 'schema'")
    db.commit()
    db.close()
    encoder = find_encoder(str(sentence))
    for added in (3, 0):  # the second time it is a store of this version
        with Store(tmp_path / "store", embedding="made 1") as store:
            assert store.items() == items
            assert encode(store, encoder).added == added


def test_an_altered_vector_is_noticed(store: Store, sentence: Path) -> None:
    encoder = find_encoder(str(sentence))
    encode(store, encoder)
    db = sqlite3.connect(store.folder / "store.sqlite")
    db.execute("UPDATE encoded SET vector = zeroblob(LENGTH(vector)) WHERE item = 2")
    db.commit()
    db.close()
    assert store.faults() == [
        f"the vector of item 2 by {encoder.identity} is not the one that was stored"
    ]


def test_a_store_without_reports_has_only_what_kb_says(tmp_path: Path, sentence: Path) -> None:
    with with_reports(tmp_path / "store", ("", "")) as store:
        found = Meanings(find_encoder(str(sentence))).quotes("large heart", 2, store)
    assert [one.item for one in found] == [None, None]
