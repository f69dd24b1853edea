"""How far the graphs by rule agree with RadGraph-XL's: the figures of docs/report_metrics.md.

    python -m benchmarks.radgraph_agreement FOLDER

FOLDER holds ``chexbert_test_set.json`` and ``chexbert_test_set_radgraph_xl.json``, which are among
the tests of the package ``radgraph``; neither is ours to keep here. Each impression is compared
with the two others that share most words with it.
"""

from __future__ import annotations

import json
import statistics
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from scipy.stats import spearmanr

from cxr_agent.evaluation.texts.radgraph_f1 import radgraph_f1
from cxr_agent.evaluation.texts.text_graph import TextGraph, graph_by_rule, graph_of_radgraph
from cxr_agent.prose import words_of

_ALIKE: Final = 2
_LABELS: Final = {
    "Anatomy::definitely present": "ANAT-DP",
    "Observation::definitely present": "OBS-DP",
    "Observation::uncertain": "OBS-U",
    "Observation::definitely absent": "OBS-DA",
}


def main(folder: Path) -> None:
    """Print the figures."""
    texts = list(json.loads((folder / "chexbert_test_set.json").read_text()).values())
    written = json.loads((folder / "chexbert_test_set_radgraph_xl.json").read_text())
    theirs = [graph_of_radgraph(next(iter(one.values()))) for one in written]
    ours = [graph_by_rule(text) for text in texts]
    pairs = list(_alike(texts))
    print(f"{len(texts)} impressions, {len(pairs)} pairs")
    for part in ("simple", "partial", "complete"):
        one, other = (
            [getattr(radgraph_f1(graphs[a], graphs[b]), part).f1 for a, b in pairs]
            for graphs in (ours, theirs)
        )
        rank = spearmanr(one, other).statistic
        means = f"{statistics.fmean(one):.2f} against {statistics.fmean(other):.2f}"
        print(f"{part}: Spearman {rank:.2f}, means {means}")
    sizes = [statistics.fmean(len(graph.nodes) for graph in graphs) for graphs in (ours, theirs)]
    print(f"entities an impression: {sizes[0]:.1f} against {sizes[1]:.1f}")
    found = [pair for one, other in zip(ours, theirs, strict=True) for pair in _met(one, other)]
    labelled = [right for met, right in found if met]
    print(f"share a word with one of theirs: {len(labelled) / len(found):.2f}")
    print(f"of these with its label: {statistics.fmean(labelled):.2f}")


def _alike(texts: Sequence[str]) -> Iterator[tuple[int, int]]:
    words = [words_of(text) for text in texts]
    for place, own in enumerate(words):
        others = [number for number in range(len(words)) if number != place]
        others.sort(key=lambda n: len(own & words[n]) / len(own | words[n]), reverse=True)
        yield from ((place, number) for number in others[:_ALIKE])


def _met(ours: TextGraph, theirs: TextGraph) -> Iterator[tuple[bool, bool]]:
    """Of each of our entities: whether theirs has one of its words, and under the same label."""
    labels: dict[str, set[str]] = {}
    for node in theirs.nodes:
        for word in node.tokens.split():
            labels.setdefault(word, set()).add(_LABELS.get(node.label, ""))
    for node in ours.nodes:
        told = [labels[word] for word in node.tokens.split() if word in labels]
        yield bool(told), node.label in set().union(*told)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
