"""The card of the view model, made from results.json: no figure is typed by hand.

python -m training.view.card
"""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Final

from cxr_agent.models.card import Figure, ModelCard
from cxr_agent.models.networks.anatomy import parameter_count
from cxr_agent.models.networks.view import INPUT_SIZE, OUTPUTS
from training.card_page import to_markdown
from training.export import WEIGHTS, ship
from training.terms import CITATIONS, LICENCE, training_data
from training.view.evaluate import RESULTS, network_of

PAGE: Final = Path("docs/models/view.md")


def main() -> None:
    results = json.loads(RESULTS.read_text())
    network = network_of()
    files = ship("view", network.network, network, INPUT_SIZE, OUTPUTS)
    trained = results["trained_on"]
    card = ModelCard(
        id="view",
        name="View and orientation",
        version="1.0",
        task="frontal, side view or no chest film; turned, mirrored, inverted; PA or AP; child",
        **asdict(files),
        weights_licence=LICENCE,
        parameters=parameter_count(network),
        input=f"any picture, centred on a {INPUT_SIZE} px square, standardised",
        output="probabilities of three kinds, four turns, and of AP, mirrored, inverted, child",
        input_size=INPUT_SIZE,
        architecture="view",
        outputs=OUTPUTS,
        training_data=(
            *training_data(trained["frontal"]),
            *training_data(trained["lateral"]),
            *training_data(trained["other"]),
            "procedural phantoms, and drawn hands, skulls, side views and textures, 6 % each",
        ),
        split="by the SHA-256 of the patient: 60 % training, 10 % validation, 20 % test, 10 % unused; three "
        "kinds of other pictures and two hospitals are in no stage of training",
        figures=tuple(Figure.model_validate(figure) for figure in results["figures"]),
        intended_use="Refusing or remarking on pictures that the other models must not be run on.",
        not_for=(
            "diagnosis or any decision about a patient",
            "telling a mirrored film from situs inversus: both look alike",
            "the age of a patient: children under six are all but all that it learned from",
        ),
        known_limits=(
            "Side views were learned from two dozen films and from drawings; the figure for them "
            "rests on few.",
            "Mirroring is seen by heart, aorta and stomach; where illness hides them, it is not.",
            "The limits are set so that one upright film in 500 is beyond each.",
        ),
        citations=CITATIONS,
        limits=results["limits"],
    )
    (WEIGHTS / "view" / "card.json").write_text(card.model_dump_json(indent=2) + "\n")
    PAGE.write_text(to_markdown(card))


if __name__ == "__main__":
    main()
