"""A model card as a page: docs/models/<id>.md is written from the card and never by hand."""

from __future__ import annotations

from cxr_agent.models.card import Figure, ModelCard


def to_markdown(card: ModelCard) -> str:
    """The whole card."""
    lines = [
        f"# {card.name} {card.version}",
        "",
        f"`{card.id}`: {card.task}. {card.parameters / 1e6:.1f} million parameters, input "
        f"{card.input_size} px.",
        "",
        "Made from the card that ships with the weights; do not edit.",
        "",
        *_list("For", (card.intended_use,)),
        *_list("Not for", card.not_for),
        *_list("Known limits", card.known_limits),
        "## Figures",
        "",
        "Intervals in brackets are 95 % by bootstrap over films.",
        "",
        "| data | films | metric | structure | value |",
        "|---|---|---|---|---|",
        *(_row(figure) for figure in card.figures),
        "",
    ]
    if card.calibrations:
        lines += [
            "## Intervals of what is measured on its outlines",
            "",
            "`half width = factor * sqrt(floor^2 + spread^2)`; `spread` is the root mean square by "
            "which the value moves when the film is outlined again on altered copies.",
            "",
            "| value | floor | factor | level | films |",
            "|---|---|---|---|---|",
            *(
                f"| {code.replace('_', ' ')} | {one.floor:g} | {one.factor:g} "
                f"| {100 * one.level:.0f} % | {one.films} |"
                for code, one in card.calibrations.items()
            ),
            "",
        ]
    lines += _list("Training data", card.training_data)
    if any(line.startswith("pretrained without labels") for line in card.training_data):
        lines[-1:] = ["* what the pretraining is worth: [pretraining.md](pretraining.md)", ""]
    lines += [
        *_list("Split", (card.split,)),
        *_list("Input and output", (card.input, card.output)),
        *_list("Licence of the weights", (card.weights_licence,)),
        *_list("Cite", card.citations),
    ]
    return "\n".join(lines).rstrip() + "\n"


def _list(title: str, items: tuple[str, ...]) -> list[str]:
    return [f"## {title}", "", *(f"* {item}" for item in items), ""]


def _row(figure: Figure) -> str:
    structure = figure.structure.replace("_", " ")
    return f"| {figure.data} | {figure.films} | {figure.metric} | {structure} | {figure.written} |"
