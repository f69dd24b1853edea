"""``cxr-agent models``: list, show, pull and verify, as a user meets them."""

from __future__ import annotations

import json
import os
import pty
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from cxr_agent.models import store
from cxr_agent.models.catalogue import upgrades
from cxr_agent.models.manifest import MANIFEST
from tests.models.server import COMMIT, Server, serving

from .program import MODULE, ROOT, Ran, environment, run_program

DRIVER = """
import sys, tomllib
from pathlib import Path
from cxr_agent.models import catalogue, embedded, store
entries, weights = Path(sys.argv.pop(1)), Path(sys.argv.pop(1))
catalogue.load = lambda name: tomllib.loads(entries.read_text())
store.weights_root = embedded.weights_root = lambda: weights
from cxr_agent.cli.main import run
run()
"""
WEIGHTS = b"weights" * 30_000
ENTRIES = """
[plain]
family = "cxas"
name = "Plain model"
source = "{url}"
files = ["plain.pth"]
sha256 = {{ "plain.pth" = "{digest}" }}
size_mb = 0.2
licence = "Licence of plain"
licence_url = "https://example.org/licence"
purpose = "a model of one file"
needs = ["torch"]
citation = "nobody"

[gated]
family = "maira2"
name = "Gated model"
source = "owner/gated"
revision = "main"
files = ["config.json", "*.safetensors"]
licence = "Licence of gated"
licence_url = "https://example.org/licence"
purpose = "a model that asks for consent"
gated = true
trust_remote_code = true
citation = "nobody"
"""


class Machine:
    """A user's machine: where models go, which are offered, and a server to pull them from."""

    def __init__(self, folder: Path, server: Server) -> None:
        self.folder = folder
        self.server = server
        self.models = folder / "models"
        self.weights = folder / "weights"
        shutil.copytree(store.weights_root(), self.weights)
        digest = server.put("plain.pth", WEIGHTS)
        server.repositories["owner/gated"] = {"config.json": b"{}", "a.safetensors": WEIGHTS}
        self.entries = folder / "models.toml"
        self.entries.write_text(ENTRIES.format(url=server.url, digest=digest))

    @property
    def start(self) -> tuple[str, ...]:
        return ("-c", DRIVER, str(self.entries), str(self.weights))

    def env(self, **more: str) -> dict[str, str]:
        return {
            "CXR_AGENT_MODELS": str(self.models),
            "HF_ENDPOINT": self.server.url.rstrip("/"),
            "HF_HOME": str(self.folder / "hf"),
            "HF_HUB_OFFLINE": "0",
            "no_proxy": "127.0.0.1",
        } | more

    def run(self, *arguments: str | os.PathLike[str], **more: str) -> Ran:
        return run_program(
            "models", *arguments, traces=self.folder, start=self.start, env=self.env(**more)
        )

    def answer(self, answer: str, *arguments: str) -> tuple[int, str]:
        """Run with a terminal as standard input, and type one line into it."""
        ours, theirs = pty.openpty()
        try:
            running = subprocess.Popen(
                [sys.executable, *self.start, "models", *arguments],
                stdin=theirs,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                env=environment(self.folder, **self.env()),
            )
            os.write(ours, f"{answer}\n".encode())
            out, _ = running.communicate(timeout=60)
        finally:
            os.close(ours)
            os.close(theirs)
        return running.returncode, out.decode()


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[Machine]:
    with serving() as server:
        yield Machine(tmp_path, server)


def flat(text: str) -> str:
    """Text without its line breaks and indents."""
    return " ".join(text.split())


# --- list -----------------------------------------------------------------------------------


def test_list_shows_what_ships_and_what_can_be_pulled(tmp_path: Path) -> None:
    ran = run_program("models", "list", traces=tmp_path, env={"CXR_AGENT_MODELS": str(tmp_path)})
    assert ran.status == 0
    text = flat(ran.out)
    for card in store.list_cards():
        assert f"{card.id} ok {card.version}, {card.parameters / 1e6:.1f} million" in text
        assert card.task in text
    for entry in upgrades().values():
        assert f"{entry.id} not installed" in text
        assert entry.licence in text
        assert entry.purpose in text


