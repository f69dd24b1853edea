"""Plug-ins as their authors write them: files in a folder, and installed distributions."""

from __future__ import annotations

from pathlib import Path

SHARE = '''"""Area of the heart over that of heart and lungs."""

from collections.abc import Iterator

from cxr_agent import tool
from cxr_agent.evidence import EvidenceKind, Observation, Unit
from cxr_agent.study import Image
from cxr_agent.toolbox import AddedWords, Mask, ToolResult


class Share(ToolResult):
    share: float

    def observations(self) -> Iterator[Observation]:
        yield Observation(
            kind=EvidenceKind.MEASUREMENT, code="{code}", value=self.share, unit=Unit.RATIO
        )


@tool(
    version="1.0",
    purpose="Area of the heart over that of heart and lungs.",
    subject="{code}",
    words={{"{code}": AddedWords("{said}", section="Cardiovascular", unit="1")}},
)
def {name}(film: Image, heart: Mask, right_lung: Mask, left_lung: Mask) -> Share:
    area = float(heart.plane.sum())
    return Share(share=area / (area + float((right_lung.plane | left_lung.plane).sum())))
'''


def share_tool(name: str, code: str | None = None) -> str:
    """The source of a tool that measures something with a code and words of its own."""
    code = code or f"{name}_share"
    return SHARE.format(name=name, code=code, said=code.replace("_", " "))


def drop_in(folder: Path, **files: str) -> Path:
    """Write files of a drop-in folder, by stem."""
    folder.mkdir(parents=True, exist_ok=True)
    for stem, text in files.items():
        (folder / f"{stem}.py").write_text(text)
    return folder


def install(site: Path, distribution: str, points: dict[str, str], **modules: str) -> Path:
    """What pip leaves of a distribution: modules, metadata and entry points."""
    drop_in(site, **modules)
    info = site / f"{distribution}-2.5.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {distribution}\nVersion: 2.5\n")
    listed = "\n".join(f"{name} = {value}" for name, value in points.items())
    (info / "entry_points.txt").write_text(f"[cxr_agent.tools]\n{listed}\n")
    return site
