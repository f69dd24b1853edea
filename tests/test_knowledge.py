"""The definitions of ``kb/``: they load, they fit together, and what is malformed is refused."""

from __future__ import annotations

import ast
import re
import string
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cxr_agent import knowledge
from cxr_agent.errors import ConfigError
from cxr_agent.evidence import EvidenceKind
from cxr_agent.knowledge import files
from cxr_agent.planning.protocol import load_protocol
from cxr_agent.report.model import Heading
from cxr_agent.study import Notice
from cxr_agent.toolbox import registry

ROOT = Path(__file__).resolve().parents[1]
CACHED = (
    "shipped",
    "vocabulary",
    "reasons",
    "sentences",
    "plain_words",
    "structures",
    "measured_for",
    "measurements",
    "guidelines",
)
FIELDS = {
    *("name", "noun", "value", "low", "high", "level", "threshold", "reasons", "probability"),
    *("limit_pa", "limit_ap", "limit_present", "limit_absent"),
    *("side", "unit", "measure", "limits", "named_limits", "count", "first", "last"),
    *("certainty", "statements", "on_side", "no", "finding"),
    *("against", "before", "now", "place", "repeatability"),
    *("item_number", "present_count", "known_count", "films_count"),
    *("unread_count", "parts_count", "mark_score"),
}


@pytest.fixture
def kb(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Path]:
    """A folder that stands in for ``kb/``; nothing that is read from it stays cached."""

    def forget() -> None:
        for name in CACHED:
            getattr(knowledge, name).cache_clear()

    monkeypatch.setattr(files.resources, "files", lambda _: tmp_path)
    forget()
    yield tmp_path
    forget()


def test_every_file_loads() -> None:
    names = {path.stem for path in (ROOT / "kb").glob("*.toml")}
    assert names == {
        *("models", "protocol", "thresholds", "vocabulary", "words", "dictation", "zero_shot"),
        *("structures", "measurements", "cxreasonbench", "questions"),
        *("certainty", "conflicts", "coverage", "critical_findings", "report_lexicon"),
        *("descriptors", "descriptor_reference", "scene_graph", "guidelines", "failures"),
        *("regions", "dicom_codes", "confidentiality_profile", "deidentification"),
        *("paraphrases", "film_sets"),
    }
    for name in names:
        assert knowledge.load(name)
    assert knowledge.vocabulary()
    assert knowledge.reasons()
    assert knowledge.sentences()
    assert knowledge.plain_words()
    assert load_protocol().step


def test_every_threshold_has_a_source_and_is_used() -> None:
    used = {
        node.args[0].value
        for path in [*(ROOT / "tools").glob("*.py"), *(ROOT / "cxr_agent").rglob("*.py")]
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id == "threshold"
        and isinstance(node.args[0], ast.Constant)
    }
    for one in knowledge.measurements().values():
        for condition in one.condition:
            used |= {condition.at_least, condition.at_most, condition.below}
        for comparison in one.decision.when if one.decision else ():
            used |= {*comparison.limits, comparison.fails_from}
            used |= {comparison.fails_below, comparison.fails_at_most}
    # By the code of what is compared.
    used |= {f"repeat_{code}" for code in knowledge.vocabulary()} & knowledge.shipped().keys()
    names = set(knowledge.load("thresholds"))
    assert used - {""} == names
    for name in names:
        assert len(knowledge.threshold(name).source) > 10


def test_every_guideline_is_one_statement_with_a_dated_source() -> None:
    texts = [one.text for one in knowledge.guidelines().values()]
    assert len(set(texts)) == len(texts)
    for name, one in knowledge.guidelines().items():
        assert one.text[0].isupper(), name
        assert not one.text.endswith("."), name
        assert re.search(r"\b(19|20)\d\d\b", one.source) or one.source.startswith("ACR"), name


def test_sentences_are_about_terms_and_use_known_fields() -> None:
    for code, wording in knowledge.sentences().items():
        if code in ("compose", "any_finding", "any_measurement", "any_descriptor"):
            continue
        assert code in knowledge.vocabulary() or code.startswith("changed_")
        for template in wording.variants.values():
            fields = {name for _, name, _, _ in string.Formatter().parse(template) if name}
            assert fields <= FIELDS, template
            assert template[0].isupper() or template[0] == "{"
            assert template.endswith(".")


def test_terms_have_a_kind_a_section_and_words_in_lower_case() -> None:
    kinds = {kind.value for kind in EvidenceKind}
    sections = {heading.value for heading in Heading} | {"Technique", "Comparison"}
    for code, term in knowledge.vocabulary().items():
        assert term.kind in kinds, code
        assert term.section in sections, code
        if term.kind != "region":  # "T1" is part of a name
            assert all(word == word.lower().strip() and word for word in term.words), code
        assert term.words or term.kind not in ("finding", "measurement"), code


