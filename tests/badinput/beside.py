"""What is given beside films: configurations, tools, traces, stores, lists, volumes, texts."""

# ruff: noqa: E501 (a case is a line)
from __future__ import annotations

import gzip
import os
import shutil
import sqlite3
import struct
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

import numpy as np

from cxr_agent.trace.layout import LINES
from tests.imaging.films import dicom, png, ramp
from tests.trace.golden import VERSION_2

from .case import Argument, Case, Stage

Writes = Callable[[Path], object]
_DEEP: Final = b"[" * 100_000


def _film(folder: Path) -> Path:
    path = folder / "film.dcm"
    if not path.exists():
        path.write_bytes(dicom())
    return path


def _given(name: str, stage: Stage, code: str, status: int, content: bytes | Writes,
           *command: str, ending: str = ".txt", also: tuple[str, ...] = ()) -> Case:  # fmt: skip
    """A command with ``{}`` for the file, and ``{film}`` for a right film."""

    def made(folder: Path) -> Sequence[Argument]:
        path = folder / f"given{ending}"
        if isinstance(content, bytes):
            path.write_bytes(content)
        else:
            content(path)
        filled = {"{}": path, "{film}": folder / "film.dcm", "{out}": folder / "out",
                  "{folder}": folder}  # fmt: skip
        if "{film}" in command:
            _film(folder)
        return [filled.get(part, part) for part in command]

    return Case(name, stage, made, code, status, also)


def _config(name: str, content: bytes | Writes, code: str = "bad_config", *also: str) -> Case:
    return _given(f"configuration {name}", Stage.CONFIGURATION, code, 9, content,
                  "read", "{film}", "--config", "{}", ending=".toml", also=also)  # fmt: skip


def _nothing(_: Path) -> None:
    return


CONFIGURATIONS: Final = (
    _config("that is not there", _nothing, "config_unreadable"),
    _config("a folder", Path.mkdir, "config_unreadable"),
    _config("a named pipe", os.mkfifo, "config_unreadable"),
    _config("a device", lambda path: path.symlink_to("/dev/zero"), "config_unreadable"),
    _config("binary", bytes(range(256)) * 9),
    _config("of UTF-16", "[model]\nname = 'a'\n".encode("utf-16")),
    _config("unfinished", b"[thresholds\n"),
    _config("twice the same table", b"[model]\n[model]\n"),
    _config("nested 100,000 deep", b"x = " + _DEEP),
    _config("of a key of 300,000 parts", b"a." * 300_000 + b"a = 1\n"),
    _config("larger than 1 MiB", b"# a comment\n" * 100_000),
    _config("unknown table", b"[nonsense]\na = 1\n"),
    _config(
        "a number for a table", b"thresholds = 5\n", "bad_config", "bad_threshold", "bad_thresholds"
    ),
    _config(
        "threshold of an unknown finding",
        b"[thresholds]\nflying_saucer = 0.5\n",
        "bad_config",
        "bad_threshold",
        "unknown_threshold",
        "bad_thresholds",
    ),
    _config(
        "threshold that is NaN",
        b"[thresholds]\nctr_enlarged = nan\n",
        "bad_config",
        "bad_threshold",
        "unknown_threshold",
        "bad_thresholds",
    ),
    _config(
        "threshold that is a text",
        b"[thresholds]\nctr_enlarged = 'high'\n",
        "bad_config",
        "bad_threshold",
        "unknown_threshold",
        "bad_thresholds",
    ),
    _config("budget below nothing", b"[budget]\nsteps = -1\n", "bad_config", "bad_budget"),
    _config("budget of words", b"[budget]\nsteps = 'many'\n", "bad_config", "bad_budget"),
    _config("model of a number", b"[model]\nname = 7\n", "bad_config", "bad_model_name"),
    _config("model with a key that nothing reads", b"[model]\ncolour = 7\n"),
    _config("outside of nonsense", b"[outside]\nservers = 3\n", "bad_mapping", "bad_config"),
)


def _tool(name: str, source: bytes, code: str = "plugin_broken") -> Case:
    def made(folder: Path) -> Sequence[Argument]:
        (folder / "tools").mkdir()
        (folder / "tools" / "strange.py").write_bytes(source)
        return ["tools", "check", "strange", "--tools", folder / "tools"]

    return Case(f"tool {name}", Stage.PLUG_IN, made, code, 5)


