"""``cxr-agent models``: what can be loaded, and how to get more of it."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cxr_agent.errors import EXIT_OK, ModelError, UsageError

if TYPE_CHECKING:
    from cxr_agent.models.catalogue import Upgrade
    from cxr_agent.models.download import Progress
    from cxr_agent.models.manifest import CheckedFile

app = typer.Typer(
    help="Models: those that ship with the package, and pretrained ones that can be pulled.",
    no_args_is_help=True,
)

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Id = Annotated[str, typer.Argument(metavar="ID", help="As `models list` shows it.")]


@app.command("list")
def list_models(as_json: AsJson = False) -> None:
    """List embedded models with their state, and upgrades that are or can be installed."""
    from cxr_agent.cli.cards import megabytes, parameters, stated_size
    from cxr_agent.models import embedded
    from cxr_agent.models.catalogue import folder_of, upgrades

    own = [embedded.examine(model) for model in embedded.ids()]
    others = [(upgrade, _state(upgrade)) for upgrade in upgrades().values()]
    if as_json:
        records = {
            "embedded": [
                {
                    "id": model.id,
                    "state": "ok" if model.sound else "damaged",
                    "version": model.card.version if model.card else None,
                    "task": model.card.task if model.card else None,
                    "parameters": model.card.parameters if model.card else None,
                    "bytes": model.size,
                    "licence": model.card.weights_licence if model.card else None,
                }
                for model in own
            ],
            "upgrades": [
                upgrade.model_dump(mode="json", exclude={"sha256", "note"})
                | {
                    "pinned": upgrade.pinned,
                    "state": state,
                    "folder": str(folder_of(upgrade.id)) if state != "not installed" else None,
                }
                for upgrade, state in others
            ],
        }
        print(json.dumps(records, indent=2, ensure_ascii=False))
        return
    print("Embedded: these ship with the package")
    for model in own:
        print(f"  {model.id:<32} {'ok' if model.sound else 'damaged'}")
        if model.card is not None:
            card = model.card
            print(f"    {card.version}, {parameters(card.parameters)}, {megabytes(model.size)}")
            print(f"    {card.task}")
    print("\nUpgrades: `models show ID` tells more, `models pull ID` installs")
    for upgrade, state in others:
        print(f"  {upgrade.id:<32} {state}")
        print(f"    {stated_size(upgrade) or 'size not stated'}; {upgrade.licence}")
        print(f"    {upgrade.purpose}")


@app.command()
def show(model: Id, as_json: AsJson = False) -> None:
    """Show a card: data, split, figures, limits, licence; or where an upgrade is from."""
    from cxr_agent.cli.cards import card_text, upgrade_text
    from cxr_agent.models import embedded
    from cxr_agent.models.catalogue import folder_of, installed
    from cxr_agent.models.store import load_card

    upgrade = _upgrade_or_own(model)
    if upgrade is None:
        card = load_card(model)
        found = embedded.examine(model)
        if as_json:
            files = [_file_record(one) for one in found.files]
            print(json.dumps(card.model_dump(mode="json") | {"files": files}, indent=2))
        else:
            print(card_text(found, card))
        return
    pulled = installed(model)
    if as_json:
        record = upgrade.model_dump(mode="json") | {
            "pinned": upgrade.pinned,
            "folder": str(folder_of(model)) if pulled is not None else None,
            "installed": pulled.model_dump(mode="json") if pulled is not None else None,
        }
        print(json.dumps(record, indent=2, ensure_ascii=False))
    else:
        print(upgrade_text(upgrade, pulled))


@app.command()
def pull(
    model: Id,
    yes: Annotated[bool, typer.Option("--yes", help="Accept the licence without a question.")] = (
        False
    ),
    from_folder: Annotated[
        Path | None,
        typer.Option("--from", metavar="DIR", help="Install from a folder; no network is used."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Install an upgrade: shows licence, source and size, asks, fetches, checks every hash.

    It goes to CXR_AGENT_MODELS, else to the user's cache. An interrupted pull is continued by
    the next one; an installed model is only checked.
    """
    from cxr_agent.cli.cards import file_count, offer_text
    from cxr_agent.cli.output import shown_name
    from cxr_agent.models.catalogue import folder_of
    from cxr_agent.models.pull import intact
    from cxr_agent.models.pull import pull as install

    upgrade = _upgrade_or_own(model)
    if upgrade is None:
        raise UsageError(
            "embedded_model",
            f"{model} ships with the package",
            hint=f"`cxr-agent models verify {model}` checks its weights.",
        )
    known = intact(upgrade)
    if known is None:
        print(offer_text(upgrade), file=sys.stderr if as_json else sys.stdout)
        if from_folder is not None:
            print(f"Installing from {shown_name(from_folder)}", file=sys.stderr)
        if not yes:
            _ask()
    made = known or install(upgrade, from_folder=from_folder, progress=_progress())
    if as_json:
        record = made.model_dump(mode="json") | {
            "folder": str(folder_of(model)),
            "fetched": known is None,
        }
        print(json.dumps(record, indent=2, ensure_ascii=False))
        return
    count, place = file_count(len(made.files)), shown_name(folder_of(model))
    if known is not None:
        print(f"{model} is installed already: {count}, all as in its manifest ({place})")
        return
    recorded = sum(one.checked_against is None for one in made.files)
    print(f"Installed {model}: {count} at {place}")
    if recorded:
        print(
            f"No SHA-256 was known beforehand for {file_count(recorded)}: it was recorded now, and "
            "later checks compare with it."
        )


