"""The example packages agree with their manifests, their cards, and what the tutorial shows."""

from __future__ import annotations

import importlib.util
import json
import re

import pytest

from tests.plugins.installing import EXAMPLES
from tests.plugins.tutorial import TUTORIAL, blocks, section

AREA = EXAMPLES / "cardiothoracic-area"


def test_the_manifests_say_what_the_code_says() -> None:
    spec = importlib.util.spec_from_file_location("manifests", EXAMPLES / "manifests.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    written = module.manifests()
    assert len(written) == 3
    for place, text in written.items():
        assert place.read_text() == text, place


@pytest.mark.parametrize(
    ("language", "place"),
    [
        ("python", "cxr_cardiothoracic_area/tool.py"),
        ("python", "tests/test_cardiothoracic_area.py"),
        ("toml", "pyproject.toml"),
    ],
)
def test_the_code_that_the_tutorial_shows_is_the_package_s(language: str, place: str) -> None:
    whole = (AREA / place).read_text()
    shown = [
        block for block in blocks(section("A measurement"), language) if "StubServer" not in block
    ]
    parts = [re.split(r"^\.\.\.\n", block, flags=re.M) for block in shown]
    assert any(all(part.strip() in whole for part in one) for one in parts)


def test_the_figures_that_the_tutorial_shows_are_the_card_s() -> None:
    card = json.loads((EXAMPLES / "film-tilt" / "cxr_film_tilt" / "card.json").read_text())
    text = section("A network with its weights and card")
    for one in card["figures"]:
        low, high = one["interval"]
        value = f"{one['value']:.2f} [{low:.2f}, {high:.2f}]"
        assert f"| {one['data']} | {one['films']} | {one['metric']} | {value} |" in text


def test_linked_files_exist() -> None:
    for target in re.findall(r"\]\(([^)#]+)(?:#[\w-]+)?\)", TUTORIAL.read_text()):
        assert (TUTORIAL.parent / target).exists(), target


def test_the_packages_name_their_licences() -> None:
    for project in EXAMPLES.glob("*/pyproject.toml"):
        assert re.search(r"^license = ", project.read_text(), flags=re.M)
        assert "**Licence:**" in (project.parent / "README.md").read_text()