PLUG_INS: Final = (
    _tool("empty", b"", "no_tool"),
    _tool("with a fault of grammar", b"def ("),
    _tool("binary", bytes(range(256))),
    _tool("of zeros", bytes(99)),
    _tool("that exits", b"import sys\nsys.exit(3)\n"),
    _tool("that raises", b"raise RuntimeError('secret')\n"),
    _tool("that imports nothing there is", b"import no_such_module_anywhere\n"),
    _tool("that never ends a bracket", b"(" * 50_000),
    _given("mapping of MCP that is no TOML", Stage.PLUG_IN, "mapping_unreadable", 9, b"\xff\xfe",
           "read", "{film}", "--outside", "{}", ending=".toml"),
    _given("mapping of MCP nested deep", Stage.PLUG_IN, "mapping_unreadable", 9, b"x = " + _DEEP,
           "read", "{film}", "--outside", "{}", ending=".toml"),
    _given("mapping of MCP that is a pipe", Stage.PLUG_IN, "mapping_unreadable", 9, os.mkfifo,
           "read", "{film}", "--outside", "{}", ending=".toml"),
    _given("mapping of MCP of a wrong form", Stage.PLUG_IN, "bad_mapping", 9,
           b"[servers.a]\nurl = 5\n", "read", "{film}", "--outside", "{}", ending=".toml"),
    _given("folder of tools that is a file", Stage.PLUG_IN, "no_tools_folder", 2, b"",
           "read", "{film}", "--tools", "{}"),
    _given("tool that is not there", Stage.PLUG_IN, "no_such_tool", 2, b"",
           "tools", "run", "no_such_tool", "{film}"),
)  # fmt: skip


def _trace(name: str, code: str, change: Callable[[Path], object], *command: str,
           also: tuple[str, ...] = ()) -> Case:  # fmt: skip
    def made(folder: Path) -> Sequence[Argument]:
        run = next(one for one in VERSION_2.iterdir() if one.is_dir())
        shutil.copytree(run, folder / "run")
        change(folder / "run")
        return ["trace", *command[:1], folder / "run", *command[1:]]

    return Case(f"trace {command[0]}: {name}", Stage.TRACE, made, code, 8, also)


def _lines(change: Callable[[list[bytes]], list[bytes]]) -> Callable[[Path], object]:
    def changed(run: Path) -> None:
        lines = (run / LINES).read_bytes().splitlines(keepends=True)
        (run / LINES).write_bytes(b"".join(change(lines)))

    return changed


def _whole(content: bytes) -> Callable[[Path], object]:
    return lambda run: (run / LINES).write_bytes(content)


def _made_fifo(run: Path) -> None:
    (run / LINES).unlink()
    os.mkfifo(run / LINES)


_DAMAGES: Final = {
    "a line of garbage": _lines(lambda lines: [*lines[:3], b"garbage\n", *lines[4:]]),
    "a line nested deep": _lines(lambda lines: [*lines[:3], _DEEP + b"\n", *lines[4:]]),
    "a number of a million digits": _lines(
        lambda lines: [b'{"seq":' + b"9" * 1_000_000 + b"}\n", *lines[1:]]
    ),
    "binary": _whole(bytes(range(256)) * 40 + b"\n"),
    "a line of 80 MiB": _whole(b"a" * (80 << 20)),
    "another's JSON": _whole(b'{"hello": 1}\n'),
}


def _reversed(run: Path) -> None:
    _lines(lambda lines: lines[::-1])(run)


def _artifact(run: Path) -> None:
    first = sorted((run / "artifacts").iterdir())[0]
    first.write_bytes(b"something else")


