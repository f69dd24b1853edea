from dataclasses import dataclass
from pathlib import Path

from cxr_agent.batch.item import BatchStudy


@dataclass(frozen=True, slots=True)
class Refused:
    name: str
    code: str
    message: str


def studies_of(source, *, priors=1):
    if isinstance(source, (str, Path)):
        for p in sorted(Path(source).glob("*")):
            yield BatchStudy(p.name, (str(p.absolute()),))
    else:
        for s in source:
            yield (
                s
                if isinstance(s, BatchStudy)
                else BatchStudy(Path(s).name, (str(Path(s).absolute()),))
            )
