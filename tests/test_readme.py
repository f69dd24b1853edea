"""The README tells the truth: its output is what the program prints, its code runs."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from cxr_agent.testing.phantom import PhantomSpec, draw
from tests.cli.program import dicom, levels

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
COMMAND = (sys.executable, "-m", "cxr_agent.cli.main")


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", README, flags=re.DOTALL)


def run(*arguments: str, folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        (*COMMAND, *arguments), cwd=folder, capture_output=True, text=True, timeout=120
    )


def steady(text: str) -> list[str]:
    """Lines without what differs between runs: ids, times and hashes."""
    kept = []
    for line in text.splitlines():
        bare = re.sub(r"\d{8}T\d{6}Z-[0-9a-f]{8}", "RUN", line.rstrip())
        bare = re.sub(r"\d+ ms|\d+\.\d+ s\b", "TIME", bare)
        kept.append(re.sub(r"\b[0-9a-f]{12,64}\b", "HASH", bare))
    return [line for line in kept if line]


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    folder = tmp_path_factory.mktemp("readme")
    done = run("demo", folder=folder)
    assert done.returncode == 0, done.stderr
    return folder, done.stdout


def test_no_placeholder_is_left() -> None:
    assert "@@" not in README


def test_the_demo_prints_what_the_readme_shows(demo: tuple[Path, str]) -> None:
    printed = steady(demo[1])
    shown = [line for line in steady(blocks("text")[0]) if line != "..."]
    assert shown
    missing = [line for line in shown if line not in printed]
    assert not missing


def test_the_trace_is_what_the_readme_shows(demo: tuple[Path, str]) -> None:
    done = run("trace", "show", folder=demo[0])
    shown = next(block for block in blocks("text") if "segment_anatomy(film=img-1)" in block)
    printed = steady(done.stdout)
    missing = [line for line in steady(shown) if line != "..." and line not in printed]
    assert not missing


def test_why_is_what_the_readme_shows(demo: tuple[Path, str]) -> None:
    example = next(block for block in blocks("python") if "trace.why(" in block)
    (folder,) = (path for path in (demo[0] / "traces").iterdir() if path.is_dir())
    script = re.sub(r'"traces/[^"]+"', repr(str(folder)), example)
    done = subprocess.run(
        (sys.executable, "-c", f"{script}\nassert 'measure_ctr' in tools"),
        cwd=demo[0],
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    shown = next(block for block in blocks("text") if "(sentence " in block)
    assert steady(done.stdout) == steady(shown)


def test_the_steps_are_what_the_readme_shows(demo: tuple[Path, str]) -> None:
    done = run("trace", "show", "--steps", folder=demo[0])
    shown = next(block for block in blocks("text") if block.startswith("step tool"))
    assert _timeless(shown) == _timeless(done.stdout)


def _timeless(table: str) -> list[str]:
    """Rows by their words, without milliseconds."""
    return [" ".join(re.sub(r"\bok +\d+", "ok TIME", row).split()) for row in steady(table)]


def test_the_comparison_of_runs_is_what_the_readme_shows(tmp_path: Path) -> None:
    pixels = draw(PhantomSpec(cardiothoracic_ratio=0.46), 1024).pixels
    Image.fromarray(np.rint(pixels * 255).astype(np.uint8)).save(tmp_path / "film.png")
    (tmp_path / "limits.toml").write_text("[thresholds]\nctr_pa = 0.4\n")
    assert run("read", "film.png", folder=tmp_path).returncode == 0
    first = next((tmp_path / "traces").iterdir()).name
    assert run("read", "film.png", "--config", "limits.toml", folder=tmp_path).returncode == 0
    shown = next(block for block in blocks("text") if block.startswith("$ cxr-agent trace diff"))
    done = run("trace", "diff", first, "last", folder=tmp_path)
    assert done.returncode == 1
    printed = steady(done.stdout)
    kept = [line for line in steady(shown)[1:] if line != "..."]
    assert [line for line in kept if line not in printed] == []


def test_the_chat_is_what_the_readme_shows(tmp_path: Path) -> None:
    """The same films and questions, piped; a terminal wraps lines, a pipe does not."""
    for name, ratio in (("film.png", 0.60), ("before.png", 0.46)):
        pixels = draw(PhantomSpec(cardiothoracic_ratio=ratio), 1024).pixels
        Image.fromarray(np.rint(pixels * 255).astype(np.uint8)).save(tmp_path / name)
    shown = next(block for block in blocks("text") if "cxr> is the heart enlarged?" in block)
    typed = "\n".join(re.findall(r"^cxr> (.+)$", shown, flags=re.MULTILINE))
    command = re.search(r"^\$ cxr-agent (chat film\.png .*)$", README, flags=re.MULTILINE)
    assert command is not None
    done = subprocess.run(
        (*COMMAND, *shlex.split(command[1])),
        cwd=tmp_path,
        input=typed,
        capture_output=True,
        text=True,
        timeout=120,
        env={**os.environ, "CXR_AGENT_STATE": str(tmp_path / "state")},
    )
    assert done.returncode == 0, done.stderr
    printed = _words(done.stdout)
    said = re.sub(
        r"^(?:cxr> .*|  s\d+ \w+ ok \d+ ms|Session .*|\.\.\.)$", "", shown, flags=re.MULTILINE
    )
    for part in re.split(r"\n(?=\S|  \d\.|     \w+: )", said):
        assert _words(part) in printed, part


def test_the_comparison_is_what_the_readme_shows(tmp_path: Path) -> None:
    now = draw(PhantomSpec(cardiothoracic_ratio=0.60), 1024)
    before = draw(PhantomSpec(cardiothoracic_ratio=0.46, seed=4), 1024)
    lung = now.masks["right_lung"]
    rows = np.flatnonzero(lung.any(axis=1))
    row = rows[int(len(rows) * 0.72)]
    y, x = np.mgrid[0:1024, 0:1024]
    spot = ((x - np.flatnonzero(lung[row]).mean()) / 80) ** 2 + ((y - row) / 70) ** 2
    dense = np.clip(now.pixels + 0.35 * np.exp(-spot), 0, 1)
    for name, pixels, day in (
        ("now.dcm", dense, "20240411"),
        ("before.dcm", before.pixels, "20240105"),
    ):
        facts = {"StudyDate": day, "StudyInstanceUID": f"1.2.3.{day}"}
        file = dicom(levels(pixels, 12), PatientID="p", ViewPosition="PA", **facts)
        (tmp_path / name).write_bytes(file)
    shown = next(block for block in blocks("text") if "read now.dcm --prior" in block)
    command, *lines = shown.splitlines()
    done = run(*shlex.split(command)[2:], folder=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "\n".join(lines[:-1]) in done.stdout  # the last line stands for the rest


def test_the_batch_is_what_the_readme_shows(tmp_path: Path) -> None:
    films = tmp_path / "films"
    films.mkdir()
    for name in ("a.png", "b.png", "c.png"):
        Image.fromarray(levels(draw(size=256).pixels, 8)).save(films / name)
    (films / "letter.png").write_text("Dear colleague")
    (films / "torn.png").write_bytes((films / "a.png").read_bytes()[:-9000])
    done = run("batch", "films", "--out", "results", "--workers", "1", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    shown = next(
        block for block in blocks("text") if "not_an_image" in block and "waiting" in block
    )
    printed = steady(done.stdout)
    missing = [line for line in steady(shown) if line != "..." and line not in printed]
    assert not missing


def test_the_check_and_the_structure_are_what_the_readme_shows(tmp_path: Path) -> None:
    pixels = draw(PhantomSpec(cardiothoracic_ratio=0.60), 1024).pixels
    Image.fromarray(np.rint(pixels * 255).astype(np.uint8)).save(tmp_path / "film.png")
    report = next(block for block in blocks("text") if block.startswith("FINDINGS:"))
    (tmp_path / "report.txt").write_text(report)
    for start in ("$ cxr-agent check-report", "$ cxr-agent structure"):
        shown = next(block for block in blocks("text") if block.startswith(start))
        command, *lines = shown.splitlines()
        done = run(*shlex.split(command)[2:], folder=tmp_path)
        printed = steady(done.stdout)
        kept = steady("\n".join(line for line in lines if line != "..."))
        assert [line for line in kept if line not in printed] == []


def _words(text: str) -> str:
    """The text on one line, without what differs between runs."""
    return " ".join(" ".join(steady(text)).split())


def test_the_error_is_what_the_readme_shows(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("no film")
    done = run("read", "notes.txt", folder=tmp_path)
    shown = next(block for block in blocks("text") if "[not_an_image]" in block)
    assert done.returncode == 3
    assert steady(done.stderr) == steady(shown)


def test_the_plug_in_example_runs(tmp_path: Path, demo: tuple[Path, str]) -> None:
    example = next(block for block in blocks("python") if "@tool" in block)
    film = tmp_path / "film.png"
    script = (
        f"{example}\n"
        "import numpy as np\nfrom PIL import Image as Pillow\n"
        "from cxr_agent.testing.phantom import draw\n"
        f"Pillow.fromarray(np.rint(draw().pixels * 255).astype('uint8')).save({str(film)!r})\n"
        f"report = agent.read({str(film)!r})\nagent.close()\n"
        "mine = [e for e in report.evidence if e.provenance.tool == 'ctr_widest_row']\n"
        "print([(e.code, e.value) for e in mine])\n"
        "assert report.status == 'complete', report.status\n"
    )
    done = subprocess.run(
        (sys.executable, "-c", script), cwd=tmp_path, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    assert "cardiothoracic_ratio" in done.stdout


def test_the_evaluation_is_what_the_readme_shows(tmp_path: Path) -> None:
    shown = next(block for block in blocks("text") if block.startswith("$ cxr-agent eval "))
    done = run(*shlex.split(shown.splitlines()[0])[2:], folder=tmp_path)
    assert done.returncode == 0, done.stderr
    printed = steady(done.stdout)
    kept = [line for line in steady(shown)[1:] if line != "..."]
    assert [line for line in kept if line not in printed] == []


def test_the_commands_exist(demo: tuple[Path, str]) -> None:
    named = set(re.findall(r"^\$ cxr-agent ([\w-]+)", README, flags=re.MULTILINE))
    listed = run("--help", folder=demo[0]).stdout
    assert named
    for command in named:
        assert f"  {command} " in listed


def test_linked_files_exist() -> None:
    for target in re.findall(r"\]\(([^)#]+)\)", README):
        assert (ROOT / target).exists(), target