def test_list_as_json(tmp_path: Path) -> None:
    ran = run_program(
        "models", "list", "--json", traces=tmp_path, env={"CXR_AGENT_MODELS": str(tmp_path)}
    )
    assert ran.status == 0
    cards = {card.id: card for card in store.list_cards()}
    own = {entry["id"]: entry for entry in ran.json["embedded"]}
    assert set(own) == set(cards)
    for name, entry in own.items():
        assert entry["state"] == "ok"
        assert entry["parameters"] == cards[name].parameters
        assert entry["bytes"] == sum(
            (store.weights_root() / name / file).stat().st_size
            for file in (cards[name].weights_file, cards[name].safetensors_file)
        )
    others = {entry["id"]: entry for entry in ran.json["upgrades"]}
    assert list(others) == list(upgrades())
    assert {entry["state"] for entry in others.values()} == {"not installed"}
    assert others["sam-vit-base"]["pinned"] is True
    assert others["maira-2"]["gated"] is True
    assert others["maira-2"]["size_mb"] is None


@pytest.mark.parametrize("command", [("list",), ("show", "anatomy"), ("verify",)])
def test_no_heavy_library_is_imported(command: tuple[str, ...], tmp_path: Path) -> None:
    ran = run_program(
        "models",
        *command,
        traces=tmp_path,
        start=("-X", "importtime", *MODULE),
        env={"CXR_AGENT_MODELS": str(tmp_path)},
    )
    assert ran.status == 0
    lines = ran.err.splitlines()
    imported = {line.rpartition("|")[2].strip().partition(".")[0] for line in lines}
    assert "pydantic" in imported
    heavy = {"torch", "onnxruntime", "transformers", "huggingface_hub", "numpy", "scipy"}
    assert not imported & heavy


# --- show -----------------------------------------------------------------------------------


def test_show_prints_the_whole_card(tmp_path: Path) -> None:
    for card in store.list_cards():
        ran = run_program("models", "show", card.id, traces=tmp_path)
        assert ran.status == 0
        text = flat(ran.out)
        raw = card.model_dump()
        figures = raw.pop("figures")
        for words in _strings(raw):
            assert flat(words) in text, words
        for figure in figures:
            low, high = figure["interval"] or (None, None)
            shown = f"{figure['value']:.4f}"
            if low is not None:
                shown += f" [{low:.3f}, {high:.3f}]"
            assert f"{shown} {figure['metric']}" in text
            assert flat(figure["data"]) in text
            assert f"{figure['films']} films" in text


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for one in value.values():
            yield from _strings(one)
    elif isinstance(value, tuple | list):
        for one in value:
            yield from _strings(one)


def test_show_as_json_is_the_card(tmp_path: Path) -> None:
    ran = run_program("models", "show", "anatomy", "--json", traces=tmp_path)
    record = ran.json
    files = record.pop("files")
    assert record == json.loads(store.load_card("anatomy").model_dump_json())
    assert [file["state"] for file in files] == ["ok", "ok"]


def test_show_tells_an_upgrade_before_and_after_its_pull(machine: Machine) -> None:
    before = machine.run("show", "gated")
    assert before.status == 0
    for words in (
        *("Gated model", "Licence of gated", "https://example.org/licence", "main (not pinned"),
        *("https://huggingface.co/owner/gated", "accept its conditions", "Python code of its own"),
        *("recorded at the first pull", "adapter maira2", "Not installed"),
    ):
        assert words in flat(before.out), words
    assert machine.run("pull", "gated", "--yes").status == 0
    after = machine.run("show", "gated")
    assert str(machine.models / "gated") in flat(after.out)
    assert COMMIT in after.out
    assert "a.safetensors" in after.out
    assert "as the hub stated it" in after.out
    record = machine.run("show", "gated", "--json").json
    assert record["installed"]["revision"] == COMMIT
    assert record["folder"] == str(machine.models / "gated")


# --- pull -----------------------------------------------------------------------------------


def test_without_a_terminal_and_a_yes_nothing_is_fetched(machine: Machine) -> None:
    ran = machine.run("pull", "plain")
    assert ran.status == 2
    assert ran.errors == [("", "consent_needed")]
    assert "--yes" in ran.err
    for words in ("Licence of plain", machine.server.url, "0.2 MB", "known beforehand"):
        assert words in ran.out
    assert not machine.server.asked
    assert not machine.models.exists()


