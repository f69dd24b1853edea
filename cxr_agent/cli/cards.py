"""Model cards and catalogue entries as text."""

from __future__ import annotations

import shutil
import textwrap
from collections.abc import Iterable, Iterator
from typing import Any, Final

from pydantic import BaseModel

from cxr_agent.models.card import Figure, ModelCard
from cxr_agent.models.catalogue import Upgrade, folder_of
from cxr_agent.models.embedded import Embedded
from cxr_agent.models.manifest import CheckedFile, Manifest

_WIDEST: Final = 100
_COLUMN: Final = 14
_WITNESSES: Final = {
    "catalogue": "as the catalogue states it",
    "hub": "as the hub stated it",
    "folder": "as the folder it came from stated it",
    None: "recorded at the pull",
}
_FIRST: Final = ("task", "intended_use", "not_for", "known_limits", "figures")
"""What a reader must see before the rest; what a card has beyond this follows in its own order."""
_ABOVE: Final = ("id", "name", "version", "parameters")
_FILES: Final = ("weights_file", "weights_sha256", "safetensors_file", "safetensors_sha256")


def card_text(model: Embedded, card: ModelCard) -> str:
    """The whole card of an embedded model."""
    lines = [
        f"{card.name} {card.version} ({card.id})",
        f"{parameters(card.parameters)}, {megabytes(model.size)}, ships with the package",
    ]
    rest = [name for name in type(card).model_fields if name not in (*_ABOVE, *_FIRST, *_FILES)]
    for name in (*_FIRST, *rest):
        value = getattr(card, name)
        if value not in (None, (), ""):
            lines += ["", _title(name), *_value(value)]
    lines += ["", "Files"]
    hashes = {
        card.weights_file: card.weights_sha256,
        card.safetensors_file: card.safetensors_sha256,
    }
    lines += [f"  {one.name}  {one.state}  SHA-256 {hashes[one.name]}" for one in model.files]
    return "\n".join(lines)


def upgrade_text(upgrade: Upgrade, found: Manifest | None) -> str:
    """An entry of the catalogue, and what lies on this machine."""
    return "\n".join([*_terms(upgrade), "", *_installed(upgrade, found)])


def offer_text(upgrade: Upgrade) -> str:
    """What a user must know before a model is fetched."""
    return "\n".join([*_terms(upgrade), *_pair("goes to", str(folder_of(upgrade.id)))])


def _terms(upgrade: Upgrade) -> Iterator[str]:
    yield f"{upgrade.name} ({upgrade.id})"
    yield from _pair("for", upgrade.purpose)
    yield from _pair("licence", f"{upgrade.licence}; see {upgrade.licence_url}")
    yield from _pair("source", upgrade.page)
    if upgrade.on_hub:
        state = "a commit" if upgrade.pinned else "not pinned: it may change between two pulls"
        yield from _pair("revision", f"{upgrade.revision} ({state})")
    yield from _pair("size", stated_size(upgrade) or "not stated by its page")
    yield from _pair("files", ", ".join((*upgrade.files, *upgrade.optional)))
    yield from _pair("checked", _checked(upgrade))
    if upgrade.gated:
        yield from _pair(
            "consent", f"the source asks for it first: accept its conditions at {upgrade.page}"
        )
    if upgrade.trust_remote_code:
        yield from _pair("code", "comes with Python code of its own, which a pull does not run")
    yield from _pair("needs", ", ".join(upgrade.needs))
    yield from _pair("adapter", upgrade.family)
    yield from _pair("cite", upgrade.citation)
    yield from _pair("note", upgrade.note)


def _checked(upgrade: Upgrade) -> str:
    known = [name for name in upgrade.files if name in upgrade.sha256]
    first = "their SHA-256 is recorded at the first pull and compared from then on"
    if not known:
        return f"no hash is known beforehand; {first}"
    if len(known) == len(upgrade.files):
        return "the SHA-256 of every file is known beforehand"
    return f"{', '.join(known)} by a SHA-256 known beforehand; the others: {first}"


def _installed(upgrade: Upgrade, found: Manifest | None) -> Iterator[str]:
    if found is None:
        yield f"Not installed. `cxr-agent models pull {upgrade.id}` installs it."
        return
    yield f"Installed at {folder_of(upgrade.id)}"
    yield from _pair("pulled", f"{found.pulled_at} from the {found.pulled_from}")
    yield from _pair("revision", found.revision)
    for one in found.files:
        yield f"  {one.name}  {one.size} bytes"
        yield f"    SHA-256 {one.sha256}, {_WITNESSES[one.checked_against]}"


def checked_lines(model: str, files: Iterable[CheckedFile]) -> list[str]:
    """One line per model that is sound, else one per file that is not."""
    files = list(files)
    bad = [f"{model}: {one.state}: {one.name}" for one in files if one.state != "ok"]
    return bad or [f"{model}: ok, {file_count(len(files))}"]


def parameters(count: int) -> str:
    """A number of parameters in words."""
    return f"{count / 1e6:.1f} million parameters"


def megabytes(size: int) -> str:
    """A number of bytes in MB of 10^6."""
    return f"{size / 1e6:.1f} MB"


def stated_size(upgrade: Upgrade) -> str:
    """Size by the catalogue, which does not know all of them; empty where it does not."""
    return f"{upgrade.size_mb:g} MB" if upgrade.size_mb is not None else ""


def file_count(count: int) -> str:
    """A number of files in words."""
    return f"{count} file{'s' if count != 1 else ''}"


def _value(value: Any) -> Iterator[str]:
    if isinstance(value, tuple) and value and isinstance(value[0], Figure):
        yield from _figures(value)
    elif isinstance(value, tuple | list):
        for one in value:
            yield from _wrapped(str(one), "  - ")
    elif isinstance(value, BaseModel):
        for name in type(value).model_fields:
            yield from _wrapped(f"{_title(name).lower()}: {getattr(value, name)}", "  ")
    elif isinstance(value, dict):
        for name, one in value.items():
            yield from _wrapped(f"{name}: {one}", "  ")
    else:
        yield from _wrapped(str(value), "  ")


def _figures(figures: tuple[Figure, ...]) -> Iterator[str]:
    """Results under the films that they are from; intervals are 95 % by bootstrap over films."""
    yield "  (in brackets: 95 % interval by bootstrap over films)"
    data = ""
    for figure in figures:
        if figure.data != data:
            data = figure.data
            yield from _wrapped(data, "  ")
        what = f"{figure.metric} {figure.structure}".strip().replace("_", " ")
        yield from _wrapped(f"{figure.written}  {what}, {figure.films} films", "    ")


def _pair(label: str, value: str) -> Iterator[str]:
    if value:
        yield from _wrapped(value, f"  {label:<{_COLUMN - 2}}", " " * _COLUMN)


def _wrapped(text: str, first: str, later: str | None = None) -> list[str]:
    width = min(_WIDEST, shutil.get_terminal_size().columns)
    return textwrap.wrap(
        text,
        width,
        initial_indent=first,
        subsequent_indent=later if later is not None else " " * len(first),
        break_long_words=False,
        break_on_hyphens=False,
    )


def _title(name: str) -> str:
    return name.replace("_", " ").capitalize()
