"""A tool in an environment of its own, whose libraries are not this one's."""

from __future__ import annotations

import importlib
import subprocess
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest

from cxr_agent.errors import ToolError
from cxr_agent.models.shelf import Shelf
from cxr_agent.toolbox import OwnEnvironment, spec_of
from cxr_agent.toolbox.arguments import Bound
from cxr_agent.toolbox.cache.content import MaskDigests
from cxr_agent.toolbox.cache.key import key_of
from cxr_agent.toolbox.cache.program import environment_identity
from cxr_agent.toolbox.contract import ToolSpec
from cxr_agent.toolbox.isolation.host import ToolHost
from cxr_agent.toolbox.registry import lacking
from tests.builders import film

CONTRACT_NEEDS = (
    *("numpy", "pydantic", "pydantic_core", "annotated_types"),
    *("typing_extensions", "typing_inspection"),
)
TOOL = """
import sys
from collections.abc import Iterable
from importlib.metadata import version
from importlib.util import find_spec

from cxr_agent.evidence import Observation
from cxr_agent.study import Image
from cxr_agent.toolbox import OwnEnvironment, ToolResult, tool


class Versions(ToolResult):
    named: str
    imported: str
    interpreter: str
    beside: tuple[str, ...]

    def observations(self) -> Iterable[Observation]:
        return ()


@tool(
    version="1",
    purpose="p",
    subject="anatomy",
    isolation=OwnEnvironment("$CXR_TEST_ENVIRONMENT/bin/python", requires=("quarrelsome==2",)),
)
def quarrel(film: Image) -> Versions:
    import quarrelsome

    ours = ("scipy", "PIL", "onnxruntime", "langgraph")
    return Versions(
        named=version("quarrelsome"),
        imported=quarrelsome.WHO,
        interpreter=sys.prefix,
        beside=tuple(name for name in ours if find_spec(name)),
    )
"""


def distribution(folder: Path, version: str) -> None:
    """A library as pip would have left it there."""
    (folder / "quarrelsome.py").write_text(f"WHO = 'version {version}'\n")
    about = folder / f"quarrelsome-{version}.dist-info"
    about.mkdir()
    about.joinpath("METADATA").write_text(
        f"Metadata-Version: 2.1\nName: quarrelsome\nVersion: {version}\n"
    )


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Made without a network: NumPy and pydantic are linked to, and nothing else is there."""
    root = tmp_path_factory.mktemp("own") / "environment"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", root], check=True)
    (folder,) = root.glob("lib/python*/site-packages")
    for name in CONTRACT_NEEDS:
        found = find_spec(name)
        assert found is not None
        assert found.origin is not None
        origin = Path(found.origin)
        origin = origin.parent if origin.name == "__init__.py" else origin
        folder.joinpath(origin.name).symlink_to(origin)
    for libraries in Path(find_spec("numpy").origin).parents[1].glob("numpy.libs"):  # type: ignore[union-attr,arg-type]
        folder.joinpath(libraries.name).symlink_to(libraries)
    distribution(folder, "2.0")
    return root


@pytest.fixture
def quarrel(
    environment: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[ToolSpec]:
    """The tool, in a file that imports as any other here."""
    distribution(tmp_path, "1.0")
    tmp_path.joinpath("quarrel_tool.py").write_text(TOOL)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setenv("CXR_TEST_ENVIRONMENT", str(environment))
    sys.modules.pop("quarrel_tool", None)
    found = spec_of(importlib.import_module("quarrel_tool").quarrel)
    assert found is not None
    yield found
    sys.modules.pop("quarrel_tool", None)
    sys.modules.pop("quarrelsome", None)


def test_two_versions_of_one_library_live_side_by_side(
    quarrel: ToolSpec, environment: Path
) -> None:
    one, host = film(), ToolHost()
    there, _ = host.run(quarrel, {"film": one}, one)
    host.close()
    here = quarrel.function(one)
    assert (here.named, here.imported) == ("1.0", "version 1.0")  # type: ignore[attr-defined]
    assert there.model_dump() == {
        "drawings": (),
        "named": "2.0",
        "imported": "version 2.0",
        "interpreter": str(environment),
        "beside": (),
    }


def test_one_that_is_not_there_says_what_makes_it(
    quarrel: ToolSpec, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert lacking(quarrel) == ()
    monkeypatch.setenv("CXR_TEST_ENVIRONMENT", str(tmp_path / "none"))
    python = tmp_path / "none" / "bin" / "python"
    assert lacking(quarrel) == (
        f"python -m venv {tmp_path / 'none'}",
        f"{python} -m pip install numpy pydantic quarrelsome==2",
    )
    one = film()
    with pytest.raises(ToolError) as caught:
        ToolHost().run(quarrel, {"film": one}, one)
    assert caught.value.code == "tool_not_started"
    assert "pip install" in caught.value.hint


def test_one_that_lacks_libraries_says_how_to_get_them(
    quarrel: ToolSpec, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bare = tmp_path / "bare"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", bare], check=True)
    monkeypatch.setenv("CXR_TEST_ENVIRONMENT", str(bare))
    one = film()
    with pytest.raises(ToolError) as caught:
        ToolHost().run(quarrel, {"film": one}, one)
    assert caught.value.code == "tool_not_started"
    assert "pip install numpy pydantic quarrelsome==2" in caught.value.hint


def test_a_kept_result_is_of_what_was_installed(quarrel: ToolSpec, environment: Path) -> None:
    one = film()

    def key() -> str | None:
        environment_identity.cache_clear()
        return key_of(quarrel, Bound(one, {"film": one}), Shelf(), MaskDigests())

    before = key()
    assert before is not None
    assert key() == before
    (folder,) = environment.glob("lib/python*/site-packages")
    other = folder / "another-1.0.dist-info"
    other.mkdir()
    try:
        assert key() not in (None, before)
    finally:
        other.rmdir()


def test_an_interpreter_that_is_no_environments_has_no_key(
    quarrel: ToolSpec, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CXR_TEST_ENVIRONMENT", str(tmp_path))
    one = film()
    assert key_of(quarrel, Bound(one, {"film": one}), Shelf(), MaskDigests()) is None


def test_it_is_told_in_words_and_as_data() -> None:
    place = OwnEnvironment("~/cxas/bin/python", requires=("cxas",))
    assert str(place) == "an environment of its own, ~/cxas/bin/python"
    assert place.record() == {
        "kind": "environment",
        "python": "~/cxas/bin/python",
        "requires": ["cxas"],
    }
    assert "~" not in str(place.interpreter)
    assert OwnEnvironment("own/bin/python").interpreter.is_absolute()


NEIGHBOUR = TOOL.replace("def quarrel(", "def neighbourly(").replace(
    "    import quarrelsome\n", "    import quarrelsome\n\n    from kit.neighbour import NAME\n"
)


def test_a_file_of_a_package_finds_its_neighbours(
    environment: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The package is installed here alone; what lies beside it here is not seen there."""
    package = tmp_path / "kit"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "neighbour.py").write_text("NAME = 'neighbour'\n")
    (package / "tool.py").write_text(NEIGHBOUR.replace("named=version(", "named=NAME + version("))
    distribution(tmp_path, "1.0")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setenv("CXR_TEST_ENVIRONMENT", str(environment))
    spec = spec_of(importlib.import_module("kit.tool").neighbourly)
    assert spec is not None
    one, host = film(), ToolHost()
    there, _ = host.run(spec, {"film": one}, one)
    host.close()
    assert there.model_dump()["named"] == "neighbour2.0"