TRACES: Final = (
    *(_trace(name, "trace_damaged", change, command)
      for name, change in _DAMAGES.items() for command in ("show", "verify")),
    _trace("a line of garbage", "trace_damaged", _DAMAGES["a line of garbage"], "replay"),
    _trace("version 99", "trace_schema", _lines(lambda lines: [
        lines[0].replace(b'"schema_version":2', b'"schema_version":99'), *lines[1:]]), "show"),
    _trace("lines that are gone", "trace_not_found", lambda run: (run / LINES).unlink(), "show"),
    _trace("lines that are a pipe", "trace_not_found", _made_fifo, "show"),
    _trace("lines that are a folder", "trace_not_found",
           lambda run: ((run / LINES).unlink(), (run / LINES).mkdir()), "show"),
    _trace("lines in another order", "", _reversed, "verify"),
    _trace("an artifact of another content", "", _artifact, "verify"),
    _trace("an artifact that is gone", "",
           lambda run: sorted((run / "artifacts").iterdir())[0].unlink(), "verify"),
    Case("trace show: a run that is not there", Stage.TRACE,
         lambda folder: ["trace", "show", "20990101", "--traces", folder], "trace_not_found", 8),
    Case("resume: a run that is not there", Stage.TRACE,
         lambda folder: ["resume", "20990101", "--traces", folder], "trace_not_found", 8),
)  # fmt: skip


def _store(name: str, code: str, status: int, write: Writes, *also: str) -> Case:
    def made(folder: Path) -> Sequence[Argument]:
        store = folder / "store"
        store.mkdir()
        write(store)
        return ["kb", "search", _film(folder), "--store", store]

    return Case(f"store {name}", Stage.STORE, made, code, status, also)


def _foreign(store: Path) -> None:
    with sqlite3.connect(store / "store.sqlite") as base:
        base.execute("CREATE TABLE other (a)")


STORES: Final = (
    _store("that is empty", "no_store", 2, _nothing),
    _given("store from a folder that is not there", Stage.STORE, "no_films", 2, _nothing,
           "kb", "build", "{}", "--store", "{out}"),
    _given("store from a binary table", Stage.STORE, "bad_table", 2, bytes(range(256)),
           "kb", "build", "{}", "--store", "{out}", ending=".csv", also=("no_column",)),
    _given("store from a table without paths", Stage.STORE, "no_column", 2, b"a,b\n1,2\n",
           "kb", "build", "{}", "--store", "{out}", ending=".csv"),
    _given("store from a table of one long cell", Stage.STORE, "bad_table", 2,
           b"path\n" + b"a" * 300_000, "kb", "build", "{}", "--store", "{out}", ending=".csv"),
    _given("store from a pipe", Stage.STORE, "no_films", 2, os.mkfifo,
           "kb", "build", "{}", "--store", "{out}", ending=".csv"),
    _given("search for a film and words", Stage.STORE, "film_or_text", 2, b"",
           "kb", "search", "{film}", "--text", "a"),
    _given("search by an engine of nobody", Stage.STORE, "unknown_engine", 2, b"",
           "kb", "search", "{film}", "--engine", "warp"),
)  # fmt: skip


def _batch(name: str, code: str, content: bytes | Writes, *also: str, ending: str = ".csv",
           status: int = 2) -> Case:  # fmt: skip
    return _given(f"batch of {name}", Stage.BATCH, code, status, content, "batch", "{}", "--out",
                  "{out}", "--workers", "0", ending=ending, also=also)  # fmt: skip


BATCHES: Final = (
    _batch("nothing", "no_batch_input", _nothing),
    _batch("a list that is empty", "empty_file", b"", "bad_table", status=3),
    _batch("a list of zeros", "bad_table", bytes(4000), "not_an_image"),
    _batch("a list without files", "no_file_column", b"name,age\na,3\n"),
    _batch("a list with a misspelt column", "misspelt_column", b"file,studyid\na,3\n"),
    _batch("a list with a column twice", "bad_table", b"file,file\na,b\n"),
    _batch("a Parquet that is none", "bad_table", b"PAR1" + bytes(200), ending=".parquet"),
    _batch("a Parquet cut", "bad_table", b"PAR1\x15\x04\x15PAR1", ending=".parquet"),
    _batch("a pipe", "not_a_regular_file", os.mkfifo, "no_batch_input", status=3),
    _batch("an archive", "archive_file", gzip.compress(b"film"), ending=".csv.gz", status=3),
    _batch("a DICOMDIR of garbage", "dicomdir", b"DICOMDIR" + bytes(90), "bad_table",
           "not_an_image", ending=""),
)  # fmt: skip


