"""A store searched by meaning: ``kb encode``, and ``kb search --text ... --encoder ...``."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING

from cxr_agent.cli.kb_output import hit_lines, hit_record, show_quotes
from cxr_agent.errors import EXIT_OK

if TYPE_CHECKING:
    from cxr_agent.retrieval import Hit, Where
    from cxr_agent.retrieval.encoding import Encoded


def encode_store(folder: Path, source: str, device: str, as_json: bool) -> int:
    """Give every item of a store a vector by an encoder, and say what became of them."""
    from cxr_agent.retrieval import Store
    from cxr_agent.retrieval.encoders import find_encoder
    from cxr_agent.retrieval.encoding import encode

    with Store(folder) as opened:
        encoder = find_encoder(source)
        done = encode(opened, encoder, device, _told)
        held = len(opened.encoded(encoder.identity, encoder.part)[0])
    if as_json:
        told = {"encoder": encoder.identity, "part": str(encoder.part), **asdict(done)}
        print(json.dumps({**told, "vectors": held}, indent=2))
        return EXIT_OK
    print(f"{done.added} {encoder.part}s encoded; the store holds {held} vectors by this encoder")
    for count, why in (
        (done.gone, "whose file is gone"),
        (done.changed, "whose file holds another film by now"),
        (done.refused, "whose file is refused by now"),
    ):
        if count:
            print(f"{count} films {why}, left out")
    return EXIT_OK


def search_by_meaning(
    text: str,
    source: str,
    k: int,
    where: Where,
    patient: str,
    folder: Path,
    alone: bool,
    device: str,
    as_json: bool,
) -> int:
    """Show what lies near a text: quotes by an encoder of texts, films by one of films and texts.

    Parameters
    ----------
    where, patient
        Which items may be found.
    alone
        Whether there is no store, and what ``kb/`` says is all that can be found.
    """
    from cxr_agent.imaging.fingerprint import fingerprint
    from cxr_agent.retrieval import Store
    from cxr_agent.retrieval.encoders import find_encoder
    from cxr_agent.retrieval.items import Part
    from cxr_agent.retrieval.meaning import Meanings

    encoder = find_encoder(source)
    meanings = Meanings(encoder, device)
    if alone and encoder.part is Part.REPORT:
        return show_quotes(meanings.quotes(text, k), as_json)
    with Store(folder) as opened:
        if patient:
            whose = opened.patient_key(fingerprint(patient))
            where = replace(where, not_patients=frozenset((whose,)))
        if encoder.part is Part.REPORT:
            quotes, hits = meanings.quotes(text, k, opened, where), None
        else:
            quotes, hits = [], meanings.films(text, opened, k, where)
        lacking = len(opened.not_encoded(encoder.identity, encoder.part))
    if lacking:
        print(
            f"cxr-agent: note: {lacking} {encoder.part}s of the store have no vector by this "
            "encoder and cannot be found: cxr-agent kb encode",
            file=sys.stderr,
        )
    return show_quotes(quotes, as_json) if hits is None else _show_films(hits, as_json)


def _show_films(hits: Sequence[Hit], as_json: bool) -> int:
    """As the films of a search by a film; how far is too far is not known of texts."""
    if as_json:
        print(json.dumps({"reach": None, "films": [hit_record(hit) for hit in hits]}, indent=2))
        return EXIT_OK
    for hit in hits:
        print("\n".join(hit_lines(hit)))
    print(f"{len(hits)} films. Likeness is context, not proof; for research only.")
    return EXIT_OK


def _told(done: Encoded) -> None:
    if sys.stderr.isatty():
        print(f"\r\033[K  {done.done} of {done.of}", end="", file=sys.stderr)
        if done.done == done.of:
            print("\r\033[K", end="", file=sys.stderr)
