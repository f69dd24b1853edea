"""Everything that the program does with films, once, with identifiers in all that it is given."""

from __future__ import annotations

import csv
import gc
import io
import json
import warnings
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import pyarrow
import pydicom
import pytest
from pyarrow import parquet
from pydicom.fileset import FileSet

from cxr_agent.reading import Agent
from cxr_agent.testing.stub_server import Reply, Request, StubServer
from tests.cli.program import Ran, run_program
from tests.imaging.films import dicom
from tests.interop.hostile import Hostile, element, hostile, metadata
from tests.privacy.canaries import Planted
from tests.privacy.routes_in import (
    full_dicom,
    jpeg_film,
    phantom_levels,
    png_film,
    refused_films,
    write_all,
)
from tests.privacy.watching import watched
from tests.reading_room.serving import Visitor, served

TOOL: Final = """
from cxr_agent.study import Image
from cxr_agent.toolbox.contract import Abstain, AddedWords, ToolResult, tool

WORDS = {{"said_thing": AddedWords("said thing", section="Cardiovascular", unit="1")}}


class Told(ToolResult):
    note: str

    def observations(self):
        yield from ()


@tool(version="1.0", purpose="Says something.", subject="said_thing", words=WORDS)
def say_something(film: Image) -> Told:
    return Told(note="{note}")


@tool(version="1.0", purpose="Fails.", subject="said_thing", words=WORDS)
def fail_loudly(film: Image) -> Told:
    raise RuntimeError("{error}")


@tool(version="1.0", purpose="Abstains.", subject="said_thing", words=WORDS)
def abstain(film: Image) -> Told:
    raise Abstain("said_thing", "{reason}")
"""


@dataclass
class Session:
    """What went in, and where what came out is."""

    folder: Path
    planted: Planted = field(default_factory=Planted)
    ran: dict[str, Ran] = field(default_factory=dict)
    prompts: list[bytes] = field(default_factory=list)
    temporary: dict[str, bytes] = field(default_factory=dict)

    @property
    def traces(self) -> Path:
        return self.folder / "traces"

    def run(
        self, name: str, *arguments: Any, env: dict[str, str] | None = None, typed: str = ""
    ) -> Ran:
        """One command, under a watch of the temporary files; ``typed`` is its standard input."""
        temporary = self.folder / "tmp"
        temporary.mkdir(exist_ok=True)
        settings = {
            "TMPDIR": str(temporary),
            "CXR_AGENT_STATE": str(self.folder / "state"),
            "XDG_CACHE_HOME": str(self.folder / "cache"),
            "OPENAI_API_KEY": self.planted.word(f"token of {name}"),
            "CXR_PRIVATE_SETTING": self.planted.word(f"environment of {name}"),
            **(env or {}),
        }
        with watched(temporary) as seen:
            ran = run_program(
                *arguments,
                traces=self.traces,
                env=settings,
                cwd=self.folder,
                timeout=300,
                typed=typed,
            )
        self.temporary |= {f"{name}/{path}": data for path, data in seen.items()}
        self.ran[name] = ran
        return ran


def whole_session(folder: Path) -> Session:
    """Run all commands."""
    session = Session(folder)
    planted = session.planted
    home = folder / planted.word("folder")
    good = write_all(
        home,
        {
            f"{planted.word('name of a DICOM file')}.dcm": full_dicom(planted),
            f"{planted.word('name of a PNG')}.png": png_film(planted),
            f"{planted.word('name of a JPEG')}.jpg": jpeg_film(planted),
        },
    )
    refused = write_all(home / planted.word("folder of refused"), refused_films(planted))
    _read(session, good, refused)
    _exports(session)
    _objects(session, good[0])
    _ask(session, good[0])
    _chat(session, good[0])
    _page(session, good)
    _watch(session, good[0])
    _plug_ins(session, good[1])
    _deidentify(session, home)
    _batch(session, good, refused)
    _store(session, good)
    _server(session, good[0])
    return session


def _directs(planted: Planted) -> Any:
    """A model that calls a few tools, is asked about a picture, and words by quoting."""
    asked = iter(range(1000))

    def script(request: Request) -> Reply:
        text = request.raw.decode()
        if "image_url" in text and '"tools"' not in text:
            return Reply.said("The heart is enlarged.")
        if '"tools"' in text:
            if next(asked) < 2:
                film = {"film": "img-1"}
                return Reply.calls([("measure_ctr", film), ("ask_vlm", film)])
            return Reply.calls([("finish", {})])
        return Reply.said("NOT KNOWN")

    return script


