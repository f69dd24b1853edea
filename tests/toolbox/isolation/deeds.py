"""Tools for the tests of isolation: one that does whatever it is asked, however bad."""

from __future__ import annotations

import ctypes
import mmap
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterable
from enum import Enum

import numpy as np

from cxr_agent.errors import ModelError, ToolError
from cxr_agent.evidence import EvidenceKind, Location, Observation, Unit
from cxr_agent.knowledge import threshold
from cxr_agent.study import Image
from cxr_agent.toolbox import (
    Abstain,
    Drawing,
    Heatmap,
    Mask,
    OwnProcess,
    ToolResult,
    tool,
)
from cxr_agent.toolbox.contract import NOTHING_PLACED, MaskGroup, Picture, Placed, Prior

LIMIT_S = 1.0


class Deed(Enum):
    """What the tool is to do."""

    ANSWER = "answer"
    NOISE = "noise"
    SEGFAULT = "segfault"
    KILL = "kill"
    OS_EXIT = "os exit"
    OS_EXIT_LEAVING_A_CHILD = "os exit, leaving a child"
    SYS_EXIT = "sys exit"
    PANIC = "panic"
    INTERRUPT = "interrupt"
    HANG = "hang"
    HANG_WITH_THE_LOCK = "hang with the lock"
    HOG = "hog"
    SHARED_HOG = "shared hog"
    HUGE = "huge"
    NOT_A_NUMBER = "not a number"
    NO_RESULT = "no result"
    BARE_MASK = "bare mask"
    RAISE = "raise"
    TOOL_ERROR = "tool error"
    STRANGE_ERROR = "strange error"
    MODEL_ERROR = "model error"
    ABSTAIN = "abstain"
    SAY_THE_PID = "say the pid"
    SAY_THE_KEYS = "say the keys"
    WRITE_THE_FILM = "write the film"


class Panic(BaseException):
    """As a Rust library's."""


class Said(ToolResult):
    number: float = 0.0

    def observations(self) -> Iterable[Observation]:
        yield Observation(
            kind=EvidenceKind.MEASUREMENT,
            code="cardiothoracic_ratio",
            location=Location.CARDIAC_SILHOUETTE,
            value=0.46,
            unit=Unit.RATIO,
            details={"cardiac_width_px": 231, "thoracic_width_px": 500},
        )


@tool(
    version="1",
    purpose="p",
    subject="cardiothoracic_ratio",
    provides=("heart",),
    time_limit_s=LIMIT_S,
    memory_mib=32,
    isolation=OwnProcess(passes=("CXR_TEST_PASSED",)),
)
def misbehave(film: Image, deed: Deed = Deed.ANSWER) -> Said:
    match deed:
        case Deed.NOISE:
            print("pneumothorax present" * 10_000, flush=True)
            print("pneumothorax present", file=sys.stderr, flush=True)
            os.write(1, b"CXRTOOL1 pneumothorax")
            subprocess.run([sys.executable, "-S", "-c", "print('x' * 100000)"], check=True)
        case Deed.SEGFAULT:
            ctypes.string_at(0)
        case Deed.KILL:
            os.kill(os.getpid(), signal.SIGKILL)
        case Deed.OS_EXIT:
            os._exit(3)
        case Deed.OS_EXIT_LEAVING_A_CHILD:
            if os.fork() == 0:  # it holds our pipes
                time.sleep(60)
            os._exit(0)
        case Deed.SYS_EXIT:
            sys.exit(0)
        case Deed.PANIC:
            raise Panic
        case Deed.INTERRUPT:
            raise KeyboardInterrupt
        case Deed.HANG:
            time.sleep(60)
        case Deed.HANG_WITH_THE_LOCK:
            ctypes.PyDLL(None).sleep(60)
        case Deed.HOG:
            np.ones(1 << 28)
        case Deed.SHARED_HOG:
            with mmap.mmap(-1, 400 << 20) as shared:
                for at in range(0, len(shared), 1 << 20):
                    shared[at : at + (1 << 20)] = b"x" * (1 << 20)
                time.sleep(60)
        case Deed.HUGE:
            return Said(drawings=(Drawing(name="x", label="x" * (20 << 20), points=()),))
        case Deed.NOT_A_NUMBER:
            return Said(number=float("nan"))
        case Deed.NO_RESULT:
            return None  # type: ignore[return-value]
        case Deed.BARE_MASK:
            said = Said()
            said.masks["heart"] = np.ones(film.shape, dtype=np.bool_)  # type: ignore[assignment]
            return said
        case Deed.RAISE:
            raise ValueError("No pneumothorax in /home/doe.dcm")
        case Deed.TOOL_ERROR:
            raise ToolError("tool_missing", "it says so itself")
        case Deed.STRANGE_ERROR:
            raise ToolError("Not a code!", "")
        case Deed.MODEL_ERROR:
            raise ModelError("weights_damaged", "")
        case Deed.ABSTAIN:
            raise Abstain("cardiothoracic_ratio", "lateral_view")
        case Deed.SAY_THE_PID:
            return Said(number=os.getpid())
        case Deed.SAY_THE_KEYS:
            found = "CXR_TEST_KEY" in os.environ, os.environ.get("CXR_TEST_PASSED") == "yes"
            return Said(number=2 * found[0] + found[1])
        case Deed.WRITE_THE_FILM:
            film.pixels[0, 0] = 1
    return Said()


