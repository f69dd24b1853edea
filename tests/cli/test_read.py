"""``cxr-agent read``: a film in, a report out."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from tests.imaging.films import dicom

from .conftest import Reading
from .program import GOOD, Films, Pixels, levels, run_program

SECTIONS = ("technique", "comparison", "findings", "impression", "limitations")
CITED = re.compile(r"\[(e\d+(?:, e\d+)*)\]$")


def ratio(report: dict[str, Any]) -> dict[str, Any]:
    """The one measurement of the cardiothoracic ratio."""
    (found,) = (
        e
        for e in report["evidence"]
        if e["kind"] == "measurement" and e["code"] == "cardiothoracic_ratio"
    )
    return dict(found)


def items(text: str) -> list[str]:
    """Bullets of a text report, each on one line again."""
    found: list[str] = []
    for line in text.splitlines():
        if re.match(r"  (?:- |\d+\. )", line):
            found.append(line.strip())
        elif found and line.startswith("    ") and line.strip():
            found[-1] += " " + line.strip()
    return found


def test_text_report_has_its_sections(text_run: Reading) -> None:
    assert text_run.ran.status == 0
    lines = text_run.ran.out.splitlines()
    at = [lines.index(title) for title in ("TECHNIQUE", "FINDINGS", "IMPRESSION", "LIMITATIONS")]
    assert at == sorted(at)
    assert "Research use only" in text_run.ran.out
    assert "Traceback" not in text_run.ran.err


def test_every_sentence_of_the_text_cites_evidence(text_run: Reading) -> None:
    body = text_run.ran.out.split("\nEVIDENCE\n")[0]
    told = text_run.ran.out.split("\nEVIDENCE\n")[1]
    sentences = items(body)
    assert len(sentences) >= 8
    for sentence in sentences:
        cited = CITED.search(sentence)
        assert cited, sentence
        for identity in cited[1].split(", "):
            assert re.search(rf"^\s+{identity} ", told, re.MULTILINE), identity


def test_text_and_json_agree_on_the_ratio(
    text_run: Reading, reports: dict[str, dict[str, Any]]
) -> None:
    measured = ratio(reports["chest.dcm"])
    low, high = measured["interval"]
    said = re.search(
        r"Cardiothoracic ratio (\S+) \((\d+) % interval (\S+) to (\S+)\)",
        " ".join(items(text_run.ran.out)),
    )
    assert said
    assert said[1] == f"{measured['value']:.2f}"
    assert int(said[2]) == round(100 * measured["interval_level"])
    assert (said[3], said[4]) == (f"{low:.2f}", f"{high:.2f}")


@pytest.mark.parametrize("name", [*GOOD, "wide.png"])
def test_ratio_of_the_phantom(name: str, films: Films, reports: dict[str, dict[str, Any]]) -> None:
    measured = ratio(reports[name])
    low, high = measured["interval"]
    assert measured["unit"] == "1"
    assert low <= measured["value"] <= high
    assert abs(measured["value"] - films.phantom.ctr) <= 0.03
    assert low <= films.phantom.ctr <= high


@pytest.mark.parametrize("name", [*GOOD, "wide.png"])
def test_every_sentence_of_the_json_cites_evidence(
    name: str, reports: dict[str, dict[str, Any]]
) -> None:
    report = reports[name]
    known = {e["id"] for e in report["evidence"]}
    assert len(known) == len(report["evidence"])
    sentences = [s for section in SECTIONS for s in report[section]]
    assert {"technique", "findings", "impression", "limitations"} <= {
        section for section in SECTIONS if report[section]
    }
    assert all(s["evidence"] and set(s["evidence"]) <= known for s in sentences)
    shown = {film["sha256"] for film in report["films"]}
    assert all(e["provenance"]["image_sha256"] in shown for e in report["evidence"])


def test_header_tells_view_and_spacing(reports: dict[str, dict[str, Any]]) -> None:
    (film,) = reports["chest.dcm"]["films"]
    assert (film["rows"], film["columns"], film["view"]) == (512, 512, "PA")
    assert film["spacing_mm"] == [0.6, 0.6]
    assert film["spacing_kind"] == "calibrated"
    width = {e["code"]: e for e in reports["chest.dcm"]["evidence"]}["cardiac_width"]
    drawn = ratio(reports["chest.dcm"])["details"]["cardiac_width_px"]
    assert width["unit"] == "mm"
    assert width["value"] == pytest.approx(0.6 * drawn)


def test_a_png_has_no_millimetres(reports: dict[str, dict[str, Any]]) -> None:
    (film,) = reports["grey8.png"]["films"]
    assert (film["view"], film["spacing_mm"]) == ("UNKNOWN", None)
    assert not [e for e in reports["grey8.png"]["evidence"] if e["unit"] == "mm"]


def test_list_keeps_order_and_goes_on_after_a_bad_file(
    list_run: Reading, films: Films, reports: dict[str, dict[str, Any]]
) -> None:
    names = [Path(entry["file"]).name for entry in list_run.ran.json]
    assert names == [
        "chest.dcm",
        "missing.png",
        "grey8.png",
        "grey16.png",
        "photo.jpg",
        "hand.png",
        "wide.png",
        "ct.dcm",
        "grey8.jpg",
    ]
    assert list_run.ran.json[0]["file"] == str(films["chest.dcm"])
    assert reports["missing.png"]["error"]["code"] == "file_not_found"
    assert reports["missing.png"]["exit_status"] == 3
    assert reports["hand.png"]["error"]["code"] == "not_chest"
    assert reports["ct.dcm"]["error"]["code"] == "unsupported_modality"
    assert list_run.ran.status == 3  # of the first file that failed
    assert {n for n, r in reports.items() if "error" not in r} == {*GOOD, "wide.png", "grey8.jpg"}


def test_same_film_same_answer_in_every_lossless_format(
    reports: dict[str, dict[str, Any]],
) -> None:
    assert ratio(reports["grey8.png"])["value"] == pytest.approx(
        ratio(reports["grey16.png"])["value"], abs=0.003
    )


def test_several_films_give_a_folder_of_pages(list_run: Reading) -> None:
    pages = {path.name for path in list_run.html.iterdir()}
    names = {f"{name}.html" for name in ("chest", "grey8", "grey16", "photo", "wide")}
    assert pages == {*names, "grey8-2.html"}  # the last film has the name of another


def test_page_needs_nothing_from_elsewhere(text_run: Reading) -> None:
    page = text_run.html.read_text(encoding="utf-8")
    assert not re.search(
        r"https?://|\b(?:src|href)\s*=\s*[\"']?(?![\"'#]|data:)", page, re.IGNORECASE
    )
    assert "Research use only" in page
    assert "Cardiothoracic ratio" in page


def test_indication_is_quoted_and_cannot_be_markup(text_run: Reading) -> None:
    assert "<script>alert(1)</script> cough & fever" in text_run.ran.out
    assert "\x1b" not in text_run.ran.out
    page = text_run.html.read_text(encoding="utf-8")
    assert "<script>alert" not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt; cough &amp; fever" in page


def test_indication_does_not_reach_the_trace(text_run: Reading) -> None:
    (folder,) = text_run.trace_folders
    for path in folder.rglob("*"):
        if path.is_file():
            assert b"cough" not in path.read_bytes(), path


def test_markdown(films: Films, tmp_path: Path) -> None:
    ran = run_program(
        "read",
        films["grey8.png"],
        "--markdown",
        "--indication",
        "<b>cough</b>",
        traces=tmp_path / "t",
    )
    assert ran.status == 0
    for title in ("## History", "## Technique", "## Findings", "## Impression", "## Limitations"):
        assert f"\n{title}\n" in ran.out
    assert "<b>" not in ran.out
    assert re.search(r"^- Cardiothoracic ratio 0\.\d\d .*\[e\d+\]$", ran.out, re.MULTILINE)


def darker(films: Films) -> Pixels:
    """The phantom exposed anew: the same film twice is no prior."""
    return levels(0.97 * films.phantom.pixels, 12)


def test_study_with_a_prior(films: Films, tmp_path: Path) -> None:
    earlier = tmp_path / "earlier.dcm"
    earlier.write_bytes(dicom(darker(films), StudyDate="20190214"))
    ran = run_program(
        "read",
        films["chest.dcm"],
        films["grey8.png"],
        "--study",
        "--prior",
        earlier,
        "--json",
        traces=tmp_path / "t",
    )
    assert ran.status == 0, ran.err
    report = ran.json
    assert [film["handle"] for film in report["films"]] == ["img-1", "img-2", "prior-1"]
    assert report["films"][2]["days_before"] == 28
    assert report["exam"] == "Chest radiograph, 2 films"
    assert any("28 days" in s["text"] for s in report["comparison"])
    measured = [e for e in report["evidence"] if e["kind"] == "measurement"]
    assert len([e for e in measured if e["code"] == "cardiothoracic_ratio"]) == 3
    assert "2019" not in ran.out


def test_page_of_a_study_with_a_dated_prior(films: Films, tmp_path: Path) -> None:
    earlier = tmp_path / "earlier.dcm"
    earlier.write_bytes(dicom(darker(films), StudyDate="20190214"))
    page = tmp_path / "page.html"
    ran = run_program(
        "read", films["chest.dcm"], "--prior", earlier, "--html", page, traces=tmp_path / "t"
    )
    assert ran.status == 0, ran.err
    assert "28 days" in page.read_text(encoding="utf-8")


def test_study_with_a_folder_of_priors(films: Films, tmp_path: Path) -> None:
    folder = tmp_path / "patient"
    folder.mkdir()
    ids = {"PatientID": "MARTHA-77", "StudyInstanceUID": "1.2.77.1"}
    current = folder / "now.dcm"
    current.write_bytes(dicom(levels(films.phantom.pixels, 12), **ids))
    (folder / "second.dcm").write_bytes(dicom(levels(0.98 * films.phantom.pixels, 12), **ids))
    before = {"PatientID": "MARTHA-77", "StudyInstanceUID": "1.2.77.2", "StudyDate": "20190214"}
    (folder / "before.dcm").write_bytes(dicom(darker(films), **before))
    (folder / "other.dcm").write_bytes(dicom(darker(films), PatientID="PETER-78"))
    (folder / "letter.txt").write_bytes(films["letter.txt"].read_bytes())
    traces = tmp_path / "t"
    ran = run_program("read", current, "--priors-from", folder, "--json", traces=traces)
    assert ran.status == 0, ran.err
    assert ran.err.splitlines()[0] == (
        "1 prior taken of 4 files: 1 not_an_image, 1 other_patient, 1 same_study"
    )
    assert [film["handle"] for film in ran.json["films"]] == ["img-1", "prior-1"]
    assert ran.json["films"][1]["days_before"] == 28
    kept = b"".join(path.read_bytes() for path in traces.rglob("*") if path.is_file())
    for text in ("MARTHA", "PETER", "1.2.77", "20190214", "patient/"):
        assert text not in ran.out + ran.err
        assert text.encode() not in kept


def test_folder_without_a_prior_is_no_error(films: Films, tmp_path: Path) -> None:
    ran = run_program("read", films["chest.dcm"], "--priors-from", tmp_path, traces=tmp_path / "t")
    assert ran.status == 0
    assert ran.err.splitlines()[0] == "no prior taken of 0 files"
    assert "no suitable prior film was found" in " ".join(ran.out.split())


@pytest.mark.parametrize(
    ("where", "status", "code"),
    [
        ("nowhere", 2, "no_prior_folder"),
        ("https://pacs.example/?x", 2, "bad_dicomweb_url"),
        ("http://127.0.0.1:9/dicom-web", 2, "no_patient_id"),
    ],
)
def test_priors_from_nowhere(
    films: Films, tmp_path: Path, where: str, status: int, code: str
) -> None:
    ran = run_program(
        "read", films["chest.dcm"], "--priors-from", where, traces=tmp_path / "t", cwd=tmp_path
    )
    assert ran.status == status
    assert ran.errors == [("", code)]
    assert "pacs" not in ran.err
    assert "127.0.0.1" not in ran.err
    assert not (tmp_path / "t").exists()


@pytest.mark.parametrize("option", ["--prior", "--priors-from"])
def test_prior_of_several_studies_is_refused(films: Films, tmp_path: Path, option: str) -> None:
    ran = run_program(
        "read",
        films["chest.dcm"],
        films["grey8.png"],
        option,
        films["grey16.png"],
        traces=tmp_path / "t",
    )
    assert ran.status == 2
    assert ran.errors == [("", "prior_of_which")]
    assert not ran.out


def test_a_lateral_view_goes_with_the_frontal_film_of_its_study(
    films: Films, tmp_path: Path
) -> None:
    pixels = levels(films.phantom.pixels, 12)
    places = {
        "lateral.dcm": {"ViewPosition": "LL"},
        "frontal.dcm": {"ViewPosition": "PA"},
        "other.dcm": {"ViewPosition": "LL", "StudyInstanceUID": "1.2.9"},
    }
    for name, header in places.items():
        uid = {"StudyInstanceUID": "1.2.8", "PatientID": "MARTHA"}
        (tmp_path / name).write_bytes(dicom(pixels, **(uid | header)))
    paths = [tmp_path / name for name in places]
    ran = run_program("read", *paths, "--json", traces=tmp_path)
    assert ran.status == 4
    read, refused = ran.json
    assert [Path(one["file"]).name for one in ran.json] == ["frontal.dcm", "other.dcm"]
    assert refused["error"]["code"] == "lateral_view"
    (told,) = (one for one in read["evidence"] if one["code"] == "unread_view")
    assert told["reading"] in {one["text"] for one in read["limitations"]}
    kept = (Path(read["trace"]) / "trace.jsonl").read_text()
    assert '"unread_views":["lateral_view"]' in kept
    assert "lateral.dcm" not in kept
    assert "MARTHA" not in kept + ran.out
