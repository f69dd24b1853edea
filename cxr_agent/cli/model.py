"""Options that name a language model."""

from __future__ import annotations

from typing import Annotated

import typer

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