class Everything(ToolResult):
    numbers: tuple[float, ...]
    words: dict[str, str]
    placed: dict[str, tuple[float, float]]

    def observations(self) -> Iterable[Observation]:
        yield Observation(
            kind=EvidenceKind.MEASUREMENT,
            code="cardiothoracic_ratio",
            location=Location.CARDIAC_SILHOUETTE,
            value=self.numbers[0],
            unit=Unit.RATIO,
            interval=(0.0, 1.0),
            interval_level=0.9,
            threshold=threshold("ctr_pa").value,
            details={"cardiac_width_px": 231, "thoracic_width_px": 500},
        )


@tool(
    version="1",
    purpose="p",
    subject="cardiothoracic_ratio",
    provides=("heart", "spine"),
    time_limit_s=20,
    isolation=OwnProcess(),
)
def tell_everything(
    film: Image,
    prior: Prior,
    right_lung: Mask,
    vertebrae: MaskGroup,
    spine: Mask | None = None,
    placed: Placed = NOTHING_PLACED,
    turned: bool = False,
    deed: Deed = Deed.ANSWER,
) -> Everything:
    """Tell every argument again, in every way that an answer has."""
    rows, columns = film.shape
    map_ = film.pixels[::4, ::4].astype(np.float64) / 3
    return Everything(
        numbers=(
            float(film.pixels.mean()) / 3,
            1e-17,
            float(right_lung.plane.sum()),
            float(prior.film.pixels.sum()),
            0.0 if right_lung.repeats is None else float(right_lung.repeats.sum()),
            threshold("ctr_pa").value,
            float(turned),
        ),
        words={
            "film": f"{film.handle} {film.sha256} {film.view!r} {film.view_source} {film.spacing}",
            "rest": f"{film.notices} {film.age_group!r} {film.days_before} {film.shape}",
            "prior": f"{prior.film.handle} {sorted(prior.masks)} {prior.film.days_before}",
            "deed": repr(deed),
            "vertebrae": f"{type(vertebrae)} {[(n, m.plane.sum()) for n, m in vertebrae.items()]}",
            "spine": repr(spine),
        },
        placed=dict(placed) | dict(prior.placed),
        drawings=(Drawing(name="width", label="1.5", points=((0.1, 2.0), (3.0, 1 / 3))),),
        masks={
            "heart": Mask("heart", ~right_lung.plane, np.stack([right_lung.plane] * 2), "m"),
            "spine": Mask("spine", film.pixels > 0.5),
        },
        heatmaps={"pleural_effusion": Heatmap("pleural_effusion", map_.astype(np.float32))},
        pictures={"difference": Picture(np.zeros((rows // 2, columns // 2, 3), np.uint8) + 7)},
    )
