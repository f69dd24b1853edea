"""Run all benchmarks and print one table each; ``--write`` keeps them in benchmarks/RESULTS.md."""

from __future__ import annotations

import argparse
import os
import platform
from pathlib import Path

from benchmarks import (
    batch,
    caching,
    cold,
    comparison,
    costs,
    orchestration,
    overview,
    parts,
    retrieval,
    runtimes,
    tracing,
)
from cxr_agent.models.runtime.device import choose

_RESULTS = Path(__file__).with_name("RESULTS.md")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", action="store_true")
    write = parser.parse_args().write
    lines = [
        "# Benchmarks",
        "",
        f"One run of `python -m benchmarks` on {os.cpu_count()} cores, Python "
        f"{platform.python_version()}. Machines differ and are noisy: go by the ratios.",
    ]
    tables = [
        ("Batches", batch.rows()),  # first: the others delete files, which slows what it writes
        ("From cold", cold.rows()),
        ("One warm reading", parts.rows()),
        ("Results kept", caching.rows()),
        ("CPU time of one warm reading, one thread", costs.rows()),
        ("Orchestration", orchestration.rows()),
        ("Trace", tracing.rows()),
        ("Comparison with a prior film", comparison.rows()),
        ("Runtimes", runtimes.rows()),
        ("Similar films", retrieval.rows()),
        ("A page over a batch", overview.rows()),
    ]
    device = choose("auto")
    if device.kind == "cuda":
        from benchmarks import gpu

        tables.append(("A GPU", gpu.rows(device, gpu.FULL)))
    for title, rows in tables:
        lines += ["", f"## {title}", "", "| what | measured |", "|---|---|"]
        lines += [f"| {what} | {measured} |" for what, measured in rows]
    text = "\n".join(lines) + "\n"
    print(text)
    if write:
        _RESULTS.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
