"""What encoders of others make of films: ``kb quality`` and ``kb label``."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from cxr_agent.errors import EXIT_OK, UsageError

if TYPE_CHECKING:
    from cxr_agent.models.adapters.vectors import ImageTextEncoder, Vectors

_SHOWN = 10


def show_quality(folder: Path, sources: Sequence[str], k: int, device: str, as_json: bool) -> int:
    """Measure our own embedding and each named encoder on the films of a store."""
    from cxr_agent.retrieval import Store
    from cxr_agent.retrieval.quality import film_vectors, quality

    with Store(folder) as opened:
        items = opened.items()
        found = {"embedding (ours)": quality(items, *opened.vectors(), k)}
        for source in sources:
            found[source] = quality(items, *film_vectors(opened, source, device), k)
    if as_json:
        print(json.dumps({name: asdict(one) for name, one in found.items()}, indent=2))
        return EXIT_OK
    print(f"{'encoder':<40}{'films':>7}  same finding among the {k} nearest, other patients")
    for name, one in found.items():
        low, high = one.interval
        print(f"{name[:39]:<40}{one.films:>7}  {one.precision:.3f} [{low:.3f}, {high:.3f}]")
    return EXIT_OK


def show_labels(
    path: Path, source: str, findings: Sequence[str], device: str, as_json: bool
) -> int:
    """Label a film or a CT by an image-text model."""
    from cxr_agent.retrieval.encoders import find_encoder
    from cxr_agent.retrieval.items import Part
    from cxr_agent.retrieval.zero_shot import zero_shot

    encoder = find_encoder(source)
    if encoder.part is not Part.FILM:
        raise UsageError(
            "no_film_encoder",
            "this encoder reads texts alone",
            hint="Take one of films and texts: biomedclip, or any CLIP or SigLIP.",
        )
    model = encoder.of_films(device)
    labels = zero_shot(model, _vector(path, model), findings)
    if as_json:
        told = {"encoder": encoder.identity, "calibrated": False}
        print(json.dumps({**told, "labels": [asdict(one) for one in labels]}, indent=2))
        return EXIT_OK
    for one in labels if findings else labels[:_SHOWN]:
        print(f"{one.code.replace('_', ' '):<32}{one.margin:+.4f}")
    print("Margins of an uncalibrated model: context, no finding; for research only.")
    return EXIT_OK


def _vector(path: Path, model: ImageTextEncoder) -> Vectors:
    """Of a film; of a CT, a folder or a NIfTI file, its slices pooled."""
    from cxr_agent.synthesis.nifti import is_nifti

    if path.is_dir() or is_nifti(path):
        from cxr_agent.synthesis import read_volume
        from cxr_agent.synthesis.slices import SlicePooling

        return SlicePooling(model).encode(read_volume(path, lungs=False))
    from cxr_agent.imaging import Decoder

    with Decoder() as decoder:
        vector: Vectors = model.encode([decoder.decode(path).pixels])[0]
        return vector
