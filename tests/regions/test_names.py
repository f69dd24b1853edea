"""What people call places: two languages, sides, slips, and what is none."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cxr_agent.errors import UsageError
from cxr_agent.knowledge import region_book, structures, vocabulary
from cxr_agent.knowledge.wording import languages, names
from cxr_agent.regions.names import codes_of, nameable
from cxr_agent.tools.segment_structure import Place


@pytest.mark.parametrize(
    ("text", "codes"),
    [
        ("left costophrenic angle", ["left_costophrenic_angle"]),
        ("Costophrenic angle, LEFT side", ["left_costophrenic_angle"]),
        ("the patient's right lung", ["right_lung"]),
        ("CP angle on the right", ["right_costophrenic_angle"]),
        ("linker Randwinkel", ["left_costophrenic_angle"]),
        ("rechtes Zwerchfell", ["right_hemidiaphragm"]),
        ("linkes Schlüsselbein", ["left_clavicle"]),
        ("linkes Schluesselbein", ["left_clavicle"]),
        ("Wirbelsäule", ["spine"]),
        ("Aortenbogen", ["aortic_arch"]),
        ("windpipe", ["trachea"]),
        ("left hilum", ["left_hilum"]),
        ("rechter Lungenhilus", ["right_hilum"]),
        ("hila", ["right_hilum", "left_hilum"]),
        ("lungs", ["right_lung", "left_lung"]),
        ("both clavicles", ["right_clavicle", "left_clavicle"]),
        ("right and left lung", ["right_lung", "left_lung"]),
        ("beide Lungen", ["right_lung", "left_lung"]),
        ("left posterior rib 5", ["posterior_rib_5_left"]),
        ("Wirbel T4", ["vertebra_t4"]),
    ],
)
def test_known_names(text: str, codes: list[str]) -> None:
    assert list(codes_of(text)) == codes


@pytest.mark.parametrize(
    ("text", "code", "hint"),
    [
        ("costophrenic angle", "ambiguous_structure", "'left costophrenic angle'"),
        ("Lunge", "ambiguous_structure", "'right lung'"),
        ("left trachea", "no_such_side", "'trachea'"),
        ("rechtes Herz", "no_such_side", "'heart'"),
        ("left costofrenic angel", "unknown_structure", "'left costophrenic angle'"),
        ("trachae", "unknown_structure", "'trachea'"),
        ("linkes Schlüselbein", "unknown_structure", "'left clavicle'"),
        ("xyzzy", "unknown_structure", "Write its name"),
        ("", "unknown_structure", "Write its name"),
        ("left", "unknown_structure", "Write its name"),
    ],
)
def test_what_is_no_name_of_one_place(text: str, code: str, hint: str) -> None:
    with pytest.raises(UsageError) as error:
        codes_of(text)
    assert error.value.code == code
    assert hint in (error.value.hint or "")


def test_every_structure_is_found_by_its_names_in_every_language() -> None:
    for code, one in structures().items():
        if code not in nameable():
            continue
        for language in languages():
            assert codes_of(names(language)[code].name) == (code,), (one.name, language)


def test_the_tool_offers_every_place_of_the_file() -> None:
    book = region_book()
    wanted = {c for one in book.region.values() for c in (one.code, one.right, one.left) if c}
    assert {one.value for one in Place} == wanted
    assert wanted <= set(vocabulary())


@settings(max_examples=150, deadline=None)
@given(st.text(max_size=60))
def test_any_text_is_a_name_or_a_usage_error(text: str) -> None:
    with suppress(UsageError):
        assert set(codes_of(text)) <= nameable()