def nifti_bytes(shape: Sequence[int], *, data: bytes = b"", kind: int = 4, bits: int = 16,
           offset: float = 352.0, code: int = 1, slope: float = 1.0) -> bytes:  # fmt: skip
    head = bytearray(348)
    struct.pack_into("<i", head, 0, 348)
    struct.pack_into("<8h", head, 40, len(shape), *shape, *[1] * (7 - len(shape)))
    struct.pack_into("<2h", head, 70, kind, bits)
    struct.pack_into("<8f", head, 76, 1, 1, 1, 1, 0, 0, 0, 0)
    struct.pack_into("<3f", head, 108, offset, slope, 0)
    struct.pack_into("<2h", head, 252, 0, code)
    for row in range(3):
        struct.pack_into("<4f", head, 280 + 16 * row, *np.eye(4)[row])
    head[123] = 2
    head[344:348] = b"n+1\0"
    return bytes(head) + bytes(4) + data


def _volume(name: str, code: str, content: bytes | Writes, *also: str, ending: str = ".nii",
            status: int = 3, more: tuple[str, ...] = ()) -> Case:  # fmt: skip
    return _given(f"volume {name}", Stage.VOLUME, code, status, content,
                  "drr", "{}", "--out", "{out}", *more, ending=ending, also=also)  # fmt: skip


def _zeros(path: Path) -> None:
    """300 million zeros, gzipped: half a megabyte."""
    with gzip.open(path, "wb", compresslevel=6) as file:
        file.write(nifti_bytes((900, 700, 480)))
        for _ in range(577):
            file.write(bytes(1 << 20))


def _nothing_but_text(path: Path) -> None:
    path.mkdir()
    (path / "a.txt").write_text("no slice")
    os.mkfifo(path / "pipe.dcm")


def _films_for_slices(path: Path) -> None:
    path.mkdir()
    for n in range(3):
        (path / f"{n}.dcm").write_bytes(dicom(SOPInstanceUID=f"1.2.{n}"))


def _bomb_for_slices(path: Path) -> None:
    from .dicom_films import _deflated_zeros

    path.mkdir()
    (path / "bomb.dcm").write_bytes(_deflated_zeros())


VOLUMES: Final = (
    _volume("that is not there", "volume_not_found", _nothing),
    _volume("of text", "volume_unreadable", b"no volume\n"),
    _volume("empty", "volume_unreadable", b""),
    _volume("of another ending", "volume_unreadable", png(ramp(8)), ending=".png"),
    _volume("a pipe", "volume_not_found", os.mkfifo),
    _volume("cut in its header", "volume_unreadable", nifti_bytes((20, 20, 20))[:100]),
    _volume("cut in its values", "volume_unreadable", nifti_bytes((20, 20, 20), data=bytes(90))),
    _volume("of 30,000 cubed", "volume_too_large", nifti_bytes((30000, 30000, 30000))),
    _volume("of 16 bytes a voxel", "volume_too_large",
            nifti_bytes((600, 600, 600), kind=1536, bits=128), "volume_unreadable"),
    _volume("of no size", "volume_too_small", nifti_bytes((0, 20, 20)), "volume_unreadable"),
    _volume("of sizes below nothing", "volume_unreadable", nifti_bytes((-5, 20, 20)),
            "volume_too_small"),
    _volume("of four times", "volume_unreadable", nifti_bytes((20, 20, 20, 5), data=bytes(80_000))),
    _volume("without a place", "volume_geometry", nifti_bytes((20, 20, 20), data=bytes(16_000), code=0)),
    _volume("of zeros", "not_hounsfield", nifti_bytes((20, 20, 20), data=bytes(16_000))),
    _volume("of colour", "volume_unreadable",
            nifti_bytes((20, 20, 20), kind=128, bits=24, data=bytes(24_000))),
    _volume("of NaN", "not_hounsfield",
            nifti_bytes((20, 20, 20), kind=16, bits=32, data=b"\0\0\xc0\x7f" * 8000)),
    _volume("whose slope is infinite", "not_hounsfield",
            nifti_bytes((20, 20, 20), data=b"\1\0" * 8000, slope=float("inf")), "volume_unreadable"),
    _volume("whose values begin 4 GB on", "volume_unreadable",
            gzip.compress(nifti_bytes((20, 20, 20), offset=4e9)), ending=".nii.gz"),
    _volume("of no gzip", "volume_unreadable", b"\x1f\x8b" + bytes(99), ending=".nii.gz"),
    _volume("of zeros, gzipped a thousandfold", "not_hounsfield", _zeros, ending=".nii.gz"),
    _volume("folder without slices", "no_ct_slices", _nothing_but_text, ending=""),
    _volume("folder of films", "not_ct", _films_for_slices, ending=""),
    _volume("folder of a deflated bomb", "volume_unreadable", _bomb_for_slices, "no_ct_slices",
            ending=""),
    _volume("landmarks nested deep", "bad_landmarks", _DEEP, ending=".nii", status=2,
            more=("--landmarks", "{}")),
    _volume("landmarks that are a pipe", "bad_landmarks", os.mkfifo, status=2,
            more=("--landmarks", "{}")),
    _volume("pose of words", "bad_pose", b"", status=2, more=("--pose", "to the left")),
    _volume("style of nobody", "unknown_style", b"", "bad_style", status=2,
            more=("--style", "cubist")),
)  # fmt: skip


