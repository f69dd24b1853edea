"""The card of the embedding, made from results.json: no figure is typed by hand.

python -m training.embedding.card
"""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Final

from cxr_agent.models.card import Figure, ModelCard
from cxr_agent.models.networks.anatomy import parameter_count
from cxr_agent.models.networks.embedding import DIMENSIONS, INPUT_SIZE, OUTPUTS, Placed
from training.card_page import to_markdown
from training.embedding.evaluate import RESULTS, network_of
from training.export import WEIGHTS, ship
from training.terms import CITATIONS, LICENCE, TESTED_ONLY, pretraining, training_data

PAGE: Final = Path("docs/models/embedding.md")


def main() -> None:
    results = json.loads(RESULTS.read_text())
    network = network_of()
    files = ship("embedding", network, Placed(network), INPUT_SIZE, OUTPUTS)
    card = ModelCard(
        id="embedding",
        name="Image embedding",
        version="1.0",
        task=f"a frontal chest film as a unit vector of {DIMENSIONS} numbers, for retrieval",
        **asdict(files),
        weights_licence=LICENCE,
        parameters=parameter_count(network),
        input=f"one film, bone white, centred on a {INPUT_SIZE} px square, standardised",
        output="a unit vector, and its distance from the nearest of 64 centres of the training "
        "films",
        input_size=INPUT_SIZE,
        architecture="embedding",
        outputs=OUTPUTS,
        training_data=(*training_data(results["trained_on"]), pretraining(), TESTED_ONLY),
        split="by the SHA-256 of the patient: 60 % training, 10 % validation, 20 % test, 10 % unused; "
        "pretrained without labels on the films of all patients but the test patients",
        figures=tuple(Figure.model_validate(figure) for figure in results["figures"]),
        intended_use="Finding similar films, and telling when a film is unlike what was learned.",
        not_for=(
            "diagnosis or any decision about a patient",
            "identifying a person: it finds a patient's other films too often to be shared freely",
            "proof: a neighbour's finding says nothing certain about this film",
        ),
        known_limits=(
            "Likeness means shared findings of ChestX-ray14's labels, which are noisy.",
            f"It sees {INPUT_SIZE} pixels.",
            "A film that is not strange to it may still be one that the other models fail on.",
        ),
        citations=(
            *CITATIONS,
            "Chen et al., ICML 2020 (SimCLR)",
            "Khosla et al., NeurIPS 2020 (supervised contrast)",
            "Yue et al., 2025 (CheXWorld)",
        ),
        limits=results["limits"],
    )
    (WEIGHTS / "embedding" / "card.json").write_text(card.model_dump_json(indent=2) + "\n")
    PAGE.write_text(to_markdown(card))


if __name__ == "__main__":
    main()
