"""``cxr-agent structure``: a free-text report to sections, claims and codes."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from cxr_agent.cli.options import ApiBase
from cxr_agent.errors import EXIT_OK, UsageError

if TYPE_CHECKING:
    from cxr_agent.prose import Claim
    from cxr_agent.prose.structure import StructuredReport, StructuredSentence
    from cxr_agent.structuring import ToldReport


_SAID: Final = {"measurement": "measured"}


def structure(
    report: Annotated[
        Path, typer.Argument(metavar="REPORT", help="A text file; - reads standard input.")
    ],
    model: Annotated[
        str | None,
        typer.Option(
            metavar="PROVIDER/NAME",
            help="Let a language model do it, for reports in any language.",
        ),
    ] = None,
    api_base: ApiBase = None,
    send_text: Annotated[
        bool,
        typer.Option(
            "--send-text", help="The report may go, as it stands, to a model on another machine."
        ),
    ] = False,
    as_json: Annotated[
        bool,
        typer.Option(
            "--json", help="Print JSON: claims, codes, entities and relations, attributes."
        ),
    ] = False,
    lunguage: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Also write its findings as a table of Lunguage (CSV)."),
    ] = None,
    study: Annotated[
        str, typer.Option(metavar="NAME", help="What that table calls the study.")
    ] = "study",
) -> int:
    """Put a free-text report into a structured one; no sentence is lost.

    English by rule: the text stays on this machine. With --model any language, by a language model
    that answers in codes alone; one on another machine gets the text with --send-text only.
    """
    if model is not None:
        if lunguage is not None:
            raise UsageError("bad_option", "--lunguage is written by rule alone, without --model")
        return _by_model(report, model, api_base, send_text, as_json)
    from cxr_agent.cli.texts import read_text
    from cxr_agent.prose.structure import structure as structured

    found = structured(read_text(report))
    if lunguage is not None:
        _write_table(found, lunguage, study)
    if as_json:
        print(found.model_dump_json(indent=2))
    else:
        _print(found)
    return EXIT_OK


def _by_model(report: Path, name: str, api_base: str | None, send_text: bool, as_json: bool) -> int:
    from cxr_agent.cli.texts import read_text
    from cxr_agent.language import LanguageModel, configured_model
    from cxr_agent.structuring import structure_by_model

    settings = configured_model(name, api_base)
    if settings is None:
        raise UsageError("bad_model_name", "--model none is no model", hint="Leave it out.")
    if not (settings.local or send_text):
        raise UsageError(
            "text_not_sent",
            "the model is on another machine, and a report may name its patient",
            hint="Remove names and add --send-text, or run a model here and give --api-base.",
        )
    told = structure_by_model(read_text(report), LanguageModel(settings))
    if as_json:
        print(told.model_dump_json(indent=2))
    else:
        _print_told(told)
    return EXIT_OK


def _print_told(told: ToldReport) -> None:
    from cxr_agent.cli.output import shown_name
    from cxr_agent.prose.structure import SECTIONS

    for section in SECTIONS:
        for place, sentence in enumerate(told.of(section)):
            if place == 0:
                print(section.upper())
            under = f" ({sentence.heading})" if sentence.heading else ""
            print(f"  - {shown_name(' '.join(sentence.text.split()))} [{sentence.id}]{under}")
            for one in sentence.findings:
                parts = (one.polarity, one.side, one.severity, one.change)
                said = ", ".join(part.replace("_", " ") for part in parts if part is not None)
                print(f"      {one.code.replace('_', ' ')}: {said}")
    print(
        f"\n{len(told.sentences)} sentences, each exactly once; read by {told.model}, unverified."
    )


def _write_table(found: StructuredReport, path: Path, study: str) -> None:
    from cxr_agent.output import write_whole
    from cxr_agent.prose.lunguage import rows_of_report, written

    if not study:
        raise UsageError("bad_study", "--study is empty", hint="Give the study a name.")
    write_whole(path, written(rows_of_report(found, study)).encode())


def _print(found: StructuredReport) -> None:
    from cxr_agent.prose.structure import SECTIONS

    for section in SECTIONS:
        sentences = found.of(section)
        if not sentences:
            continue
        print(section.upper())
        if section == "findings":
            for heading, under in found.headed():
                print(f"  {heading}:")
                _print_sentences(under)
        else:
            _print_sentences(sentences)
        print()
    print(f"{len(found.sentences)} sentences, each exactly once; read by rule, for research only.")


def _print_sentences(sentences: tuple[StructuredSentence, ...]) -> None:
    from cxr_agent.cli.output import shown_name

    for sentence in sentences:
        print(f"  - {shown_name(' '.join(sentence.text.split()))} [{sentence.id}]")
        for claim in sentence.claims:
            print(f"      {_told(claim)}")


def _told(claim: Claim) -> str:
    from cxr_agent.prose.attributes import name_of

    said = claim.polarity.value if claim.kind == "finding" else claim.kind
    parts = [f"{name_of(claim)}: {_SAID.get(said, said)}"]
    if claim.level is not None:
        parts.append(claim.level.replace("_", " "))
    parts += [degree.value for degree in claim.severity]
    if claim.locations:
        parts += [place.value for place in claim.locations]
    elif claim.side is not None:
        parts.append(claim.side.value)
    if claim.change is not None:
        parts.append(claim.change.value.replace("_", " "))
    parts += [f"{one.value:.{one.decimals}f} {one.unit}".strip() for one in claim.quantities]
    return ", ".join(parts)