def test_a_no_fetches_nothing_and_a_yes_does(machine: Machine) -> None:
    status, out = machine.answer("n", "pull", "plain")
    assert status == 2
    assert "[not_accepted]" in out
    assert out.index("Licence of plain") < out.index("Do you accept")
    assert not machine.server.asked
    status, out = machine.answer("y", "pull", "plain")
    assert status == 0, out
    assert (machine.models / "plain/plain.pth").read_bytes() == WEIGHTS


def test_a_pull_and_a_second_one(machine: Machine) -> None:
    first = machine.run("pull", "plain", "--yes")
    assert first.status == 0, first.err
    assert f"Installed plain: 1 file at {machine.models / 'plain'}" in first.out
    assert "recorded now" not in first.out
    asked = len(machine.server.asked)
    second = machine.run("pull", "plain")
    assert second.status == 0
    assert "installed already" in second.out
    assert len(machine.server.asked) == asked
    assert "plain installed" in flat(machine.run("list").out)


def test_trust_on_first_use_is_said(machine: Machine) -> None:
    ran = machine.run("pull", "gated", "--yes")
    assert ran.status == 0, ran.err
    assert "No SHA-256 was known beforehand for 1 file: it was recorded now" in flat(ran.out)


def test_a_pull_as_json(machine: Machine) -> None:
    ran = machine.run("pull", "plain", "--yes", "--json")
    assert ran.status == 0
    assert ran.json["fetched"] is True
    assert [file["name"] for file in ran.json["files"]] == ["plain.pth"]
    assert "Licence of plain" in ran.err
    assert machine.run("pull", "plain", "--json").json["fetched"] is False


def test_a_pull_from_a_folder(machine: Machine) -> None:
    folder = machine.folder / "stick"
    folder.mkdir()
    (folder / "plain.pth").write_bytes(WEIGHTS)
    ran = machine.run("pull", "plain", "--yes", "--from", folder, HF_HUB_OFFLINE="1")
    assert ran.status == 0, ran.err
    assert (machine.models / "plain/plain.pth").read_bytes() == WEIGHTS
    assert not machine.server.asked
    (folder / "plain.pth").write_bytes(b"others")
    shutil.rmtree(machine.models)
    ran = machine.run("pull", "plain", "--yes", "--from", folder)
    assert ran.status == 6
    assert ran.errors == [("", "checksum_mismatch")]


def test_a_gated_model_names_consent_and_token_and_keeps_the_token(machine: Machine) -> None:
    machine.server.gated = True
    ran = machine.run("pull", "gated", "--yes")
    assert ran.status == 6
    assert ran.errors == [("", "access_denied")]
    assert "https://huggingface.co/owner/gated" in ran.err
    assert "HF_TOKEN" in ran.err
    machine.server.statuses["/api/models/owner/gated/revision/main"] = 403
    ran = machine.run("pull", "gated", "--yes", HF_TOKEN="hf_verysecret")
    assert ran.status == 6
    assert machine.server.asked[-1].token == "Bearer hf_verysecret"
    assert "verysecret" not in ran.out + ran.err


def test_offline_is_one_clear_line_in_bounded_time(machine: Machine) -> None:
    closed = {"https_proxy": "http://127.0.0.1:1", "HF_ENDPOINT": "http://127.0.0.1:1"}
    for model in ("cxas", "sam-vit-base"):
        began = time.monotonic()
        ran = run_program(
            "models", "pull", model, "--yes", traces=machine.folder, env=machine.env(**closed)
        )
        assert time.monotonic() - began < 60
        assert ran.status == 6
        assert ran.errors == [("", "offline")]
        assert f"`cxr-agent models pull {model} --from FOLDER`" in ran.err
        assert len(ran.err.splitlines()) == 2
        assert not (machine.models / model).exists()


def test_the_offline_switch(machine: Machine) -> None:
    ran = machine.run("pull", "plain", "--yes", HF_HUB_OFFLINE="1")
    assert ran.status == 6
    assert ran.errors == [("", "offline")]
    assert not machine.server.asked


@pytest.mark.parametrize("command", ["show", "pull", "verify"])
def test_an_unknown_model_is_a_usage_error(command: str, tmp_path: Path) -> None:
    ran = run_program("models", command, "sam-vit-bas", traces=tmp_path)
    assert ran.status == 2
    assert ran.errors == [("", "unknown_model")]
    assert "Did you mean sam-vit-base?" in ran.err


