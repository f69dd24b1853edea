"""A report with everything in it, and the files of its trace; a hostile one beside it."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
from PIL import Image

from cxr_agent.evidence import Evidence, EvidenceKind, Observation, Polarity, Provenance
from cxr_agent.report.model import Dropped, FilmSummary, Heading, Report, Sentence
from cxr_agent.study import FloatImage
from cxr_agent.testing.phantom import STRUCTURES, draw
from cxr_agent.toolbox.artifacts import (
    display_png,
    drawings_svg,
    heatmap_png,
    mask_png,
    saliency_name,
)
from cxr_agent.toolbox.contract import Drawing
from cxr_agent.toolbox.reading import reading_of
from tests.observations import ratio

HOSTILE = (
    "<script>alert(1)</script><img src=x onerror=alert(2)> {{7*7}} {% raw %} "
    "[bold red]x[/bold red] \x1b[31mred\x1b[0m \x1b]8;;http://a.example\x07link\x1b]8;;\x07 "
    "# heading | pipe `code` **strong** [a](javascript:alert(3)) "
    "\u202egnp\u2069 '\"&amp; \x00\x9b2J"
)


@dataclass
class Files:
    """Stands for the artifacts of a trace."""

    by_hash: dict[str, bytes] = field(default_factory=dict)

    def put(self, data: bytes) -> str:
        digest = hashlib.sha256(data).hexdigest()
        self.by_hash[digest] = data
        return digest

    def __call__(self, digest: str) -> bytes:
        return self.by_hash[digest]


@dataclass(frozen=True)
class Sample:
    report: Report
    files: Files

    def with_(self, **changes: Any) -> Report:
        return self.report.model_copy(update=changes)


def drawing(columns: int = 512, rows: int = 512) -> bytes:
    return drawings_svg(
        [
            Drawing(name="right", label="heart, right part", points=((180, 330), (256, 330))),
            Drawing(name="left", label="heart, left part", points=((256, 340), (370, 340))),
            Drawing(name="thorax", label="thorax", points=((50, 380), (460, 380))),
        ],
        (rows, columns),
    )


@pytest.fixture(scope="session")
def phantom_files() -> tuple[Files, dict[str, str], str, str]:
    files, phantom = Files(), draw()
    masks = {name: files.put(mask_png(phantom.masks[name])) for name in STRUCTURES}
    return files, masks, files.put(drawing()), files.put(display_png(phantom.pixels))


@pytest.fixture
def sample(phantom_files: tuple[Files, dict[str, str], str, str]) -> Sample:
    files, masks, lines, display = phantom_files

    def source(step: int, tool: str) -> Provenance:
        return Provenance(
            step=step,
            tool=tool,
            tool_version="1.0",
            model="anatomy",
            weights_sha256="a" * 64,
            image_sha256="b" * 64,
        )

    def made(place: int, **rest: Any) -> Evidence:
        return Evidence.model_validate({"id": f"e{place}", "image": "img-1", **rest})

    evidence = [
        made(
            place,
            kind="region",
            code=name,
            box=(50, 60, 200, 400),
            location="cardiac silhouette" if name == "heart" else name.replace("_", " "),
            artifacts={name: digest},
            reading=f"The {name.replace('_', ' ')} was outlined.",
            provenance=source(1, "segment_anatomy"),
        )
        for place, (name, digest) in enumerate(masks.items(), start=1)
    ]
    ratio = {"value": 0.462, "unit": "1", "interval": (0.44, 0.48), "interval_level": 0.9}
    shared = {"location": "cardiac silhouette", "artifacts": {"lines": lines}, **ratio}
    evidence += [
        made(
            6,
            kind="quality",
            code="projection",
            category="unknown",
            reading="The projection is not known.",
            provenance=source(2, "assess_quality"),
        ),
        made(
            7,
            kind="measurement",
            code="cardiothoracic_ratio",
            reading="Cardiothoracic ratio 0.46 (90 % interval 0.44 to 0.48).",
            provenance=source(3, "measure_ctr"),
            **shared,
        ),
        made(
            8,
            kind="finding",
            code="cardiomegaly",
            polarity="absent",
            threshold=0.5,
            threshold_source="convention for adult PA films",
            reading="The cardiac silhouette is not enlarged: ratio 0.46.",
            provenance=source(3, "measure_ctr"),
            **shared,
        ),
        made(
            9,
            kind="limitation",
            code="not_examined",
            reasons=("pleura",),
            reading="Not examined in this run: the pleura.",
            provenance=source(4, "protocol"),
        ),
    ]
    read = {item.id: item.reading for item in evidence}

    def said(identity: str, heading: Heading | None = None) -> Sentence:
        return Sentence(text=read[identity], evidence=(identity,), heading=heading)

    report = Report(
        run_id="20261124T201500Z-1a2b3c4d",
        program_version="0.1.0",
        planner="protocol 1",
        status="complete",
        exam="Chest radiograph, one film",
        history="Cough.\nHeart size?",
        technique=(said("e6"),),
        findings=(
            Sentence(
                text="Both lungs were outlined.", evidence=("e1", "e2"), heading=Heading.OTHER
            ),
            said("e7", Heading.CARDIOVASCULAR),
            Sentence(
                text="The heart is not enlarged.",
                evidence=("e7", "e8"),
                heading=Heading.CARDIOVASCULAR,
            ),
        ),
        impression=(said("e8"),),
        limitations=(said("e9"),),
        dropped=(
            Dropped(text="No pneumothorax.", evidence=("e2",), reason="finding_not_supported"),
        ),
        films=(
            FilmSummary(
                handle="img-1",
                rows=512,
                columns=512,
                view="UNKNOWN",
                spacing_mm=None,
                spacing_kind=None,
                sha256="b" * 64,
                notices=(),
                display=display,
            ),
        ),
        evidence=tuple(evidence),
        trace="/tmp/traces/x",
    )
    return Sample(report, files)


@pytest.fixture(scope="session")
def effusion_map() -> FloatImage:
    """(256, 256): what speaks for fluid in the right costophrenic angle, and a little above it."""
    down, across = np.mgrid[0:256, 0:256] / 255
    low = np.exp(-(((across - 0.23) / 0.10) ** 2) - ((down - 0.72) / 0.09) ** 2)
    high = 0.5 * np.exp(-(((across - 0.30) / 0.12) ** 2) - ((down - 0.50) / 0.16) ** 2)
    plane: FloatImage = np.maximum(low, high).astype(np.float32)
    return plane


@pytest.fixture
def classified(sample: Sample, effusion_map: FloatImage) -> Sample:
    """The sample with three findings by the classifier, two of them with maps."""
    plain = sample.report.evidence[-1].provenance
    source = plain.model_copy(update={"step": 5, "tool": "classify_findings", "model": "findings"})

    def found(
        place: int, code: str, polarity: str, probability: float, reading: str, **rest: Any
    ) -> Evidence:
        limits = {"limit_present": 0.61, "limit_absent": 0.24}
        return Evidence(
            id=f"e{place}",
            image="img-1",
            kind=EvidenceKind.FINDING,
            code=code,
            category="classified",
            polarity=Polarity(polarity),
            probability=probability,
            threshold=0.61,
            details={**limits, **rest.pop("details", {})},
            reading=reading,
            provenance=source,
            **rest,
        )

    shown = sample.files.put(heatmap_png(effusion_map))
    other = sample.files.put(heatmap_png(effusion_map[:, ::-1]))
    evidence = (
        found(
            10,
            "pleural_effusion",
            "present",
            0.8741,
            "Pleural effusion: probability 0.87, above the limit 0.61 of the findings classifier.",
            details={"saliency_score": 0.3149},
            artifacts={saliency_name("pleural_effusion"): shown},
        ),
        found(
            11,
            "consolidation",
            "uncertain",
            0.4316,
            "Possible consolidation: probability 0.43, between the limits 0.24 and 0.61 of the "
            "findings classifier.",
            artifacts={saliency_name("consolidation"): other},
        ),
        found(
            12,
            "pneumothorax",
            "absent",
            0.0712,
            "No pneumothorax: probability 0.07, below the limit 0.24 of the findings classifier.",
        ),
    )
    headings = (Heading.PLEURA, Heading.LUNGS, Heading.PLEURA)
    sentences = tuple(
        Sentence(text=item.reading, evidence=(item.id,), heading=heading)
        for item, heading in zip(evidence, headings, strict=True)
    )
    report = sample.with_(
        evidence=sample.report.evidence + evidence,
        findings=sample.report.findings + sentences,
        impression=(*sample.report.impression, sentences[0].model_copy(update={"heading": None})),
    )
    return Sample(report, sample.files)


@pytest.fixture
def followed(sample: Sample) -> Sample:
    """The sample with three priors, one of them undated and one not comparable in size."""
    (film,) = sample.report.films
    plain = sample.report.evidence[-1].provenance
    source = plain.model_copy(update={"step": 6, "tool": "compare_with_prior"})
    picture = Image.fromarray(np.full((256, 256, 3), 90, dtype=np.uint8))
    made = list(sample.report.evidence)

    def add(**fields: Any) -> None:
        observation = Observation.model_validate(fields.pop("stated"))
        made.append(
            Evidence(
                **{name: getattr(observation, name) for name in Observation.model_fields},
                id=f"e{len(made) + 1}",
                reading=reading_of(observation),
                provenance=source,
                **fields,
            )
        )

    films = [film]
    for place, (days, before) in enumerate(((72, 0.41), (428, 0.38), (None, 0.40)), start=1):
        handle = f"prior-{place}"
        films.append(film.model_copy(update={"handle": handle, "days_before": days}))
        picture.putpixel((0, 0), (place, 0, 0))
        buffer = io.BytesIO()
        picture.save(buffer, "PNG")
        drawn = {"difference": sample.files.put(buffer.getvalue())}
        interval = (before - 0.02, before + 0.02)
        add(image=handle, stated=ratio(before, interval))
        if place == 3:
            stated = {"kind": "limitation", "code": "prior_comparison", "category": "sizes"}
            add(image="img-1", stated={**stated, "reasons": ("views_unknown",), "against": handle})
        else:
            change = 0.462 - before
            add(
                image="img-1",
                artifacts=drawn,
                stated={
                    "kind": "comparison",
                    "code": "cardiothoracic_ratio",
                    "location": "cardiac silhouette",
                    "value": change,
                    "unit": "1",
                    "interval": (change - 0.03, change + 0.03),
                    "interval_level": 0.9,
                    "category": "worsened" if place == 2 else "no_change",
                    "details": {"before": before, "now": 0.462, "repeatability": 0.07},
                    "against": handle,
                },
            )
        add(
            image="img-1",
            artifacts=drawn,
            stated={
                "kind": "comparison",
                "code": "lung_opacity",
                "location": "right lower lung zone",
                "side": "right",
                "value": 0.1 * place,
                "unit": "1",
                "interval": (0.1 * place - 0.05, 0.1 * place + 0.05),
                "interval_level": 0.99,
                "category": "worsened",
                "details": {"repeatability": 0.05},
                "against": handle,
            },
        )
    return Sample(sample.with_(films=tuple(films), evidence=tuple(made)), sample.files)


@pytest.fixture
def hostile(sample: Sample) -> Report:
    """The hostile text in every field that text can reach."""
    first, *rest = sample.report.evidence
    source = first.provenance.model_copy(update={"tool": HOSTILE, "model": HOSTILE})
    bad = first.model_copy(
        update={"reading": HOSTILE, "threshold": 1.0, "threshold_source": HOSTILE}
    )
    film = sample.report.films[0].model_copy(
        update={"notices": (HOSTILE,), "view": HOSTILE, "sha256": HOSTILE}
    )
    return sample.with_(
        run_id=HOSTILE,
        planner=HOSTILE,
        program_version=HOSTILE,
        exam=HOSTILE,
        history=HOSTILE,
        notice=HOSTILE,
        trace=HOSTILE,
        technique=(Sentence(text=HOSTILE, evidence=("e1",)),),
        impression=(Sentence(text=HOSTILE, evidence=("e1", HOSTILE)),),
        dropped=(Dropped(text=HOSTILE, evidence=(HOSTILE,), reason=HOSTILE),),
        films=(film,),
        evidence=(bad.model_copy(update={"provenance": source}), *rest),
    )


@pytest.fixture
def blank_png() -> Callable[[int, int], bytes]:
    return lambda rows, columns: mask_png(np.zeros((rows, columns), dtype=np.bool_))
