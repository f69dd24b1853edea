"""``cxr-agent trace export``: in this process, and as a program."""

from __future__ import annotations

import csv
import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from PIL import Image

from cxr_agent import tabular
from cxr_agent.errors import ConfigError, TraceError, UsageError
from cxr_agent.testing.phantom import draw
from tests.cli.program import Ran, run_program
from tests.interop.test_otlp_http import serving

from .conftest import write_example
from .planted import SECRETS, planted_run
from .test_cli import call, tamper

Export = Callable[..., Any]


@pytest.fixture
def export(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Export:
    monkeypatch.chdir(tmp_path)

    def run(*arguments: str) -> Any:
        return json.loads(call(root, "export", *arguments, "--json").stdout)

    return run


def test_evidence_of_many_runs(root: Path, folder: Path, export: Export, tmp_path: Path) -> None:
    write_example(root, "run-2")
    made = export("run-1", "run-2", "run-1", "--to", "evidence")
    assert (made["runs"], made["file"]) == (2, "runs.evidence.csv")
    with (tmp_path / made["file"]).open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["run_id"] for row in rows] == ["run-1"] * 2 + ["run-2"] * 2
    assert export("--to", "evidence", "run-1")["file"] == "run-1.evidence.csv"


def test_evidence_as_parquet(folder: Path, export: Export, tmp_path: Path) -> None:
    pq = pytest.importorskip("pyarrow.parquet")
    export("--to", "evidence", "--out", "table.parquet")
    assert pq.read_table(tmp_path / "table.parquet").num_rows == 2


def test_parquet_without_pyarrow(
    folder: Path, export: Export, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tabular, "find_spec", lambda name: None)
    with pytest.raises(ConfigError) as caught:
        export("--to", "evidence", "--out", "table.parquet")
    assert caught.value.code == "pyarrow_missing"
    assert not (tmp_path / "table.parquet").exists()


def test_spans_go_to_a_file_one_run_a_line(root: Path, folder: Path, export: Export) -> None:
    write_example(root, "run-2")
    made = export("run-1", "run-2", "--to", "otel", "--out", "spans.jsonl")
    lines = Path(made["file"]).read_bytes().splitlines()
    assert len(lines) == 2
    requests = [json.loads(line)["resourceSpans"][0]["scopeSpans"][0] for line in lines]
    ids = {request["spans"][0]["traceId"] for request in requests}
    assert len(ids) == 2


def test_spans_go_where_they_are_sent(
    folder: Path, export: Export, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serving() as server:
        # Set and not asked for: nothing is sent.
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", server.url)
        export("--to", "otel")
        assert server.got == []
        export("--to", "otel", "--endpoint", "env")
        made = export("--to", "otel", "--endpoint", server.url)
        assert [path for path, _, _ in server.got] == ["/v1/traces"] * 2
        kept = (tmp_path / "run-1.otlp.jsonl").read_bytes().strip()
        assert [data for _, _, data in server.got] == [kept, kept]
    assert made == {"to": "otel", "runs": 1, "file": None}


@pytest.mark.parametrize("privacy", ["masked", "none"])
def test_nothing_planted_is_in_spans_or_zip(
    root: Path, tmp_path: Path, export: Export, privacy: str
) -> None:
    planted_run(root, "run-1")
    spans = export("--to", "otel", "--privacy", privacy)
    table = export("--to", "evidence", "--privacy", privacy)
    archive = export("--to", "zip", "--privacy", privacy)
    data = (tmp_path / spans["file"]).read_bytes() + (tmp_path / table["file"]).read_bytes()
    with zipfile.ZipFile(tmp_path / archive["file"]) as file:
        data += b"".join(name.encode() + file.read(name) for name in file.namelist())
    for secret in SECRETS:
        assert secret.lower().encode() not in data.lower()
    full = export("--to", "otel", "--privacy", "full", "--out", "full.jsonl")
    assert b"Zzcanary" in (tmp_path / full["file"]).read_bytes()


@pytest.mark.parametrize("target", ["otel", "evidence", "zip"])
def test_a_run_that_was_changed_is_not_exported(
    lines: Path, export: Export, tmp_path: Path, target: str
) -> None:
    tamper(lines)
    with pytest.raises(TraceError) as caught:
        export("--to", target)
    assert caught.value.code == "trace_damaged"
    assert [path.name for path in tmp_path.iterdir()] == ["traces"]


def test_refusals(root: Path, folder: Path, export: Export) -> None:
    write_example(root / "elsewhere", "run-1")
    for arguments, code in (
        (("--to", "zip", "--endpoint", "http://x"), "endpoint_alone"),
        (("--to", "otel", "--endpoint", "http://x", "--out", "y"), "endpoint_alone"),
        (("--to", "otel", "--endpoint", "nowhere"), "bad_endpoint"),
        (("--to", "zip", "--privacy", "some"), "bad_privacy"),
        (("run-1", str(root / "elsewhere" / "run-1"), "--to", "zip"), "same_run"),
    ):
        with pytest.raises(UsageError) as caught:
            export(*arguments)
        assert caught.value.code == code


def test_what_was_made_is_said(root: Path, folder: Path, tmp_path: Path) -> None:
    result: Result = call(root, "export", "--to", "zip", "--out", str(tmp_path / "a.zip"))
    assert result.stderr == f"{tmp_path / 'a.zip'}: 1 run\n"
    assert result.stdout == ""


@pytest.mark.slow
def test_a_real_reading_is_shared(tmp_path: Path) -> None:
    """By the program: read with a name in the question, export, unzip, verify, show."""
    film, traces = tmp_path / "film.png", tmp_path / "traces"
    Image.fromarray((draw(None, 512).pixels * 255).astype("uint8")).save(film)

    def run(*arguments: str | Path) -> Ran:
        ran = run_program(*arguments, traces=traces, cwd=tmp_path)
        assert ran.status == 0, ran.err
        return ran

    run("read", film, "--indication", "cough of Zzcanary", "--privacy", "full")
    for privacy in ("full", "masked", "none"):
        run("trace", "export", "--to", "zip", "--privacy", privacy, "--out", f"{privacy}.zip")
        with zipfile.ZipFile(tmp_path / f"{privacy}.zip") as archive:
            archive.extractall(tmp_path / privacy)
            data = b"".join(archive.read(name) for name in archive.namelist())
        (shared,) = (path for path in (tmp_path / privacy).iterdir() if path.is_dir())
        assert "intact" in run("trace", "verify", shared).out
        shown = run("trace", "show", shared).out
        assert "Cardiothoracic ratio 0." in shown
        assert "[hidden]" not in shown
        assert privacy == "full" or b"anary" not in data
    run("trace", "export", "--to", "otel", "--out", "spans.jsonl")
    run("trace", "export", "--to", "evidence", "--out", "evidence.csv")
    assert "cardiothoracic_ratio" in (tmp_path / "evidence.csv").read_text()