def _read(session: Session, good: list[Path], refused: list[Path]) -> None:
    planted = session.planted
    with StubServer(_directs(planted)) as server:
        options = ["--model", "openai/stub", "--api-base", server.url, "--send-images"]
        session.run(
            "read",
            *("--debug", "read", *good, *refused, "--json", *options),
            *("--html", session.folder / "html", "--scene-graph", session.folder / "graphs"),
            *("--indication", f"Mr {planted.word('indication')}, cough"),
            env={"CXR_AGENT_VLM": "openai/stub-vlm", "CXR_AGENT_VLM_API_BASE": server.url},
        )
        session.prompts += [request.raw for request in server.requests]
    session.run("read as Markdown", "read", good[0], "--markdown", "--lang", "de")
    session.run("read as RIS text", "read", good[1], "--ris")
    session.run("one refused", "--debug", "read", refused[0])


def _exports(session: Session) -> None:
    out = session.folder / "exports"
    runs = [path.name for path in sorted(session.traces.iterdir())][:3]
    for privacy, to, ending in (
        ("masked", "evidence", "csv"),
        ("masked", "zip", "zip"),
        ("none", "evidence", "parquet"),
        ("none", "otel", "json"),
    ):
        file = out / f"{to}.{ending}"
        session.run(
            f"export to {to} as {ending}",
            *("trace", "export", *runs, "--to", to, "--out", file, "--privacy", privacy),
        )
    first = min(session.traces.iterdir()).name
    session.run("trace show", "trace", "show", first, "--json")
    session.run("trace list", "trace", "list", "--json")
    session.run("trace view", "trace", "view", first, "--out", out / "view.html")


def _objects(session: Session, film: Path) -> None:
    """The run of the DICOM film, for where it came from and for elsewhere."""
    run = next(entry["run_id"] for entry in told(session.ran["read"]) if entry["file"] == str(film))
    bare, objects = session.folder / "exports" / "bare.json", session.folder / "objects"
    session.run("export to FHIR alone", "export", run, "--fhir", bare)
    kinds = {"sr": "dcm", "seg": "dcm", "pr": "dcm", "sc": "dcm", "fhir": "json"}
    files = [
        part
        for kind, ending in kinds.items()
        for part in (f"--{kind}", objects / f"{kind}.{ending}")
    ]
    session.run("export", "--debug", "export", run, "--source", film, *files, "--json")


def _chat(session: Session, film: Path) -> None:
    planted = session.planted
    session.run(
        "chat",
        *("--debug", "chat", film),
        typed=f"Is the heart of Mr {planted.word('chat')} enlarged?\n/report\n/quit\n",
    )


def _page(session: Session, films: list[Path]) -> None:
    """What the page takes and gives; the server's own folders are among the session's."""
    planted = session.planted
    out = session.folder / "page"
    out.mkdir()
    with (
        pytest.MonkeyPatch.context() as patch,
        Agent(traces=session.traces, model="none", device="cpu") as agent,
    ):
        patch.setenv("CXR_AGENT_STATE", str(session.folder / "state"))
        with served(agent) as server:
            visitor = Visitor(server.guard.port, server.guard.token)
            for number, film in enumerate(films):
                study = visitor.read(film.read_bytes())
                said = f"Is the heart of Mr {planted.word('question to the page')} enlarged?"
                answer = visitor.post(f"/study/{study}/questions", {"text": said})
                (out / f"{number} answer").write_bytes(answer.body)
                for name in ("report", "report.html", "report.md", "report.json", "trace.zip", ""):
                    page = visitor.get(f"/study/{study}/{name}".rstrip("/"))
                    assert page.status == 200
                    (out / f"{number} {name or 'study'}").write_bytes(page.body)


def _watch(session: Session, film: Path) -> None:
    inbox = session.folder / "inbox"
    write_all(inbox, {f"{session.planted.word('name of what came in')}.dcm": film.read_bytes()})
    session.run(
        "watch",
        *("--debug", "watch", inbox, "--out", session.folder / "watch", "--once", "--json"),
        *("--settled", "0"),
    )


def _ask(session: Session, film: Path) -> None:
    planted = session.planted
    with StubServer([Reply.said("NOT KNOWN")]) as server:
        session.run(
            "ask",
            *("ask", film, f"Is the heart of Mrs {planted.word('question')} enlarged?"),
            *("--model", "openai/stub", "--api-base", server.url, "--json"),
        )
        session.prompts += [request.raw for request in server.requests]


def _plug_ins(session: Session, film: Path) -> None:
    planted = session.planted
    tools = session.folder / "plug-ins"
    tools.mkdir()
    (tools / "talk.py").write_text(
        TOOL.format(
            note=planted.word("note of a tool"),
            error=planted.word("error of a tool"),
            reason=planted.word("reason of a tool"),
        )
    )
    calls = [(name, {"film": "img-1"}) for name in ("say_something", "fail_loudly", "abstain")]
    script = [Reply.calls(calls), Reply.calls([("finish", {})])]
    with StubServer(script) as server:
        session.run(
            "plug-ins",
            *("--debug", "read", film, "--tools", tools, "--json"),
            *("--model", "openai/stub", "--api-base", server.url),
        )
        session.prompts += [request.raw for request in server.requests]