def test_no_word_of_a_finding_is_a_plain_word() -> None:
    words = {
        word
        for term in knowledge.vocabulary().values()
        if term.kind == "finding"
        for word in term.words
    }
    assert words & knowledge.plain_words() == set()


def test_every_reason_that_the_program_gives_has_words() -> None:
    known = knowledge.reasons()
    assert {notice.value for notice in Notice} <= set(known)
    assert set(knowledge.coverage()) <= set(known)
    for code in (
        *("tool_failed", "tool_timeout", "tool_memory", "tool_contract", "model_error"),
        *("bad_arguments", "unknown_tool", "repeated_call", "budget_steps", "budget_seconds"),
    ):
        assert code in known
    for text in known.values():
        assert text == text.strip()
        assert not text.endswith(".")


def test_every_code_in_the_tools_is_defined() -> None:
    """Each string that a tool gives as code, reason or subject stands in ``kb/``."""
    known = {
        *knowledge.vocabulary(),
        *knowledge.reasons(),
        *(v for wording in knowledge.sentences().values() for v in wording.variants),
        "classified",  # the category behind `<polarity>_classified`
    }
    for path in (ROOT / "tools").glob("[a-z]*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if not isinstance(node, ast.Call):
                continue
            for text in _codes(node):
                assert text in known, f"{path.name}: {text}"
    for spec in registry.known():
        assert spec.subject in knowledge.vocabulary()
        assert set(spec.provides) <= set(knowledge.vocabulary())


def _codes(call: ast.Call) -> Iterator[str]:
    name = call.func.id if isinstance(call.func, ast.Name) else ""
    if name in ("Abstain", "_limitation", "_quality"):
        yield from (a.value for a in call.args if isinstance(a, ast.Constant))
    if name in ("Observation", "_quality"):
        for keyword in call.keywords:
            if keyword.arg in ("code", "category", "reasons"):
                yield from (
                    node.value
                    for node in ast.walk(keyword.value)
                    if isinstance(node, ast.Constant) and isinstance(node.value, str)
                )


def test_an_unknown_threshold_is_an_error() -> None:
    with pytest.raises(ConfigError) as caught:
        knowledge.threshold("courage")
    assert caught.value.code == "unknown_threshold"


@pytest.mark.parametrize("content", [None, b"= broken", b"a = 1\na = 2", b"x = '\xff'"])
@pytest.mark.parametrize("name", ["thresholds", "vocabulary", "reasons", "sentences", "words"])
def test_what_is_no_toml_is_a_configuration_error(
    kb: Path, name: str, content: bytes | None
) -> None:
    if content is not None:
        (kb / f"{name}.toml").write_bytes(content)
    with pytest.raises(ConfigError) as caught:
        knowledge.load(name)
    assert caught.value.code == "bad_definition"
    assert f"kb/{name}.toml" in caught.value.message


@pytest.mark.parametrize(
    ("name", "read", "content"),
    [
        ("thresholds", lambda: knowledge.threshold("a"), "[a]\nvalue = 1"),
        ("thresholds", lambda: knowledge.threshold("a"), "[a]\nvalue = 1\nsource = ''"),
        ("thresholds", lambda: knowledge.threshold("a"), "[a]\nvalue = 'high'\nsource = 's'"),
        ("thresholds", lambda: knowledge.threshold("a"), "a = 1"),
        ("vocabulary", knowledge.vocabulary, "[a]\nname = 'x'"),
        ("vocabulary", knowledge.vocabulary, "[a]\nname = 'x'\nkind = 'y'\ncolour = 'z'"),
        ("reasons", knowledge.reasons, "a = 1"),
        ("sentences", knowledge.sentences, "a = 'text'"),
        ("sentences", knowledge.sentences, "[a]\ndefault = 1"),
        ("sentences", knowledge.sentences, "[a]\ndecimals = -1"),
        ("words", knowledge.plain_words, "a = ['x']"),
        ("guidelines", knowledge.guidelines, "a = 'text'"),
        ("guidelines", knowledge.guidelines, "[a]\ntext = 'x'"),
        ("guidelines", knowledge.guidelines, "[a]\ntext = 'x'\nsource = ''"),
    ],
)
def test_a_malformed_entry_is_a_configuration_error(
    kb: Path, name: str, read: Any, content: str
) -> None:
    (kb / f"{name}.toml").write_text(content)
    with pytest.raises(ConfigError) as caught:
        read()
    assert caught.value.code == "bad_definition"
