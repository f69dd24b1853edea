"""What a reading rests on: one :class:`Evidence` per thing that a tool saw, measured or could not.

A tool states an :class:`Observation`; the toolbox adds identity and provenance and so makes the
Evidence. Every sentence of a report cites evidence by id, and
``sentence -> evidence -> step -> tool + model + weights -> image`` can be walked.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Final, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator


class EvidenceKind(StrEnum):
    """What sort of statement the evidence supports."""

    QUALITY = "quality"
    """A property of the film: view, rotation, inclusion, exposure."""
    REGION = "region"
    """A structure was outlined."""
    MEASUREMENT = "measurement"
    """A number with a unit."""
    FINDING = "finding"
    """A radiographic finding, present, absent or uncertain."""
    COMPARISON = "comparison"
    """A change, or no change, against a prior film."""
    DESCRIPTOR = "descriptor"
    """A radiographic sign that speaks for a finding, with its score; it opens the finding up."""
    NEIGHBOUR = "neighbour"
    """A similar case; context, never proof."""
    TEXT = "text"
    """Something that a text says."""
    LIMITATION = "limitation"
    """What could not be seen or measured, and why; also a tool that failed."""


class Polarity(StrEnum):
    """Presence of a finding; RadLex RID28472, RID28473, RID39110."""

    PRESENT = "present"
    ABSENT = "absent"
    UNCERTAIN = "uncertain"


OUTSIDE: Final = "by_outside_tool"
"""The category of what a tool from outside states: in a mapping's terms, and not calibrated."""


class Severity(StrEnum):
    """How much of a finding there is; RadLex RID5671, RID5672, RID5673."""

    MILD = "mild"
    MODERATE = "moderate"
    SEVERE = "severe"


class Change(StrEnum):
    """The categories of a comparison with a prior film.

    Chest ImaGenome's improved, worsened and no change, and, for what is on one film alone, new
    (RadLex RID5720) and resolved. Of a measurement, worsened is larger and improved is smaller.
    """

    NEW = "new"
    WORSENED = "worsened"
    NO_CHANGE = "no_change"
    IMPROVED = "improved"
    RESOLVED = "resolved"


class Side(StrEnum):
    """The patient's side."""

    RIGHT = "right"
    LEFT = "left"
    BILATERAL = "bilateral"
    MIDLINE = "midline"


class Unit(StrEnum):
    """UCUM codes, and ``px`` for lengths on the film as stored."""

    RATIO = "1"
    MILLIMETRE = "mm"
    SQUARE_CENTIMETRE = "cm2"
    PIXEL = "px"
    DEGREE = "deg"
    DAY = "d"


class Location(StrEnum):
    """The 29 anatomical locations of Chest ImaGenome (Wu et al., 2021)."""

    RIGHT_LUNG = "right lung"
    RIGHT_APICAL_ZONE = "right apical zone"
    RIGHT_UPPER_LUNG_ZONE = "right upper lung zone"
    RIGHT_MID_LUNG_ZONE = "right mid lung zone"
    RIGHT_LOWER_LUNG_ZONE = "right lower lung zone"
    RIGHT_HILAR_STRUCTURES = "right hilar structures"
    RIGHT_COSTOPHRENIC_ANGLE = "right costophrenic angle"
    RIGHT_HEMIDIAPHRAGM = "right hemidiaphragm"
    RIGHT_CLAVICLE = "right clavicle"
    RIGHT_ATRIUM = "right atrium"
    LEFT_LUNG = "left lung"
    LEFT_APICAL_ZONE = "left apical zone"
    LEFT_UPPER_LUNG_ZONE = "left upper lung zone"
    LEFT_MID_LUNG_ZONE = "left mid lung zone"
    LEFT_LOWER_LUNG_ZONE = "left lower lung zone"
    LEFT_HILAR_STRUCTURES = "left hilar structures"
    LEFT_COSTOPHRENIC_ANGLE = "left costophrenic angle"
    LEFT_HEMIDIAPHRAGM = "left hemidiaphragm"
    LEFT_CLAVICLE = "left clavicle"
    TRACHEA = "trachea"
    CARINA = "carina"
    SPINE = "spine"
    AORTIC_ARCH = "aortic arch"
    MEDIASTINUM = "mediastinum"
    UPPER_MEDIASTINUM = "upper mediastinum"
    SVC = "svc"
    CAVOATRIAL_JUNCTION = "cavoatrial junction"
    CARDIAC_SILHOUETTE = "cardiac silhouette"
    ABDOMEN = "abdomen"


