"""What the cards say of every set: where it comes from and under which terms."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

SOURCES: Final = {
    "nih": "ChestX-ray14 (Wang et al., CVPR 2017), NIH Clinical Center; free to use with citation; "
    "from public copies at 64 to 1024 px (muhammedtalo/COVID-19, pelagecha/Cancer-Detection and "
    "others, see training/README.md); labels from the set's own table",
    "jsrt": "JSRT (Shiraishi et al., AJR 2000); research use",
    "montgomery": "Montgomery County set, US National Library of Medicine (Jaeger et al., 2014)",
    "shenzhen": "Shenzhen set, US National Library of Medicine (Jaeger et al., 2014)",
    "wingspan": "wingspan (Dong et al., 2018), MIT licence; without labels",
    "covid": "covid-chestxray-dataset (Cohen et al., 2020), films under CC or Apache terms",
    "kermany": "Kermany et al., Cell 2018: children of one to five years, CC BY 4.0",
    "figure1_covid": "Figure 1 COVID-19 films (Wang et al., 2020); without labels",
    "actualmed_covid": "Actualmed COVID-19 films (Wang et al., 2020); without labels",
    "covidradiography": "COVID-19 Radiography Database (Chowdhury et al., 2020), normal films alone; "
    "without labels",
    "chexpert": "CheXpert validation films (Irvin et al., AAAI 2019)",
    "boneage_hand": "hands (RSNA bone age)",
    "brain_mri": "brain MRI slices",
    "chest_ct": "chest CT slices",
    "dental": "dental panoramic films",
    "knee": "knee films (osteoarthritis grades)",
    "photos": "photographs",
}
TESTED_ONLY: Final = (
    "CheXpert validation films (Irvin et al., AAAI 2019) and 826 films of VinDr-CXR (Nguyen et al., "
    "Sci Data 2022): tests alone. Their terms forbid passing them on; the public copies that were "
    "tested on may not be authorised, and nothing of them is in the weights."
)
CITATIONS: Final = (
    "Wang et al., CVPR 2017 (ChestX-ray14)",
    "Shiraishi et al., AJR 2000 (JSRT)",
    "Jaeger et al., Quant Imaging Med Surg 2014 (Montgomery, Shenzhen)",
    "Irvin et al., AAAI 2019 (CheXpert, tests)",
    "Nguyen et al., Sci Data 2022 (VinDr-CXR, tests)",
)
LICENCE: Final = (
    "CC BY-NC-SA 4.0, research use: the strictest terms of the films that were trained on"
)


def training_data(trained_on: dict[str, Any]) -> tuple[str, ...]:
    """One line per set.

    Parameters
    ----------
    trained_on
        ``films`` by source, and ``people`` in all.
    """
    lines = [f"{count} films: {SOURCES[source]}" for source, count in trained_on["films"].items()]
    return (*lines, f"{trained_on['people']} patients in all, as far as the sets tell them apart")


def pretraining() -> str:
    """What the encoder saw without labels, from the log that is kept."""
    first = json.loads(Path("training/pretrain/logs/encoder.jsonl").read_text().splitlines()[0])
    counts = ", ".join(f"{source} {count}" for source, count in first["sources"].items())
    return f"pretrained without labels on {first['films']} films, test patients left out: {counts}"
