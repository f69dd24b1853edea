"""What ``cxr-agent doctor`` finds out about an installation."""

from __future__ import annotations

import importlib.util
import os
import platform
import resource
import tempfile
import time
from collections.abc import Iterable, Iterator
from importlib import metadata
from pathlib import Path
from typing import Final

from pydantic import BaseModel, ConfigDict

from cxr_agent.errors import ModelError
from cxr_agent.knowledge import measurements, members
from cxr_agent.language import configured_model
from cxr_agent.models.runtime.device import describe, unused_gpu
from cxr_agent.models.runtime.runtime import Runtime
from cxr_agent.models.store import load_card, verified_weights, weights_root
from cxr_agent.reading import Agent, program_version
from cxr_agent.toolbox.contract import ToolSpec
from cxr_agent.toolbox.registry import Registry, built_in, known, lacking

_LIBRARIES: Final = (
    ("numpy", "arrays", True),
    ("scipy", "connected parts of masks", True),
    ("pillow", "PNG and JPEG", True),
    ("onnxruntime", "runs the embedded models", True),
    ("langgraph", "the graph of a reading", True),
    ("pydantic", "schemas", True),
    ("pylibjpeg-libjpeg", "JPEG and JPEG-LS in DICOM", True),
    ("pylibjpeg-openjpeg", "JPEG 2000 in DICOM", True),
    ("pylibjpeg-rle", "RLE in DICOM", True),
    ("prompt_toolkit", "line editing of the chat", True),
    ("dicomweb-client", "priors from a DICOMweb server", False),
    ("litellm", "a language model as planner", False),
    ("torch", "runs the models on a GPU; training; not needed on a CPU", False),
)


MASKS: Final = "a folder of masks, given with --masks"
"""How outlines come from elsewhere."""


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Library(_Part):
    """An installed or missing library."""

    name: str
    version: str | None
    purpose: str
    required: bool


class ModelState(_Part):
    """An embedded model and whether its weights are sound."""

    id: str
    state: str
    detail: str


class MeasurementState(_Part):
    """A measurement and whether the outlines that it needs have a source here."""

    id: str
    """Of ``kb/measurements.toml``."""
    ready: bool
    tool: str
    sources: tuple[str, ...]
    """Tools that outline for it."""
    missing: tuple[str, ...]
    """Structures, or groups of them, that nothing here outlines."""
    enabled_by: tuple[str, ...]
    """What would bring the outlines that are missing, each by itself."""


class Speed(_Part):
    """Wall time of a reading of the phantom in this process."""

    first_s: float
    """With everything still to be loaded."""
    next_s: float
    peak_mib: int
    """Peak resident memory of this process, the decode worker left out."""


class Diagnosis(_Part):
    """The whole of it."""

    program: str
    python: str
    cores: int
    device: str
    language_model: str
    """Who plans and words where nothing is said on the command line."""
    libraries: tuple[Library, ...]
    models: tuple[ModelState, ...]
    measurements: tuple[MeasurementState, ...]
    speed: Speed | None
    advice: tuple[str, ...]
    healthy: bool
    """Whether a reading can run."""


def examine(*, speed: bool = True, device: str = "auto") -> Diagnosis:
    """Look at libraries, models and device; with ``speed`` read the phantom twice.

    Raises
    ------
    UsageError, ModelError, ConfigError
        As :class:`cxr_agent.reading.Agent` does for a device and a language model.
    """
    runtime = Runtime.shared(device)
    libraries = tuple(
        Library(name=name, version=_version(name), purpose=purpose, required=required)
        for name, purpose, required in _LIBRARIES
    )
    models = tuple(_states(runtime))
    healthy = all(lib.version for lib in libraries if lib.required) and all(
        model.state == "ready" for model in models
    )
    return Diagnosis(
        program=program_version(),
        python=platform.python_version(),
        cores=os.cpu_count() or 1,
        device=_device(runtime),
        language_model=_language_model(),
        libraries=libraries,
        models=models,
        measurements=tuple(_measurements()),
        speed=_speed(device) if speed and healthy else None,
        advice=tuple(_advice(libraries, device)),
        healthy=healthy,
    )


def _version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def _states(runtime: Runtime) -> list[ModelState]:
    states = []
    needed = {spec.model for spec in built_in() if spec.model is not None}
    there = {path.parent.name for path in weights_root().glob("*/card.json")}
    for name in sorted(needed | there):
        try:
            card = load_card(name)
            size = len(verified_weights(card, runtime.form)) / 1e6
            state, detail = "ready", f"{card.name} {card.version}, {size:.1f} MB, {card.task}"
        except ModelError as error:
            state, detail = error.code, error.message
        states.append(ModelState(id=name, state=state, detail=detail))
    return states


def _measurements() -> Iterator[MeasurementState]:
    here, all_tools = built_in(), known()
    for one in measurements().values():
        sources = {name: _outliners(name, here) for name in one.structures}
        missing = tuple(name for name, specs in sources.items() if not specs)
        yield MeasurementState(
            id=one.id,
            ready=not missing,
            tool=one.tool,
            sources=_unique(spec.name for specs in sources.values() for spec in specs),
            missing=missing,
            enabled_by=tuple(_enabling(missing, all_tools)) if missing else (),
        )


def _outliners(structure: str, registry: Registry) -> list[ToolSpec]:
    """Tools that outline a structure, or any member of a group, without being asked for it."""
    wanted = {structure, *members(structure)}
    return [spec for spec in registry if not spec.asked_only and wanted.intersection(spec.provides)]


def _enabling(missing: tuple[str, ...], registry: Registry) -> Iterator[str]:
    """Every way to have all that is missing outlined."""
    needs = [{spec.name: spec for spec in _outliners(name, registry)} for name in missing]
    for name in sorted(set.intersection(*(set(specs) for specs in needs))):
        yield " && ".join(lacking(needs[0][name]))
    yield MASKS


def _unique(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(names))


def _device(runtime: Runtime) -> str:
    if runtime.form == "onnx" and _version("onnxruntime") is None:
        return "none: onnxruntime is not installed"
    return describe(runtime.device)


def _language_model() -> str:
    settings = configured_model()
    if settings is None:
        return "none: the protocol plans, rules word"
    if _version("litellm") is None:
        return f'{settings.name}, which needs pip install "cxr-agent[llm]"'
    return f"{settings.name}{' on this machine' if settings.local else ''}"


def _speed(device: str) -> Speed:
    import numpy as np
    from PIL import Image

    from cxr_agent.testing.phantom import draw

    pixels = np.rint(draw().pixels * 255).astype(np.uint8)
    with tempfile.TemporaryDirectory() as folder:
        film = Path(folder) / "phantom.png"
        Image.fromarray(pixels).save(film)
        began = time.perf_counter()
        with Agent(traces=Path(folder) / "traces", device=device, model="none") as agent:
            agent.read(film)
            first = time.perf_counter() - began
            began = time.perf_counter()
            agent.read(film)
            second = time.perf_counter() - began
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    return Speed(first_s=first, next_s=second, peak_mib=peak)


def _advice(libraries: tuple[Library, ...], device: str) -> list[str]:
    advice = [
        f"pip install {library.name}: {library.purpose}"
        for library in libraries
        if library.required and library.version is None
    ]
    idle = unused_gpu(device)
    if idle is not None:
        advice.append(idle)
    if (os.cpu_count() or 1) < 4:
        advice.append("more cores: the anatomy network takes most of a reading's time")
    if importlib.util.find_spec("torch") is None:
        advice.append('to train the embedded models: pip install "cxr-agent[training]"')
    return advice
