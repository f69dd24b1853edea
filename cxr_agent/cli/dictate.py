"""``cxr-agent dictate``: a dictated request in a closed form."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cxr_agent.errors import EXIT_OK, UsageError

if TYPE_CHECKING:
    from cxr_agent.questions.dictation import DictatedRequest


def dictate(
    text: Annotated[
        str, typer.Argument(metavar="TEXT", help="What is ordered; - reads standard input.")
    ] = "",
    speech: Annotated[
        Path | None, typer.Option(metavar="WAV", help="The same, spoken: up to ten minutes.")
    ] = None,
    model: Annotated[
        str, typer.Option(help="A pulled model of the family speech, or a folder.")
    ] = "whisper-base",
    device: Annotated[str, typer.Option(help="What runs it: cpu, cuda, cuda:N or auto.")] = "cpu",
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> int:
    """Put a dictated request for a chest film into a closed form, by rule.

    It tells what was ordered, why, which findings that asks about, and what has to be asked for.
    The words stay on this machine.
    """
    from cxr_agent.cli.texts import read_text
    from cxr_agent.questions.dictation import dictated

    if bool(text) == (speech is not None):
        raise UsageError(
            "nothing_said", "give a text or --speech, one of the two", hint="See --help."
        )
    if speech is not None:
        text = _heard(speech, model, device)
    elif text == "-":
        text = read_text(Path("-"))
    request = dictated(text)
    if as_json:
        print(request.model_dump_json(indent=2))
    else:
        _print(request, text if speech is not None else "")
    return EXIT_OK


def _heard(path: Path, model: str, device: str) -> str:
    from cxr_agent.models.adapters import load_adapter
    from cxr_agent.models.adapters.sources import resolve
    from cxr_agent.models.adapters.speech import read_wav

    sound = read_wav(path)
    transcriber = load_adapter("speech", resolve(model, fetch=False), device=device)
    words: str = transcriber.transcribe(sound)
    return words


def _print(request: DictatedRequest, heard: str) -> None:
    from cxr_agent.cli.output import shown_name

    if heard:
        print(f"heard        {shown_name(heard)}")
    told = {
        "examination": (request.examination or "").replace("_", " "),
        "views": ", ".join(request.views),
        "portable": "" if request.portable is None else "yes" if request.portable else "no",
        "priority": request.priority or "",
        "comparison": "wanted" if request.comparison else "",
        "indication": shown_name(request.indication),
        "asks about": ", ".join(
            code.replace("_", " ") for code in (*request.asked, *request.also_asked)
        ),
    }
    for name, value in told.items():
        print(f"{name:<12} {value or '-'}")
    for question in request.questions():
        print(f"ask: {question}")