def _deidentify(session: Session, home: Path) -> None:
    out = session.folder / "copies"
    session.run("deidentify", "--debug", "deidentify", home, "--out", out, "--json")


def _table(path: Path, rows: list[dict[str, str]]) -> Path:
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return path


def _batch(session: Session, good: list[Path], refused: list[Path]) -> None:
    planted = session.planted
    rows = [
        {
            "file": str(path),
            "patient": planted.word("patient column"),
            "study": planted.word("study column"),
            "name": planted.word("other column"),
            "date": planted.day("date column"),
            "indication": f"Mr {planted.word('indication column')}, cough",
        }
        for path in (*good, *refused[:2])
    ]
    table = _table(session.folder / "list.csv", rows)
    session.run(
        "batch",
        *("--debug", "batch", table, "--out", session.folder / "batch"),
        *("--html", "--json", "--workers", "1"),
    )
    session.run("batch report", "batch", "report", session.folder / "batch")
    columns = {name: [row[name] for row in rows[:1]] for name in rows[0]}
    parquet.write_table(pyarrow.table(columns), session.folder / "list.parquet")
    for name, source in (
        ("batch of a Parquet table", session.folder / "list.parquet"),
        ("batch of a disc", _disc(session) / "DICOMDIR"),
    ):
        out = session.folder / "more batches" / name
        session.run(name, "--debug", "batch", source, "--out", out, "--json", "--workers", "1")


def _disc(session: Session) -> Path:
    """A study in a DICOMDIR, whose records repeat who it is of."""
    planted = session.planted
    facts = {
        "PatientID": planted.word("patient id of a disc"),
        "PatientName": planted.word("patient of a disc"),
        "StudyDescription": planted.word("study of a disc"),
        "StudyID": planted.number("study id of a disc"),
        "StudyDate": "20200110",
        "StudyTime": "101010",
        "SeriesNumber": 1,
        "InstanceNumber": 1,
        **{
            f"{level}InstanceUID": planted.uid(f"{level} of a disc")
            for level in ("Study", "Series", "SOP")
        },
    }
    data = pydicom.dcmread(io.BytesIO(dicom(phantom_levels(12), **facts)))
    data.file_meta.MediaStorageSOPInstanceUID = data.SOPInstanceUID
    data.file_meta.MediaStorageSOPClassUID = data.SOPClassUID
    folder = session.folder / planted.word("folder of a disc")
    with warnings.catch_warnings():
        # It leaves its temporary folder to the garbage collector.
        warnings.simplefilter("ignore", ResourceWarning)
        files = FileSet()
        files.add(data)
        files.write(folder)
        del files
        gc.collect()
    return folder


def _store(session: Session, good: list[Path]) -> None:
    planted = session.planted
    rows = [
        {
            "path": str(path),
            "patient_id": planted.word("patient of the store"),
            "labels": "Cardiomegaly|" + planted.word("label of the store"),
            "report": f"Mr {planted.word('report of the store')}: the heart is enlarged.",
        }
        for path in good
    ]
    table = _table(session.folder / "store.csv", rows)
    store = session.folder / "store"
    session.run("kb build", "--debug", "kb", "build", table, "--store", store, "--json")
    session.run("kb search", "kb", "search", good[0], "--store", store, "--json")
    session.run("kb stats", "kb", "stats", "--store", store, "--json")
    with StubServer(_directs(planted)) as server:
        options = ("--model", "openai/stub", "--api-base", server.url)
        session.run("read with a store", "read", good[1], "--store", store, "--json", *options)
        session.prompts += [request.raw for request in server.requests]


def _server(session: Session, film: Path) -> None:
    planted = session.planted
    with hostile() as server:
        _answers(server, planted)
        login = f"{planted.word('user of a server')}:{planted.word('password of a server')}"
        address = server.url.replace("http://", f"http://{login}@")
        session.run(
            "priors from a server",
            *("--debug", "read", film, "--priors-from", address, "--json"),
        )


def _answers(server: Hostile, planted: Planted) -> None:
    uid = planted.uid("study of a server")
    server.lists(uid, **element("00081030", "LO", planted.word("description of a server")))
    name = {"00100010": {"vr": "PN", "Value": [{"Alphabetic": planted.word("name of a server")}]}}
    server.describes(
        metadata(planted.word("patient of a server"), **element("0020000D", "UI", uid), **name)
    )


def told(ran: Ran) -> Any:
    """The JSON that a command printed; nothing where it printed none."""
    try:
        return json.loads(ran.out)
    except ValueError:
        return None
