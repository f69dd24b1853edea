"""Where the time of one warm reading goes."""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.films import write_film
from cxr_agent.imaging import Decoder
from cxr_agent.models.shelf import Shelf
from cxr_agent.models.tile import make_tile
from cxr_agent.reading import Agent
from cxr_agent.report.render import to_html, to_json
from cxr_agent.trace import read_trace

_RUNS = 7


def _median(function: Callable[[], Any]) -> float:
    function()
    seconds = []
    for _ in range(_RUNS):
        began = time.perf_counter()
        function()
        seconds.append(time.perf_counter() - began)
    return statistics.median(seconds)


def rows() -> list[tuple[str, str]]:
    """What the table shows, as shares of one warm reading of a 2048 px film."""
    with tempfile.TemporaryDirectory() as name, Agent(traces=Path(name) / "traces") as agent:
        folder = Path(name)
        film = write_film(folder, 2048)
        whole = _median(lambda: agent.read(film))
        with Decoder() as decoder:
            pixels = decoder.decode(film).pixels
            decode = _median(lambda: decoder.decode(film))
        model = Shelf().anatomy()
        tile, _ = make_tile(pixels, model.card.input_size)
        network = _median(lambda: model.predict(tile))
        segment = _median(lambda: model.segment(pixels))
        shelf = Shelf()
        view, findings, embedding = shelf.view(), shelf.findings(), shelf.embedding()
        looked = _median(lambda: view.look(pixels))
        classified = findings.classify(pixels)
        classify = _median(lambda: findings.classify(pixels))
        code = findings.card.labels[0].code
        explain = _median(lambda: findings.explain(classified, code))
        embed = _median(lambda: embedding.embed([pixels]))
        report = agent.read(film)
        assert report.trace is not None
        artifact = read_trace(Path(report.trace)).artifact
        html = _median(lambda: to_html(report, artifact))
        json = _median(lambda: to_json(report))

    def share(seconds: float) -> str:
        return f"{1000 * seconds:.0f} ms, {100 * seconds / whole:.0f} %"

    rest = whole - decode - segment - looked - classify - embed
    return [
        ("one warm reading", f"{1000 * whole:.0f} ms"),
        ("decode in the worker", share(decode)),
        ("the anatomy network alone", share(network)),
        ("outlines at the film's size, besides the network", share(segment - network)),
        ("view and orientation", share(looked)),
        ("findings", share(classify)),
        ("one saliency map with its score, where a finding is present", share(explain)),
        ("embedding", share(embed)),
        ("measures, masks as files, trace with fsync, gates, graph", share(rest)),
        ("HTML report, when asked for", share(html)),
        ("JSON report", share(json)),
    ]
