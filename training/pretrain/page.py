"""Write docs/models/pretraining.md from benefit.json: no figure is typed by hand.

python -m training.pretrain.page
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

from training.pretrain.benefit import RESULTS
from training.pretrain.paired import DRAWS

PAGE: Final = Path("docs/models/pretraining.md")
_HEAD: Final = """\
# What pretraining without labels is worth

Findings classifier and embedding start from an encoder that was pretrained without labels, by
contrast, layout and appearance (training/pretrain; in the spirit of CheXWorld, Yue et al., 2025).
This page sets the same training with that start and with a random start side by side.

Made from training/pretrain/benefit.json by `python -m training.pretrain.page`; do not edit.

**These are not the shipped weights.** Both ways are short trainings on one core, made for this
comparison, and weaker than what ships; the figures of the shipped models are on their cards."""
_READING: Final = """\
## How to read it

* The difference is pretrained less random, on the same test films; its interval is 95 % by
  resampling the test patients, {draws} times, the same patients for both ways. Seeds are averaged;
  the last column shows each. So few seeds give no interval of their own: how much training itself
  varies is seen in that column alone.
* The number of steps is the same in both ways, so the pretraining's own time is left out. A random
  start that is trained for longer comes nearer; how near, this page {longer}.
* Pretraining saw no test patient, with or without labels. It saw the training films without their
  labels, all of them also where only a few are labelled: this is what it is for.
* Labels are ChestX-ray14's, mined from reports; rare findings have few test cases:
  {positives}.
* Neighbours of a test film are sought among the test films of other patients. The set of films is
  another than that of the card, so these values are not to be held against the card's."""


def to_markdown(results: dict[str, Any]) -> str:
    """The whole page."""
    positives = results["test"]["positives"]
    longer = any(row["against"] != "random" for row in results["compared"])
    reading = _READING.format(
        draws=DRAWS,
        longer="shows in the last rows" if longer else "does not tell",
        positives=", ".join(f"{code.replace('_', ' ')} {n}" for code, n in positives.items()),
    )
    lines = [_HEAD, "", "## What was done", "", *_done(results), "", "## Result", ""]
    lines += [
        "| patients with labels | against | metric | test films | pretrained | other | difference "
        "| each seed |",
        "|---|---|---|---|---|---|---|---|",
        *(_row(row) for row in results["compared"]),
        "",
        *(f"* {verdict(row)}" for row in results["compared"]),
        "",
        reading,
    ]
    return "\n".join(lines) + "\n"


def verdict(row: dict[str, Any]) -> str:
    """What one difference says, in a sentence."""
    low, high = row["interval"]
    size = f"{row['difference']:+.3f} [{low:+.3f}, {high:+.3f}]"
    if low > 0:
        word = "pretraining helps"
    elif high < 0:
        word = "pretraining harms"
    else:
        word = "not decided, zero lies within"
    return f"{row['metric']}, {_labels(row)}, against a {row['against']} start: {word}, {size}."


def _done(results: dict[str, Any]) -> list[str]:
    made, plan, test = results["pretraining"], results["plan"], results["test"]
    sources = ", ".join(f"{source} {count}" for source, count in made["sources"].items())
    return [
        f"* Pretraining: {made['steps']} steps on {made['films']} films without labels "
        f"({sources}), test patients left out; {made['cpu_s'] / 60:.0f} minutes of one core. The "
        "shipped encoder had more steps and more films (see the cards).",
        f"* Findings classifier: {plan['steps']} steps of {plan['batch']} films at 128 px, "
        "ChestX-ray14 alone. Seed, films, their order and exposure are the same in both ways.",
        f"* Embedding: {plan['embedding_steps']} steps of {plan['embedding_batch']} films, from "
        "the encoder of that classifier, as the shipped one is made.",
        "* Few labels: a share of the training patients, drawn by the seed. With none, the "
        "encoders are compared as they are, through one random projection.",
        f"* Test: {test['films']} films of {test['patients']} test patients of ChestX-ray14.",
    ]


def _labels(row: dict[str, Any]) -> str:
    if not row["share"]:
        return "no labels"
    films = sum(row["trained_films"]) / len(row["trained_films"])
    return f"{100 * row['share']:g} % of the patients labelled ({films:.0f} films)"


def _row(row: dict[str, Any]) -> str:
    low, high = row["interval"]
    each = ", ".join(f"{gap:+.3f}" for gap in row["difference_by_seed"])
    return (
        f"| {_labels(row)} | {row['against']} | {row['metric']} | {row['tested_films']} "
        f"| {row['pretrained']:.3f} | {row['other']:.3f} "
        f"| {row['difference']:+.3f} [{low:+.3f}, {high:+.3f}] | {each} |"
    )


def main() -> None:
    PAGE.write_text(to_markdown(json.loads(RESULTS.read_text())), encoding="utf-8")


if __name__ == "__main__":
    main()
