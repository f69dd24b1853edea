"""The lock, the list of what is known as bad, and the bill of materials; see .ci/audit.py."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

CI = Path(__file__).resolve().parents[2] / ".ci"


@pytest.fixture(scope="module")
def ci() -> Any:
    """The modules of .ci, which is no package."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(CI))
        import audit
        import libraries
        import sbom

        yield type("Ci", (), {"audit": audit, "libraries": libraries, "sbom": sbom})
        for name in ("audit", "libraries", "sbom"):
            del sys.modules[name]


@pytest.fixture
def locked(ci: Any) -> Any:
    return ci.libraries.lock(ci.libraries.LOCK.read_text())


def test_the_lock_is_that_of_the_constraints(ci: Any, locked: Any) -> None:
    pinned = ci.libraries.constraints(ci.libraries.CONSTRAINTS.read_text())
    assert len(locked) > 150
    assert list(ci.audit.disagreements(pinned, locked)) == []
    assert all(one.sha256 for one in locked.values())
    # PyPI's own build of torch, with gigabytes of CUDA, is not among what may be installed.
    assert len(locked["torch"].sha256) == 1


def test_where_they_disagree_it_is_said(ci: Any, locked: Any) -> None:
    pinned = {name: one.version for name, one in locked.items()}
    for changed, said in (
        ({**pinned, "new-one": "1.0"}, "new-one is pinned, but not locked"),
        ({**pinned, "numpy": "1.0"}, "numpy: 1.0 pinned"),
        ({n: v for n, v in pinned.items() if n != "numpy"}, "numpy is locked, but not pinned"),
    ):
        (found,) = ci.audit.disagreements(changed, locked)
        assert said in found
    installed = {**pinned, "torch": f"{pinned['torch']}+cpu"}
    assert list(ci.audit.strangers(installed, locked)) == []
    for changed, said in (
        ({**installed, "numpy": "1.0"}, "numpy: 1.0 installed"),
        ({**installed, "crept-in": "1.0"}, "crept-in 1.0 is installed, but not locked"),
        ({n: v for n, v in installed.items() if n != "numpy"}, "numpy is locked, but not inst"),
    ):
        (found,) = ci.audit.strangers(changed, locked)
        assert said in found


@pytest.mark.parametrize(
    "line",
    [
        "numpy>=1.0",
        "numpy",
        "numpy==1.*",
        "numpy @ https://example.org/numpy.whl",
        "git+https://example.org/numpy",
        "-e .",
        "--index-url https://example.org",
    ],
)
def test_what_pins_nothing_is_refused(ci: Any, line: str) -> None:
    with pytest.raises(ValueError, match="pins no version"):
        ci.libraries.constraints(f"absl-py==1.0\n{line}\n")
    with pytest.raises(ValueError, match="not pinned with hashes alone"):
        ci.libraries.lock(f"{line} --hash=sha256:{'0' * 64}\n")


@pytest.mark.parametrize("rest", ["", " --hash=md5:0", f" --hash=sha256:{'0' * 64} --pre"])
def test_what_has_no_hash_is_refused(ci: Any, rest: str) -> None:
    with pytest.raises(ValueError, match="not pinned with hashes alone"):
        ci.libraries.lock(f"numpy==1.0{rest}\n")
    assert ci.libraries.lock(f"numpy==1.0 \\\n    --hash=sha256:{'0' * 64}\n")["numpy"].version


def test_a_bad_release_is_found(ci: Any) -> None:
    known = ci.audit.tomllib.loads(ci.audit.BAD.read_text())["bad"]
    for one in known:
        assert one.keys() - {"below", "only"} == {"name", "since", "reason"}
        old = one["only"][0] if "only" in one else "0.0.1"
        lock = {one["name"]: ci.libraries.Locked(one["name"], old, ("0",))}
        (found,) = ci.audit.bad_ones(lock, [one])
        assert one["reason"] in found
        lock = {one["name"]: ci.libraries.Locked(one["name"], one.get("below", "0"), ("0",))}
        assert list(ci.audit.bad_ones(lock, [one])) == []


def test_the_bill_is_of_what_lies_here(ci: Any, tmp_path: Path) -> None:
    assert list(ci.sbom.differences()) == []
    bill = json.loads(ci.sbom.SBOM.read_text())
    assert (bill["bomFormat"], bill["specVersion"]) == ("CycloneDX", "1.6")
    parts = {one["bom-ref"]: one for one in bill["components"]}
    assert {"weights:anatomy", "weights:findings", "weights:view", "weights:embedding"} <= {*parts}
    assert all(one["licenses"] for one in parts.values())
    known = {*parts, bill["metadata"]["component"]["bom-ref"]}
    assert {end for one in bill["dependencies"] for end in one.get("dependsOn", ())} <= known
    for change, said in (
        (lambda: parts["numpy"].update(version="1.0"), "sbom.json lacks numpy=="),
        (lambda: parts["weights:view"].update(version="0"), "lacks the weights of view"),
        (
            lambda: parts["weights:anatomy"]["components"][0]["hashes"][0].update(content="0"),
            "other hashes of the weights of anatomy",
        ),
        (
            lambda: parts["weights:findings"].update(licenses=[{"license": {"id": "MIT"}}]),
            "another licence of the weights of findings",
        ),
    ):
        change()
        (tmp_path / "sbom.json").write_text(json.dumps(bill))
        assert any(said in one for one in ci.sbom.differences(tmp_path / "sbom.json"))