def _text(name: str, code: str, status: int, content: bytes | Writes,
          *command: str) -> Case:  # fmt: skip
    return _given(f"text {name}", Stage.TEXT, code, status, content, *command)


TEXTS: Final = tuple(
    case
    for command in ("structure", "check-report")
    for case in (
        _text(f"for {command} that is not there", "unreadable_report", 3, _nothing, command, "{}"),
        _text(f"for {command}, a folder", "unreadable_report", 3, Path.mkdir, command, "{}"),
        _text(f"for {command}, a pipe", "unreadable_report", 3, os.mkfifo, command, "{}"),
        _text(f"for {command}, a device", "unreadable_report", 3,
              lambda path: path.symlink_to("/dev/zero"), command, "{}"),
        _text(f"for {command} of 3 MiB", "report_too_long", 3, b"The heart. " * 300_000,
              command, "{}"),
        _text(f"for {command}, empty", "", 0, b"", command, "{}"),
        _text(f"for {command}, binary", "", 0, bytes(range(256)), command, "{}"),
        _text(f"for {command}, brackets", "", 0, b"(" * 20_000 + b"[" * 20_000, command, "{}"),
        _text(f"for {command}, one long word", "", 0, b"a" * 200_000, command, "{}"),
        _text(f"for {command}, one word many times", "", 0, b"no " * 60_000, command, "{}"),
        _text(f"for {command}, numbers", "", 0, b"1.5 cm x " * 20_000, command, "{}"),
        _text(f"for {command}, sections", "", 0, b"FINDINGS:\n" * 20_000, command, "{}"),
    )
)  # fmt: skip


def _run_of(folder: Path) -> Path:
    run = next(one for one in VERSION_2.iterdir() if one.is_dir())
    shutil.copytree(run, folder / "run")
    return folder / "run"


def _export(name: str, code: str, status: int, source: bytes | None, *options: str,
            also: tuple[str, ...] = ()) -> Case:  # fmt: skip
    def made(folder: Path) -> Sequence[Argument]:
        command: list[Argument] = ["export", _run_of(folder)]
        if source is not None:
            (folder / "source.dcm").write_bytes(source)
            command += ["--source", folder / "source.dcm"]
        return [*command, *(folder / part if part == "out" else part for part in options)]

    return Case(f"object {name}", Stage.OBJECT, made, code, status, also)


OBJECTS: Final = (
    _export("of nothing", "no_output", 2, None),
    _export("SR without a source", "source_needed", 2, None, "--sr", "out"),
    _export("SR of a run of another time", "report_not_readable", 8, dicom(), "--sr", "out"),
    _export("FHIR of a run of another time", "report_not_readable", 8, None, "--fhir", "out"),
)  # fmt: skip

MODELS: Final = (
    _given("model that is not there", Stage.MODEL, "unknown_model", 2, b"",
           "models", "verify", "no-such-model"),
    _given("model to pull that is not there", Stage.MODEL, "unknown_model", 2, b"",
           "models", "pull", "no-such-model", "--yes"),
    _given("encoder of a folder of nothing", Stage.MODEL, "no_encoder", 2, Path.mkdir,
           "kb", "search", "--text", "a", "--encoder", "{}", ending=""),
)  # fmt: skip


def _benchmark(content: bytes | Writes) -> Writes:
    def write(path: Path) -> None:
        path.mkdir()
        place = path / "dx_by_dicoms.json"
        if isinstance(content, bytes):
            place.write_bytes(content)
        else:
            content(place)

    return write


