"""``cxr-agent kb``: a store of films to look for similar ones in."""

from __future__ import annotations

import json
import os
import sys
from collections import Counter
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cxr_agent.cli.device import Device, notices_told
from cxr_agent.cli.kb_output import hit_lines, hit_record, show_quotes
from cxr_agent.errors import EXIT_OK, ConfigError, UsageError

if TYPE_CHECKING:
    from cxr_agent.retrieval import Engine, Where
    from cxr_agent.retrieval.building import Progress

app = typer.Typer(help="A store of films, to look for similar ones in.", no_args_is_help=True)

StoreFolder = Annotated[
    Path | None,
    typer.Option("--store", help="Folder of the store. Default: CXR_AGENT_STORE, else ./store."),
]
Source = Annotated[Path, typer.Argument(metavar="DIR|CSV", help="A folder of films, or a table.")]
ReportColumn = Annotated[
    list[str] | None, typer.Option(help="Column with a report's text; may be repeated.")
]
PathColumn = Annotated[str, typer.Option(help="Column with the paths. Default: path, filename ...")]
PatientColumn = Annotated[str, typer.Option(help="Column that tells whose film it is.")]
LabelColumn = Annotated[str, typer.Option(help="Column with a list of findings, by | or ,.")]
Root = Annotated[Path | None, typer.Option(help="Folder that the table's paths start in.")]
Jobs = Annotated[int, typer.Option(min=1, max=64, help="Workers that decode.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
_TWO = min(2, os.cpu_count() or 1)


@app.callback()
def group() -> None:
    """A store of films, to look for similar ones in."""


def _filling(told: str, *, create: bool) -> Callable[..., int]:
    """The command that puts films into a store; build and add differ in whether one is made."""

    def fill(
        source: Source,
        store: StoreFolder = None,
        report_column: ReportColumn = None,
        path_column: PathColumn = "",
        patient_column: PatientColumn = "",
        label_column: LabelColumn = "",
        root: Root = None,
        jobs: Jobs = _TWO,
        as_json: AsJson = False,
        device: Device = "auto",
    ) -> int:
        from cxr_agent.models.runtime.runtime import Runtime
        from cxr_agent.models.shelf import Shelf
        from cxr_agent.retrieval import Store
        from cxr_agent.retrieval.building import build as filled
        from cxr_agent.retrieval.building import embedding_identity
        from cxr_agent.retrieval.listing import Columns, listing_of
        from cxr_agent.retrieval.reach import reach_of
        from cxr_agent.retrieval.votes import calibration_of

        columns = Columns(path_column, patient_column, label_column, tuple(report_column or ()))
        listing = listing_of(source, columns, root)
        if not listing.films:
            raise UsageError("no_films", "no films are listed there", hint="Check the path.")
        runtime = Runtime.shared(device)
        model = Shelf(runtime).embedding()
        with (
            notices_told(device, runtime),
            Store(_folder(store), embedding=embedding_identity(model), create=create) as opened,
        ):
            done = filled(opened, listing.films, model, jobs=jobs, told=_told)
            held = opened.generation().items
            reach_of(opened)  # measured now, so that no search waits for it
            calibration_of(opened)
        if as_json:
            found = {**asdict(done), "unknown_labels": listing.unknown_labels, "films": held}
            print(json.dumps(found, indent=2))
            return EXIT_OK
        print(
            f"{done.files} files: {done.added} films added, {done.skipped} looked at before, "
            f"{done.refused} refused; the store holds {held} films"
        )
        if listing.unknown_labels:
            print(f"{listing.unknown_labels} labels are no finding of the vocabulary, left out")
        return EXIT_OK

    fill.__doc__ = told
    return fill


app.command("build")(
    _filling("Put films into a store; one that was interrupted goes on where it was.", create=True)
)
app.command("add")(_filling("Put more films into a store that is there.", create=False))


@app.command("encode")
def encode(
    encoder: Annotated[
        str, typer.Option(help="A model that was pulled (kb/models.toml), or its folder.")
    ],
    store: StoreFolder = None,
    as_json: AsJson = False,
    device: Device = "auto",
) -> int:
    """Give a store vectors to be searched by meaning; goes on where it was interrupted.

    Of its reports by a sentence encoder, of its films by an encoder of films and texts.
    """
    from cxr_agent.cli.kb_meaning import encode_store

    return encode_store(_folder(store), encoder, device, as_json)


@app.command("search")
def search(
    film: Annotated[
        Path | None, typer.Argument(metavar="[FILE]", help="DICOM, PNG or JPEG film.")
    ] = None,
    k: Annotated[int, typer.Option("-k", min=1, max=1000, help="How many.")] = 5,
    text: Annotated[
        str, typer.Option(help="Words, to look for in reports and in kb/ in place of a film.")
    ] = "",
    encoder: Annotated[
        str,
        typer.Option(
            help="With --text: look for its meaning, by this pulled model or folder; see kb encode."
        ),
    ] = "",
    where: Annotated[
        list[str] | None,
        typer.Option(help="FINDING=present, absent or uncertain; may be repeated."),
    ] = None,
    patient: Annotated[str, typer.Option(help="Leave out the films of this patient.")] = "",
    far: Annotated[bool, typer.Option("--far", help="Show films too far to be similar.")] = False,
    engine: Annotated[str, typer.Option(help="auto, exact or chroma.")] = "auto",
    store: StoreFolder = None,
    as_json: AsJson = False,
    device: Device = "auto",
) -> int:
    """The films most like this one; never the film itself or another of the same patient.

    With --text, reports and definitions that speak of the words; with --encoder too, what means
    the same, or by an encoder of films and texts the films that look so.
    """
    from cxr_agent.retrieval import Engine

    if (film is None) is not bool(text):
        raise UsageError(
            "film_or_text", "one of a film and --text is needed", hint="See kb search --help."
        )
    if encoder and film is not None:
        raise UsageError(
            "encoder_needs_text",
            "--encoder is for --text",
            hint="A film is compared with the store's own embedding.",
        )
    if engine not in list(Engine):
        raise UsageError(
            "unknown_engine",
            f"there is no engine {engine[:20]!r}",
            hint=f"One of: {', '.join(Engine)}.",
        )
    asked = _where(where or [])
    if encoder:
        from cxr_agent.cli.kb_meaning import search_by_meaning

        alone = _without_store(store)
        return search_by_meaning(
            text, encoder, k, asked, patient, _folder(store), alone, device, as_json
        )
    if film is None:
        return _search_texts(text, k, store, as_json)
    return _search_films(film, k, asked, patient, far, Engine(engine), store, as_json, device)


def _search_films(
    film: Path,
    k: int,
    where: Where,
    patient: str,
    far: bool,
    engine: Engine,
    store: Path | None,
    as_json: bool,
    device: str,
) -> int:
    from cxr_agent.imaging import load_study
    from cxr_agent.imaging.fingerprint import fingerprint
    from cxr_agent.models.runtime.runtime import Runtime
    from cxr_agent.models.shelf import Shelf
    from cxr_agent.retrieval import Collection, Store
    from cxr_agent.retrieval.building import embedding_identity
    from cxr_agent.retrieval.reach import reach_of

    runtime = Runtime.shared(device)
    model = Shelf(runtime).embedding()
    with (
        notices_told(device, runtime),
        Store(_folder(store), embedding=embedding_identity(model)) as opened,
    ):
        image = load_study(film, keyed=opened.patient_key).images[0]
        told = opened.patient_key(fingerprint(patient)) if patient else None
        own = {opened.patient_of(image.sha256), image.patient_key or None, told}
        limits = replace(where, not_patients=frozenset(key for key in own if key is not None))
        vector = model.embed([image.pixels]).vectors[0]
        hits = Collection(opened, engine).search(vector, k, limits)
        reach = reach_of(opened)
    near = [hit for hit in hits if far or reach is None or hit.distance <= reach]
    if as_json:
        print(json.dumps({"reach": reach, "films": [hit_record(hit) for hit in near]}, indent=2))
        return EXIT_OK
    for hit in near:
        print("\n".join(hit_lines(hit)))
    if hits and not near:
        print(f"Nothing similar: the nearest film is at {hits[0].distance:.4f}.")
    limit = f"nearer than {reach:.4f}" if reach is not None else "too few films for a limit"
    print(f"{len(near)} films ({limit}). Likeness is context, not proof; for research only.")
    return EXIT_OK


def _search_texts(words: str, k: int, store: Path | None, as_json: bool) -> int:
    from cxr_agent.retrieval import Store
    from cxr_agent.retrieval.texts import search_texts

    if _without_store(store):
        found = search_texts(words, k)
    else:
        with Store(_folder(store)) as opened:
            found = search_texts(words, k, opened)
    return show_quotes(found, as_json)


@app.command("quality")
def quality(
    encoder: Annotated[
        list[str] | None,
        typer.Option(help="An encoder of films to measure too: rad-dino, biomedclip, a folder."),
    ] = None,
    k: Annotated[int, typer.Option("-k", min=1, max=100, help="Neighbours.")] = 5,
    store: StoreFolder = None,
    as_json: AsJson = False,
    device: Annotated[str, typer.Option(help="What runs named encoders.")] = "cpu",
) -> int:
    """How often the nearest films share a finding: our embedding, and others beside it."""
    from cxr_agent.cli.kb_look import show_quality

    return show_quality(_folder(store), encoder or (), k, device, as_json)


@app.command("label")
def label(
    film: Annotated[
        Path, typer.Argument(metavar="FILM|CT", help="A film; a CT as a folder or NIfTI file.")
    ],
    encoder: Annotated[str, typer.Option(help="A pulled model of films and texts, or its folder.")],
    finding: Annotated[
        list[str] | None, typer.Option(help="Code of a finding; may be repeated. Default: all.")
    ] = None,
    as_json: AsJson = False,
    device: Annotated[str, typer.Option(help="What runs it.")] = "cpu",
) -> int:
    """Labels without training, by an image-text model: uncalibrated, context alone."""
    from cxr_agent.cli.kb_look import show_labels

    return show_labels(film, encoder, finding or (), device, as_json)


@app.command("stats")
def stats(store: StoreFolder = None, as_json: AsJson = False) -> int:
    """What a store holds."""
    from cxr_agent.retrieval import Collection, Store
    from cxr_agent.retrieval.reach import reach_of

    with Store(_folder(store)) as opened:
        items = opened.items()
        collection = Collection(opened)
        said = Counter(f"{code} {v}" for item in items.values() for code, v in item.labels.items())
        told: dict[str, Any] = {
            "films": len(items),
            "patients": len({item.patient for item in items.values()}),
            "with_report": sum(bool(item.report) for item in items.values()),
            "embedding": opened.embedding,
            "encoded": opened.encoders(),
            "files": opened.outcomes(),
            "labels": dict(sorted(said.items())),
            "reach": reach_of(opened),
            "engine": str(collection.engine()),
            "index": "current" if collection.index.is_current() else "none or stale",
        }
    if as_json:
        print(json.dumps(told, indent=2))
        return EXIT_OK
    for key, value in told.items():
        if isinstance(value, dict):
            print(f"{key}:")
            for name, count in value.items():
                print(f"  {name:<40}{count:>8}")
        else:
            print(f"{key + ':':<14}{value}")
    return EXIT_OK


@app.command("verify")
def verify(store: StoreFolder = None, as_json: AsJson = False) -> int:
    """Whether every vector of a store is what was put in."""
    from cxr_agent.retrieval import Store

    with Store(_folder(store)) as opened:
        faults = opened.faults()
        films = opened.generation().items if not faults else 0
    if as_json:
        print(json.dumps({"films": films, "faults": faults}, indent=2))
    for fault in faults if not as_json else ():
        print(fault)
    if faults:
        raise ConfigError(
            "bad_store",
            "the store is damaged",
            hint="Build it again into another folder: cxr-agent kb build.",
        )
    if not as_json:
        print(f"{films} films, every vector as it was stored.")
    return EXIT_OK


@app.command("rebuild")
def rebuild(store: StoreFolder = None, as_json: AsJson = False) -> int:
    """Make the Chroma index of a store anew."""
    from cxr_agent.retrieval import Collection, Engine, Store

    with Store(_folder(store)) as opened:
        Collection(opened, Engine.CHROMA).index.rebuild()
        films = opened.generation().items
    print(json.dumps({"films": films}) if as_json else f"index of {films} films")
    return EXIT_OK


def _folder(store: Path | None) -> Path:
    from cxr_agent.retrieval.store import STORE_VARIABLE

    return store or Path(os.environ.get(STORE_VARIABLE) or "store")


def _without_store(store: Path | None) -> bool:
    """Whether none was named and none is there: what ``kb/`` says can be searched all the same."""
    return store is None and not _folder(store).exists()


def _told(progress: Progress) -> None:
    if sys.stderr.isatty():
        print(f"\r\033[K  {progress.files} of {progress.of} files", end="", file=sys.stderr)
        if progress.files == progress.of:
            print("\r\033[K", end="", file=sys.stderr)


def _where(conditions: list[str]) -> Where:
    from cxr_agent.evidence import Polarity
    from cxr_agent.retrieval import Where
    from cxr_agent.retrieval.labels import code_of

    found: dict[str, Polarity] = {}
    for condition in conditions:
        name, _, value = condition.partition("=")
        code = code_of(name)
        if code is None or (value or "present") not in list(Polarity):
            raise UsageError(
                "bad_condition",
                f"{condition[:40]!r} is no finding with present, absent or uncertain",
                hint="For example: --where pleural_effusion=present.",
            )
        found[code] = Polarity(value or "present")
    return Where(labels=found)