def test_what_ships_needs_no_pull(tmp_path: Path) -> None:
    ran = run_program("models", "pull", "anatomy", "--yes", traces=tmp_path)
    assert ran.status == 2
    assert ran.errors == [("", "embedded_model")]


PAGE = (ROOT / "docs/models/README.md").read_text(encoding="utf-8")
SHOWN = [
    block
    for block in re.findall(r"```text\n(.*?)```", PAGE, flags=re.DOTALL)
    if block.startswith("$ ")
]


@pytest.mark.parametrize("block", SHOWN, ids=lambda block: block.splitlines()[0])
def test_the_page_shows_what_the_program_prints(block: str, tmp_path: Path) -> None:
    """Line for line, but for numbers, which change with the models."""
    command, *shown = block.splitlines()
    ran = run_program(
        *command.split()[2:],
        traces=tmp_path,
        env={"HOME": str(tmp_path), "XDG_CACHE_HOME": "", "https_proxy": "http://127.0.0.1:1"},
    )
    printed = iter(
        steady(line.replace(str(tmp_path), "~")) for line in (ran.out + ran.err).splitlines()
    )
    missing = [line for line in shown if line not in ("", "...") and steady(line) not in printed]
    assert not missing


def steady(line: str) -> str:
    return re.sub(r"\d+(\.\d+)?", "N", line.strip())


# --- verify ---------------------------------------------------------------------------------


def test_verify_what_is_sound(machine: Machine) -> None:
    machine.run("pull", "plain", "--yes")
    ran = machine.run("verify")
    assert ran.status == 0
    names = [*(card.id for card in store.list_cards()), "plain"]
    assert [line.partition(":")[0] for line in ran.out.splitlines()] == names
    assert "anatomy: ok, 2 files" in ran.out
    record = machine.run("verify", "plain", "--json").json
    assert record == [
        {"id": "plain", "state": "ok", "files": [{"name": "plain.pth", "state": "ok"}]}
    ]


def _flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


@pytest.mark.parametrize(
    ("damage", "told"),
    [
        (lambda m: _flip(m.weights / "anatomy/anatomy.onnx"), "anatomy: damaged: anatomy.onnx"),
        (
            lambda m: _flip(m.weights / "anatomy/anatomy.safetensors"),
            "anatomy: damaged: anatomy.safetensors",
        ),
        (
            lambda m: (m.weights / "anatomy/anatomy.onnx").unlink(),
            "anatomy: missing: anatomy.onnx",
        ),
        (
            lambda m: (m.weights / "anatomy/card.json").write_text("{}"),
            "anatomy: damaged: card.json",
        ),
        (lambda m: _flip(m.models / "plain/plain.pth"), "plain: damaged: plain.pth"),
        (lambda m: (m.models / "plain/plain.pth").unlink(), "plain: missing: plain.pth"),
        (
            lambda m: (m.models / "plain" / MANIFEST).write_text("{}"),
            f"plain: damaged: {MANIFEST}",
        ),
        (lambda m: (m.models / "plain" / MANIFEST).unlink(), f"plain: missing: {MANIFEST}"),
    ],
)
def test_verify_names_the_file_that_is_damaged(
    machine: Machine, damage: Callable[[Machine], object], told: str
) -> None:
    assert machine.run("pull", "plain", "--yes").status == 0
    damage(machine)
    ran = machine.run("verify")
    assert ran.status == 6
    assert told in ran.out.splitlines()
    as_json = machine.run("verify", "--json")
    assert as_json.status == 6
    name, state, file = told.split(": ")
    record = next(one for one in as_json.json if one["id"] == name)
    assert record["state"] == "damaged"
    assert {"name": file, "state": state} in record["files"]


def test_list_shows_damage(machine: Machine) -> None:
    assert machine.run("pull", "plain", "--yes").status == 0
    (machine.models / "plain/plain.pth").write_bytes(b"cut")
    _flip(machine.weights / "anatomy/anatomy.onnx")
    ran = machine.run("list")
    assert ran.status == 0
    assert "anatomy damaged" in flat(ran.out)
    assert "plain damaged" in flat(ran.out)


def test_verify_of_what_is_not_there(machine: Machine) -> None:
    ran = machine.run("verify", "plain")
    assert ran.status == 6
    assert ran.errors == [("", "not_pulled")]
    assert "`cxr-agent models pull plain`" in ran.err
