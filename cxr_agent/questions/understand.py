"""From a reader's words to a question, by the rules of ``kb/questions.toml``."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from cxr_agent.evidence import Side
from cxr_agent.knowledge import question_lexicon, vocabulary
from cxr_agent.questions.lexicon import MOST_CHARACTERS, Found, find, has, normalised
from cxr_agent.questions.question import Intent, Question

_TAG: Final = re.compile(r"(?<![\w-])([es]\d{1,4})(?![\w-])", re.IGNORECASE)
_OPEN: Final = (Intent.SIMILAR, Intent.SUMMARY)
"""Intents that are about the film as a whole."""
_RIGHT: Final = frozenset(("right", "rt", "r", "rll", "rul", "rml"))
_LEFT: Final = frozenset(("left", "lt", "l", "lll", "lul"))
_BOTH: Final = re.compile(
    r"\bboth (?:lung|side|angle|cp|costophrenic|base|apice|apex|diaphragm|hemidiaphragm|clavicle"
    r"|dome|hemithorax|hila|hilum)\b"
)
_EVERYTHING: Final = re.compile(r"\bmeasur(?:e|ement|ing)\b")
"""Asks for all that is measured, where nothing is named."""
_IGNORED: Final = "ignored"
_WITHOUT_SIDE: Final = ("lung_area_ratio", "diaphragm_height_difference")
"""What compares both sides has none of its own."""


def understand(text: str, before: Question | None = None) -> Question:
    """What a reader wants to know.

    Parameters
    ----------
    text
        Anything at all; it is looked through for phrases and never obeyed.
    before
        The question before it, for "why?" or "and on the left?".
    """
    plain = normalised(text)
    tags = tuple(dict.fromkeys(tag.lower() for tag in _TAG.findall(text[:MOST_CHARACTERS])))
    side = _side(plain)
    hits = _named(plain)
    elsewhere = _elsewhere(plain, hits)
    intent = _intent(plain, hits, tags=tags, after=before is not None)
    subjects = tags or _subjects(intent, hits)
    if not subjects and not elsewhere and before is not None and _goes_on(plain, intent, side):
        intent = before.intent if intent is Intent.UNKNOWN else intent
        side = side or before.side
        subjects = _as_asked(intent, before.subjects)
    if intent is Intent.QUALITY or (subjects and set(subjects) <= set(_WITHOUT_SIDE)):
        side = None
    return Question(intent, subjects, side, elsewhere)


def asked_in(indication: str) -> Question:
    """What an indication asks for: the findings and devices that it names.

    Symptoms name nothing. What is named in passing ("known emphysema") is asked for too: telling
    too much is the smaller mistake.
    """
    plain = normalised(indication)
    lexicon = question_lexicon()
    several = find(plain, {name: (name,) for name in lexicon.abbreviations})
    hits = [
        hit
        for hit in _named(plain)
        if not any(other.start <= hit.start < other.end for other in several)
    ]
    kinds = {code: _kind(code) for code in lexicon.phrases}
    named: list[tuple[int, str]] = [
        (hit.start, code) for hit in several for code in lexicon.abbreviations[hit.code]
    ]
    named += [(hit.start, hit.code) for hit in hits if kinds[hit.code] == "finding"]
    if not named:
        named = [(hit.start, hit.code) for hit in hits if kinds[hit.code] == "measurement"]
        if named:
            return Question(Intent.SIZE, _ordered(named), _side(plain))
    elsewhere = _elsewhere(plain, [*hits, *several])
    if not named and not elsewhere:
        return Question(Intent.UNKNOWN)
    return Question(Intent.PRESENCE, _ordered(named), _side(plain), elsewhere)


def _named(plain: str) -> list[Found]:
    """What is named, without what is named in passing where something else is."""
    lexicon = question_lexicon()
    found = find(plain, {**lexicon.phrases, _IGNORED: lexicon.ignored})
    hits = [hit for hit in found if hit.code != _IGNORED]
    passing = {hit.end + 1 for hit in find(plain, {"": lexicon.passing})}
    meant = [hit for hit in hits if hit.start not in passing]
    return meant or hits


def _intent(plain: str, hits: Sequence[Found], *, tags: tuple[str, ...], after: bool) -> Intent:
    kinds = {_kind(hit.code) for hit in hits}
    cued = [
        Intent(one.name)
        for one in question_lexicon().intent
        if has(_without(plain, hits), one.cues)
    ]
    if tags:
        return Intent.SHOW if Intent.SHOW in cued and Intent.WHY not in cued else Intent.WHY
    for intent in cued:
        if intent is Intent.PRESENCE and "finding" not in kinds:
            continue
        open_ended = bool(_EVERYTHING.search(plain)) or (after and not hits)
        if intent is Intent.SIZE and not _subjects(intent, hits) and not open_ended:
            continue
        if intent is Intent.SUMMARY and kinds & {"finding", "quality", "measurement"}:
            continue
        return intent
    if "finding" in kinds:
        return Intent.PRESENCE
    if "measurement" in kinds:
        return Intent.SIZE
    if "quality" in kinds:
        return Intent.QUALITY
    if _elsewhere(plain, hits) or any(hit.code in question_lexicon().found_by for hit in hits):
        return Intent.PRESENCE
    return Intent.UNKNOWN


def _without(plain: str, hits: Sequence[Found]) -> str:
    """The text with named findings and qualities blotted out: a word of theirs is no cue.

    What a phrase of a measurement opens with ("how wide is the ...") stays one, and so does the
    "outline" of a structure.
    """
    for hit in hits:
        if _kind(hit.code) in ("finding", "quality"):
            plain = plain[: hit.start] + "_" * (hit.end - hit.start) + plain[hit.end :]
    return plain


def _subjects(intent: Intent, hits: Sequence[Found]) -> tuple[str, ...]:
    """Of what was named, that which the intent can be about."""
    if intent in _OPEN or intent is Intent.UNKNOWN:
        return ()
    paired = question_lexicon().paired
    codes = list(dict.fromkeys(code for hit in hits for code in paired.get(hit.code, (hit.code,))))
    kinds = {code: _kind(code) for code in codes}
    match intent:
        case Intent.PRESENCE:
            found = question_lexicon().found_by
            named = tuple(code for code in codes if kinds[code] == "finding")
            return named or tuple(dict.fromkeys(found[c] for c in codes if c in found))
        case Intent.QUALITY:
            return tuple(code for code in codes if kinds[code] == "quality")
        case Intent.SIZE:
            measured = question_lexicon().measured_by
            wanted = [code for code in codes if kinds[code] == "measurement"]
            wanted = wanted or [measured[code] for code in codes if code in measured]
            return tuple(dict.fromkeys(wanted))
        case Intent.SHOW:
            return tuple(codes)
        case _:
            found = question_lexicon().found_by
            meant = [code for code in codes if kinds[code] in ("finding", "measurement")]
            meant = meant or [code for code in codes if kinds[code] == "quality"]
            return tuple(dict.fromkeys(meant or (found.get(code, code) for code in codes)))


def _as_asked(intent: Intent, subjects: tuple[str, ...]) -> tuple[str, ...]:
    """Subjects of the question before, as this one is about them."""
    if intent in _OPEN or intent is Intent.UNKNOWN:
        return ()
    if intent is Intent.SIZE:
        measured = question_lexicon().measured_by
        return tuple(dict.fromkeys(measured.get(code, code) for code in subjects))
    return subjects


def _goes_on(plain: str, intent: Intent, side: Side | None) -> bool:
    """Whether a question without a subject speaks of what the one before was about."""
    if intent in _OPEN:
        return False
    words = plain.split()
    follow = question_lexicon().follow_up
    opens = any(plain == one or plain.startswith(f"{one} ") for one in follow.openings)
    points = any(word in follow.pronouns for word in words)
    known = intent is not Intent.UNKNOWN
    return (known and (points or len(words) <= 4)) or (
        side is not None and (opens or len(words) <= 4)
    )


def _side(plain: str) -> Side | None:
    words = set(plain.replace("r o ", "").split())  # "r/o" rules something out
    right = bool(words & _RIGHT)
    left = bool(words & _LEFT)
    if words & {"bilateral", "bilaterally"} or (right and left) or _BOTH.search(plain):
        return Side.BILATERAL
    return Side.RIGHT if right else Side.LEFT if left else None


def _elsewhere(plain: str, hits: Sequence[Found]) -> tuple[str, ...]:
    """Findings known by name alone, where no other phrase holds their words."""
    found = find(plain, question_lexicon().other_findings)
    return tuple(
        dict.fromkeys(
            one.code
            for one in found
            if not any(
                hit.start <= one.start
                and one.end <= hit.end
                and hit.end - hit.start > one.end - one.start
                for hit in hits
            )
        )
    )


def _kind(code: str) -> str:
    term = vocabulary().get(code)
    return term.kind if term is not None else "region"


def _ordered(named: Sequence[tuple[int, str]]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(code for _, code in sorted(named, key=lambda one: one[0])))
