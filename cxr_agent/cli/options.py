"""Options that several commands take."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

Films = Annotated[
    list[Path],
    typer.Argument(metavar="FILE...", help="DICOM, PNG or JPEG films.", show_default=False),
]
FilmsOrStudy = Annotated[
    list[str],
    typer.Argument(
        metavar="FILE...",
        help="DICOM, PNG or JPEG films, or https://host/dicom-web/studies/UID.",
        show_default=False,
    ),
]
Prior = Annotated[
    list[Path] | None,
    typer.Option(help="An earlier film of the same patient; may be repeated."),
]
PriorsFrom = Annotated[
    str | None,
    typer.Option(
        "--priors-from",
        metavar="FOLDER|URL",
        help="Where earlier films are looked for: a folder, or https://host/dicom-web, which is "
        "told the patient's id. One of each study, the five newest.",
    ),
]
Indication = Annotated[str, typer.Option(help="Why the film was taken; quoted.")]
Store = Annotated[
    Path | None,
    typer.Option(
        help="Folder of a store of films, to look for similar ones in. Default: CXR_AGENT_STORE."
    ),
]
Tools = Annotated[
    Path | None,
    typer.Option(
        "--tools",
        metavar="FOLDER",
        help="Folder whose Python files are tools, used beside the built-in ones. "
        "Default: CXR_AGENT_TOOLS.",
    ),
]
Outside = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        help="A mapping of tools of MCP servers (docs/mcp.md), used beside the built-in ones. "
        "Default: CXR_AGENT_OUTSIDE, else [outside] of the configuration.",
    ),
]
Traces = Annotated[
    Path | None,
    typer.Option(help="Where traces go. Default: CXR_AGENT_TRACES, else ./traces."),
]
Config = Annotated[
    Path | None,
    typer.Option(
        help="A TOML file with tables [thresholds], [model], [vlm], [budget], [outside]. Default: "
        "CXR_AGENT_CONFIG."
    ),
]
Model = Annotated[
    str | None,
    typer.Option(
        help="Language model that plans and words, as openai/gpt-4o or ollama/qwen3:4b; none for "
        "none. Default: CXR_AGENT_MODEL, else [model] of the configuration, else none."
    ),
]
ApiBase = Annotated[
    str | None,
    typer.Option(help="Address of an OpenAI-compatible server. Default: CXR_AGENT_API_BASE."),
]
SendImages = Annotated[
    bool,
    typer.Option(
        "--send-images",
        help="Show the films to a model that takes pictures: writing painted over, all but the "
        "chest blacked out. Without it no picture leaves.",
    ),
]
PrivacyMode = Annotated[
    str, typer.Option("--privacy", help="What the trace keeps of texts: full, masked or none.")
]
Language = Annotated[
    str,
    typer.Option(
        "--lang",
        help="Language of the report: en, de. Default: CXR_AGENT_LANG, else en.",
        envvar="CXR_AGENT_LANG",
        show_default=False,
    ),
]