def _cxr(name: str, content: bytes | Writes) -> Case:
    return _given(f"benchmark whose list is {name}", Stage.EVALUATION, "not_a_benchmark", 3,
                  _benchmark(content), "eval", "cxreasonbench", "--data", "{}", "--films",
                  "{folder}", "--out", "{out}", ending="")  # fmt: skip


def _reports(name: str, content: bytes | Writes) -> Case:
    return _given(f"reports of Open-i, {name}", Stage.EVALUATION, "unreadable_report", 3, content,
                  "eval", "structuring", "--data", "{}", "--out", "{out}", ending=".jsonl")  # fmt: skip


EVALUATIONS: Final = (
    _cxr("not there", _nothing),
    _cxr("text", b"no list"),
    _cxr("a list", b"[1, 2]"),
    _cxr("of numbers", b'{"a": 5}'),
    _cxr("nested deep", _DEEP),
    _cxr("a pipe", os.mkfifo),
    _reports("not there", _nothing),
    _reports("a folder", Path.mkdir),
    _reports("a pipe", os.mkfifo),
    _reports("text", b"no JSON"),
    _reports("nested deep", _DEEP),
    _reports("numbers", b"1\n2\n"),
    _reports("without tags", b'{"id": "a"}\n'),
    _reports("a gzip cut", gzip.compress(b'{"id": 1}\n' * 99)[:-9]),
    _reports("a gzip bomb", lambda path: _bomb(path)),
    _given("task of nobody", Stage.EVALUATION, "unknown_task", 2, b"",
           "eval", "guessing", "--data", "{}", "--out", "{out}"),
    _given("evaluation of nothing", Stage.EVALUATION, "eval_what", 2, b"", "eval", "ctr",
           also=("unknown_task",)),
)  # fmt: skip


def _bomb(path: Path) -> None:
    with gzip.open(path, "wb") as file:
        for _ in range(300):
            file.write(bytes(1 << 20))


QUESTIONS: Final = (
    _given("question about a text", Stage.QUESTION, "not_an_image", 3, b"text" * 99,
           "ask", "{}", "Is the heart large?"),
    _given("question about a folder", Stage.QUESTION, "not_a_regular_file", 3, Path.mkdir,
           "ask", "{}", "Is the heart large?"),
    _given("question without a film", Stage.QUESTION, "usage", 2, b"", "ask"),
    _given("language of nobody", Stage.QUESTION, "unknown_language", 2, b"",
           "read", "{film}", "--lang", "tlh"),
    _given("privacy of nobody", Stage.QUESTION, "unknown_privacy", 2, b"",
           "read", "{film}", "--privacy", "some", also=("bad_privacy",)),
    _given("two styles", Stage.QUESTION, "one_style", 2, b"", "read", "{film}", "--ris",
           "--markdown"),
    _given("device of nobody", Stage.QUESTION, "bad_device", 2, b"",
           "read", "{film}", "--device", "abacus"),
    _given("command of nobody", Stage.QUESTION, "usage", 2, b"", "prescribe"),
    _given("option of nobody", Stage.QUESTION, "usage", 2, b"", "read", "{film}", "--cure"),
    _given("masks of nothing", Stage.QUESTION, "no_masks", 3, Path.mkdir,
           "measure", "{film}", "--masks", "{}", ending=""),
    _given("masks of garbage", Stage.QUESTION, "bad_mask", 3,
           lambda path: (path.mkdir(), (path / "heart.png").write_bytes(b"\x89PNG" + bytes(99))),
           "measure", "{film}", "--masks", "{}", ending=""),
    _given("masks that are a pipe", Stage.QUESTION, "bad_mask", 3,
           lambda path: (path.mkdir(), os.mkfifo(path / "heart.png")),
           "measure", "{film}", "--masks", "{}", ending=""),
    _given("key that is a pipe", Stage.QUESTION, "bad_key", 2, os.mkfifo,
           "deidentify", "{film}", "--out", "{out}", "--key", "{}"),
    _given("key of three bytes", Stage.QUESTION, "bad_key", 2, b"abc",
           "deidentify", "{film}", "--out", "{out}", "--key", "{}"),
)  # fmt: skip

BESIDE: Final = (*CONFIGURATIONS, *PLUG_INS, *TRACES, *STORES, *BATCHES, *VOLUMES, *TEXTS, *OBJECTS,
                 *MODELS, *EVALUATIONS, *QUESTIONS)  # fmt: skip
