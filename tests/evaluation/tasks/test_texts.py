"""Report texts against references, through the program."""

from __future__ import annotations

import json
from pathlib import Path

from cxr_agent.evaluation.tasks.planted import planted
from cxr_agent.report.model import Sentence
from tests.cli.program import run_program

PAIRS = (
    ("Small right pleural effusion. The heart is enlarged.", None),
    ("No pneumothorax. Consolidation in the left lower lobe.", None),
    ("The lungs are clear.", "Large left pleural effusion."),
)


def test_a_report_that_says_what_the_reference_says(tmp_path: Path) -> None:
    data = tmp_path / "pairs.jsonl"
    rows = [
        {"id": str(n), "patient": f"MARTHA-{n}", "reference": a, "candidate": b or a}
        for n, (a, b) in enumerate(PAIRS)
    ]
    data.write_text("".join(json.dumps(one) + "\n" for one in rows))
    ran = run_program(
        *("eval", "texts", "--data", data, "--out", tmp_path / "run"),
        *("--resamples", "20", "--json"),
        traces=tmp_path,
    )
    assert ran.status == 0, ran.err
    found = {
        (one["name"], one["about"], one["system"]): one["value"] for one in ran.json["estimates"]
    }
    assert found["label F1, micro", "14 labels", "candidate"] == 0.75
    assert found["rouge: rougeL", "", "candidate"] > 0.66
    assert found["label F1, micro", "14 labels", "normal-template"] < 0.75
    assert "MARTHA" not in ran.out
    assert "effusion" not in ran.out


def test_each_planted_fault_changes_one_thing() -> None:
    def texts(text: str) -> dict[str, list[str]]:
        found = planted([Sentence(text=text, evidence=("e1",))])
        return {kind: [one.text for one in some] for kind, some in found.items()}

    assert texts("Small right effusion.")["other_side"] == ["Small left effusion."]
    assert texts("Right and left lung.")["other_side"] == []
    assert texts("Ratio 0.46.")["other_number"] == ["Ratio 0.62."]
    assert texts("No pneumothorax.")["other_polarity"] == ["Pneumothorax."]
    assert texts("The heart.")["added_finding"] == ["The heart and a pneumothorax."]