@app.command()
def verify(
    models: Annotated[
        list[str] | None,
        typer.Argument(metavar="[ID]...", help="Default: all that are on this machine."),
    ] = None,
    as_json: AsJson = False,
) -> int:
    """Hash every file of embedded and pulled models and compare. Exit status 6 when damaged."""
    from cxr_agent.cli.cards import checked_lines
    from cxr_agent.models import embedded
    from cxr_agent.models.catalogue import folder_of, upgrades

    if not models:
        pulled = [model for model in upgrades() if folder_of(model).exists()]
        models = [*embedded.ids(), *pulled]
    sound, records = True, []
    for model in models:
        files = _check(model)
        good = all(one.state == "ok" for one in files)
        sound &= good
        records.append(
            {
                "id": model,
                "state": "ok" if good else "damaged",
                "files": [_file_record(one) for one in files],
            }
        )
        if not as_json:
            print("\n".join(checked_lines(model, files)))
    if as_json:
        print(json.dumps(records, indent=2, ensure_ascii=False))
    return EXIT_OK if sound else ModelError.exit_status


def _check(model: str) -> Iterable[CheckedFile]:
    from cxr_agent.models import embedded, manifest
    from cxr_agent.models.catalogue import folder_of, installed
    from cxr_agent.models.manifest import CheckedFile

    if _upgrade_or_own(model) is None:
        return embedded.examine(model).files
    try:
        found = installed(model)
    except ModelError:
        return [CheckedFile(manifest.MANIFEST, "damaged")]
    if found is None:
        if folder_of(model).exists():
            return [CheckedFile(manifest.MANIFEST, "missing")]
        raise ModelError(
            "not_pulled",
            f"{model} is not installed",
            hint=f"Run `cxr-agent models pull {model}`.",
        )
    return manifest.check(folder_of(model), found)


def _upgrade_or_own(model: str) -> Upgrade | None:
    """The catalogue's entry, or None for a model that ships with the package.

    Raises
    ------
    UsageError
        ``unknown_model``.
    """
    from difflib import get_close_matches

    from cxr_agent.models import embedded
    from cxr_agent.models.catalogue import upgrades

    own = embedded.ids()
    if model in own:
        return None
    entries = upgrades()
    if model in entries:
        return entries[model]
    near = get_close_matches(model, [*own, *entries])
    raise UsageError(
        "unknown_model",
        f"there is no model named {model}",
        hint=(f"Did you mean {near[0]}? " if near else "") + "`cxr-agent models list` shows all.",
    )


def _state(upgrade: Upgrade) -> str:
    """By names and sizes; ``verify`` also hashes."""
    from cxr_agent.models.catalogue import resolve

    try:
        resolve(upgrade.id)
    except ModelError as error:
        return "not installed" if error.code == "not_pulled" else "damaged"
    return "installed"


def _ask() -> None:
    if not sys.stdin.isatty():
        raise UsageError(
            "consent_needed",
            "there is no terminal to ask whether you accept the licence; nothing was fetched",
            hint="Read it, then add --yes.",
        )
    if not typer.confirm("Do you accept the licence and want to install it?", err=True):
        raise UsageError("not_accepted", "nothing was fetched", hint="")


def _progress() -> Progress:
    """A line that is written over on a terminal; silence elsewhere."""
    if not sys.stderr.isatty():
        return lambda *_: None

    def tell(name: str, done: int, total: int | None) -> None:
        of = f" of {total / 1e6:.1f}" if total is not None else ""
        end = "\n" if done == total else ""
        print(f"\r{name[-60:]}: {done / 1e6:.1f}{of} MB", end=end, file=sys.stderr, flush=True)

    return tell


def _file_record(one: CheckedFile) -> dict[str, Any]:
    return {"name": one.name, "state": one.state}
