"""Nothing that was planted comes out, by whatever way; what may come out is a closed list."""

from __future__ import annotations

import pytest

from tests.privacy.routes_out import ALLOWED, ROUTES, exempted
from tests.privacy.session import Session, told, whole_session

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def session(tmp_path_factory: pytest.TempPathFactory) -> Session:
    return whole_session(tmp_path_factory.mktemp("session"))


def test_enough_is_planted_and_all_is_done(session: Session) -> None:
    assert len(session.planted) >= 2000
    refused = {"read", "one refused", "deidentify"}
    failed = {
        name: ran.err for name, ran in session.ran.items() if ran.status and name not in refused
    }
    assert not failed
    entries = told(session.ran["read"])
    assert sum("error" not in entry for entry in entries) == 3
    assert len(entries) == 11
    assert len(list((session.folder / "copies").iterdir())) >= 4
    assert any(b"image_url" in prompt for prompt in session.prompts)
    assert any(b"say_something" in prompt for prompt in session.prompts)


@pytest.mark.parametrize("route", ROUTES)
def test_nothing_comes_out(route: str, session: Session) -> None:
    leaks = [
        f"{place}: {hit}"
        for place, data in ROUTES[route](session)
        for hit in session.planted.found_in(data)
        if exempted(place, hit) is None
    ]
    assert not leaks


def test_the_list_of_exceptions_is_no_longer_than_it_must_be(session: Session) -> None:
    used = {
        exempted(place, hit)
        for route in ROUTES.values()
        for place, data in route(session)
        for hit in session.planted.found_in(data)
    }
    assert used - {None} == set(ALLOWED)
