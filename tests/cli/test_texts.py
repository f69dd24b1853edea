"""``structure``, ``check-report``, ``schema`` and the languages, by the real program."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import jsonschema
import pytest
from PIL import Image

from cxr_agent.checking import check_text
from cxr_agent.cli.schema import Document, schema_of
from cxr_agent.prose.structure import structure
from cxr_agent.testing.phantom import draw

from .program import Ran, run_program

ROOT = Path(__file__).resolve().parents[2]
Run = Callable[..., Ran]
REPORT = """FINDINGS: The heart is enlarged with a cardiothoracic ratio of 0.58. Small left
pleural effusion. No pneumothorax.
IMPRESSION: Right pleural effusion. Cardiomegaly.
"""


@pytest.fixture
def run(tmp_path: Path) -> Run:
    def ran(*arguments: str | Path) -> Ran:
        return run_program(*arguments, traces=tmp_path / "traces")

    return ran


@pytest.fixture
def report(tmp_path: Path) -> Path:
    path = tmp_path / "report.txt"
    path.write_text(REPORT)
    return path


@pytest.fixture
def film(tmp_path: Path) -> Path:
    path = tmp_path / "film.png"
    pixels = draw(None, 512).pixels
    Image.fromarray((pixels * 255).astype("uint8")).save(path)
    return path


def test_structure_prints_every_sentence(run: Run, report: Path) -> None:
    done = run("structure", report)
    assert done.status == 0
    for sentence in structure(REPORT).sentences:
        assert " ".join(sentence.text.split()) in done.out
    told = run("structure", report, "--json").json
    assert [one["id"] for one in told["sentences"]] == ["s1", "s2", "s3", "s4", "s5"]


def test_what_cannot_be_read(run: Run, tmp_path: Path) -> None:
    assert run("structure", tmp_path / "none.txt").status == 3
    latin = tmp_path / "latin.txt"
    latin.write_bytes("Herz größer".encode("latin-1"))
    assert "größer" in run("structure", latin).out


def test_check_report_alone_finds_what_contradicts_itself(run: Run, report: Path) -> None:
    done = run("check-report", report)
    assert done.status == 1
    assert "contradiction" in done.out
    told = run("check-report", report, "--json").json
    assert [one["kind"] for one in told["errors"]] == ["contradiction"]
    report.write_text("No effusion.")
    assert run("check-report", report).status == 0


@pytest.mark.slow
def test_check_report_against_a_film(run: Run, report: Path, film: Path) -> None:
    done = run("check-report", report, "--study", film, "--json")
    assert done.status == 1
    told = done.json
    jsonschema.validate(told, schema_of(Document.CHECK))
    assert {"wrong_number", "contradiction"} <= {one["kind"] for one in told["errors"]}
    assert told["run_id"]
    text = run("check-report", report, "--study", film).out
    assert "CheXprompt" in text
    assert "Research use only." in text


@pytest.mark.slow
def test_read_in_german_for_the_ris_and_with_a_scene_graph(
    run: Run, film: Path, tmp_path: Path
) -> None:
    graph = tmp_path / "graph.json"
    done = run("read", film, "--lang", "de", "--ris", "--scene-graph", graph)
    assert done.status == 0, done.err
    assert "BEURTEILUNG:" in done.out
    assert done.out.isascii()
    (told,) = json.loads(graph.read_text())
    jsonschema.validate(told, schema_of(Document.SCENE_GRAPH))
    assert run("read", film, "--lang", "xx").status == 2


@pytest.mark.parametrize("document", list(Document))
def test_schemas_are_published(run: Run, document: Document) -> None:
    published = json.loads((ROOT / "docs" / "schemas" / f"{document}.json").read_text())
    assert published == schema_of(document)
    assert run("schema", document).json == published


def test_documents_fit_their_schemas() -> None:
    jsonschema.validate(structure(REPORT).model_dump(mode="json"), schema_of(Document.STRUCTURE))
    jsonschema.validate(check_text(REPORT).model_dump(mode="json"), schema_of(Document.CHECK))


def test_structure_writes_a_table_of_lunguage(tmp_path: Path) -> None:
    from cxr_agent.prose.lunguage import read_rows

    (tmp_path / "report.txt").write_text("Small left effusion. No pneumothorax.")
    ran = run_program(
        "structure",
        tmp_path / "report.txt",
        "--lunguage",
        tmp_path / "rows.csv",
        "--study",
        "s7",
        traces=tmp_path,
    )
    assert ran.status == 0
    assert [(row.study_id, row.ent, row.dx_status) for row in read_rows(tmp_path / "rows.csv")] == [
        ("s7", "pleural effusion", "positive"),
        ("s7", "pneumothorax", "negative"),
    ]


def test_structure_sends_a_report_nowhere_unless_told(run: Run, report: Path) -> None:
    ran = run("structure", report, "--model", "openai/gpt-4o")
    assert (ran.status, ran.errors) == (2, [("", "text_not_sent")])
