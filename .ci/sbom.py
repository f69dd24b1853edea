"""What the program consists of, as CycloneDX 1.6: libraries of the lock, and its models' weights.

``.ci/sbom`` runs this with the library that knows the format, in an environment of its own, and
writes sbom.json. :func:`differences` compares that file with what lies here, and needs no library.
"""

from __future__ import annotations

import json
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from libraries import LOCK, OURS, ROOT, installed, lock, normal

SBOM = ROOT / "sbom.json"
WEIGHTS = ROOT / "cxr_agent" / "models" / "weights"
_LONGEST = 60
"""Letters of a licence's name; what is longer is a licence's text."""


_UNSTATED = {"segment-anything": "Apache-2.0", "tiktoken": "MIT"}
"""Licences that stand in a file of the release alone, in no field of what it says of itself."""


def cards() -> list[dict[str, Any]]:
    """The cards of the embedded models."""
    return [json.loads(path.read_bytes()) for path in sorted(WEIGHTS.glob("*/card.json"))]


def files_of(card: dict[str, Any]) -> dict[str, str]:
    """SHA-256 of each file of weights, by its name."""
    return {
        card["weights_file"]: card["weights_sha256"],
        card["safetensors_file"]: card["safetensors_sha256"],
    }


def differences(path: Path = SBOM) -> Iterator[str]:
    """Where the bill is not of what lies here."""
    bill = json.loads(path.read_bytes())
    told = {one["bom-ref"]: one for one in bill["components"]}
    locked = lock(LOCK.read_text())
    wanted = {f"{name}=={one.version}" for name, one in locked.items()}
    found = {
        f"{one['name']}=={one['version']}" for one in told.values() if one["type"] == "library"
    }
    yield from (f"sbom.json lacks {one}: run .ci/sbom" for one in sorted(wanted - found))
    yield from (f"sbom.json names {one}: run .ci/sbom" for one in sorted(found - wanted))
    models = {ref: one for ref, one in told.items() if one["type"] == "machine-learning-model"}
    for card in cards():
        one = models.pop(f"weights:{card['id']}", None)
        if one is None or one["version"] != card["version"]:
            yield f"sbom.json lacks the weights of {card['id']} {card['version']}: run .ci/sbom"
            continue
        hashes = {part["name"]: part["hashes"][0]["content"] for part in one["components"]}
        if hashes != files_of(card):
            yield f"sbom.json has other hashes of the weights of {card['id']}: run .ci/sbom"
        if card["weights_licence"] not in json.dumps(one["licenses"], ensure_ascii=False):
            yield f"sbom.json has another licence of the weights of {card['id']}: run .ci/sbom"
    yield from (f"sbom.json names weights that are not here: {ref}" for ref in models)
    ours = bill["metadata"]["component"]
    if ours["version"] != _project()["version"]:
        yield "sbom.json is of another version of the program: run .ci/sbom"


def _project() -> dict[str, Any]:
    project: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    return project


def made(site: str) -> str:
    """The bill as JSON, the same each time.

    Parameters
    ----------
    site
        The site-packages of an environment with all libraries: what they say of themselves.
    """
    from cyclonedx.model.bom import Bom
    from cyclonedx.model.component import Component, ComponentType
    from cyclonedx.output.json import JsonV1Dot6
    from packageurl import PackageURL
    from packaging.requirements import Requirement

    here, locked, project = installed([site]), lock(LOCK.read_text()), _project()
    bill = Bom(serial_number=uuid5(NAMESPACE_URL, LOCK.read_text() + json.dumps(cards())))
    bill.metadata.timestamp = None  # type: ignore[assignment]  # the same each time
    ours = Component(
        type=ComponentType.APPLICATION,
        name=OURS,
        version=project["version"],
        bom_ref=OURS,
        licenses=_licences(project["license"]),
        description=project["description"],
    )
    bill.metadata.component = ours
    libraries = {
        name: Component(
            type=ComponentType.LIBRARY,
            name=name,
            version=one.version,
            bom_ref=name,
            purl=PackageURL("pypi", None, name, one.version),
            licenses=_licences(*_stated(name, here[name].metadata)),
            hashes=_hashes(one.sha256[0]) if len(one.sha256) == 1 else (),
        )
        for name, one in locked.items()
    }
    models = [_model(card) for card in cards()]
    for part in (*libraries.values(), *models):
        bill.components.add(part)
    optional = (one for some in project["optional-dependencies"].values() for one in some)
    direct = {normal(Requirement(one).name) for one in (*project["dependencies"], *optional)}
    bill.register_dependency(
        ours, [*(libraries[name] for name in sorted(direct - {OURS})), *models]
    )
    for name, part in libraries.items():
        needs = map(Requirement, here[name].requires or ())
        wanted = {
            normal(one.name)
            for one in needs
            if one.marker is None or one.marker.evaluate({"extra": "", "python_version": "3.11"})
        }
        bill.register_dependency(part, [libraries[one] for one in sorted(wanted & locked.keys())])
    return str(JsonV1Dot6(bill).output_as_string(indent=1)) + "\n"


def _model(card: dict[str, Any]) -> Any:
    from cyclonedx.model.component import Component, ComponentType

    return Component(
        type=ComponentType.MACHINE_LEARNING_MODEL,
        name=card["name"],
        version=card["version"],
        bom_ref=f"weights:{card['id']}",
        description=f"{card['task']}. Trained on: {'; '.join(card['training_data'])}",
        licenses=_licences(card["weights_licence"]),
        components=[
            Component(
                type=ComponentType.FILE, name=name, bom_ref=f"file:{name}", hashes=_hashes(sha256)
            )
            for name, sha256 in sorted(files_of(card).items())
        ],
    )


def _hashes(sha256: str) -> list[Any]:
    from cyclonedx.model import HashAlgorithm, HashType

    return [HashType(alg=HashAlgorithm.SHA_256, content=sha256)]


def _stated(name: str, metadata: Any) -> Iterator[str]:
    """What a library says of its licence, the more exact words first."""
    if name in _UNSTATED:
        yield _UNSTATED[name]
        return
    if metadata.get("License-Expression"):
        yield metadata["License-Expression"]
        return
    kinds = [one for one in metadata.get_all("Classifier") or () if one.startswith("License ::")]
    names = [one.rpartition(" :: ")[2] for one in kinds]
    text = (metadata.get("License") or "").strip()
    if text and len(text) <= _LONGEST and "\n" not in text:
        yield text
    elif names:
        yield " and ".join(names)


def _licences(*texts: str) -> list[Any]:
    from cyclonedx.contrib.license.factories import LicenseFactory

    return [LicenseFactory().make_from_string(text) for text in texts]


def main(site: str) -> None:
    from cyclonedx.schema import SchemaVersion
    from cyclonedx.validation.json import JsonStrictValidator

    text = made(site)
    wrong = JsonStrictValidator(SchemaVersion.V1_6).validate_str(text)
    if wrong is not None:
        raise SystemExit(f"not CycloneDX 1.6: {wrong}")
    SBOM.write_text(text, encoding="utf-8")
    bare = sum("licenses" not in one for one in json.loads(text)["components"])
    print(f"sbom.json: {len(json.loads(text)['components'])} parts, {bare} without a licence")


if __name__ == "__main__":
    main(*sys.argv[1:])