Interval = tuple[float, float]
Box = tuple[int, int, int, int]
"""(left, top, right, bottom) in film pixels, right and bottom exclusive."""
Code = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$", max_length=64)]
EvidenceId = Annotated[str, Field(pattern=r"^e[1-9][0-9]*$")]
"""``e1``, ``e2`` ...: unique within a run."""
PriorHandle = Annotated[str, Field(pattern=r"^prior-[1-9][0-9]*$")]


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Observation(_Frozen):
    """What a tool states about one film; coordinates are film pixels, x to the right, y down."""

    kind: EvidenceKind
    code: Code
    """What: a code of ``kb/vocabulary.toml``."""
    location: Location | None = None
    side: Side | None = None
    box: Box | None = None
    polarity: Polarity | None = None
    severity: Severity | None = None
    value: float | None = None
    unit: Unit | None = None
    interval: Interval | None = None
    """Lower and upper bound of ``value``."""
    interval_level: float | None = None
    """Share of such intervals that hold the truth, 0.9 for a 90 % interval."""
    probability: float | None = Field(default=None, ge=0, le=1)
    threshold: float | None = None
    """What the value or probability was compared with."""
    threshold_source: str = ""
    reasons: tuple[Code, ...] = ()
    """For a limitation, the codes that say why; elsewhere, what the value must be read with."""
    category: Code | None = None
    """A value out of a closed list, where the code has one (a view, an exposure)."""
    details: dict[Code, float] = Field(default_factory=dict)
    """Numbers behind the value, named with their unit: ``cardiac_width_px``."""
    basis: tuple[EvidenceId, ...] = ()
    """Other evidence that this was concluded from: the two sides of a conflict."""
    quote: str = Field(default="", max_length=240)
    """What a text says, masked: data for the reader's eye, never read for a claim or an order."""
    against: PriorHandle | None = None
    """The prior film that this one was compared with."""

    @model_validator(mode="after")
    def _coherent(self) -> Self:
        if self.value is not None and self.unit is None:
            raise ValueError("a value needs a unit")
        if self.interval is not None:
            low, high = self.interval
            if self.value is None or self.interval_level is None or not low <= high:
                raise ValueError("an interval needs a value, a level, and its ends in order")
        if self.kind is EvidenceKind.FINDING and self.polarity is None:
            raise ValueError("a finding needs a polarity")
        if self.severity is not None and self.polarity is not Polarity.PRESENT:
            raise ValueError("only what is present has a severity")
        if self.kind is EvidenceKind.COMPARISON and self.category not in set(Change):
            raise ValueError("a comparison needs one of the categories of Change")
        if self.kind is EvidenceKind.COMPARISON and self.against is None:
            raise ValueError("a comparison needs the film that it was made against")
        if self.kind is EvidenceKind.DESCRIPTOR and (self.value is None or self.category is None):
            raise ValueError("a descriptor needs a score and the finding that it speaks for")
        if self.kind is EvidenceKind.LIMITATION and not self.reasons:
            raise ValueError("a limitation needs a reason")
        return self


class Provenance(_Frozen):
    """Where the evidence comes from."""

    step: int = Field(ge=1)
    """Sequence number of the step in its run."""
    tool: str
    tool_version: str
    model: str | None = None
    """Id of the model card."""
    weights_sha256: str | None = None
    image_sha256: str
    """Hash of the pixels that were looked at."""


class Evidence(Observation):
    """An observation with identity and provenance."""

    id: EvidenceId
    image: str
    """Handle of the film."""
    artifacts: dict[str, str] = Field(default_factory=dict)
    """Name to SHA-256 of files in the trace: masks, measured lines."""
    reading: str
    """The observation in plain language, written by rule."""
    provenance: Provenance

    @property
    def of_prior(self) -> bool:
        """Whether it is about a prior film."""
        return self.image.startswith("prior-")
