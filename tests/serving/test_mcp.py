"""``cxr-agent serve mcp`` with the reference client: over its standard streams, and over HTTP."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from pathlib import Path

import anyio
import httpx2
import pytest
from mcp.shared.exceptions import MCPError

from cxr_agent.errors import UsageError
from cxr_agent.serving import Folders
from cxr_agent.trace import RunFinished, read_trace

from .clients import Served, http_server, over_http, over_stdio


def _runs(traces: Path) -> list[str]:
    """How the runs of a folder ended, the first one first."""
    ends = []
    for folder in sorted(traces.iterdir()):
        last = read_trace(folder).events[-1]
        ends.append(last.code or last.status if isinstance(last, RunFinished) else "open")
    return ends


@pytest.fixture(scope="module")
def address(films: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, str]]:
    """A server that several tests ask; ended by a signal, it ends its traces."""
    folder = tmp_path_factory.mktemp("http")
    served = Served(films, folder / "traces", folder / "errors.txt")
    with http_server(served) as (url, token):
        yield url, token
    assert set(_runs(served.traces)) == {"complete"}
    assert "Traceback" not in served.errors.read_text()


def test_a_client_reads_and_follows_a_sentence_to_the_film(served: Served) -> None:
    async def work() -> None:
        async with over_stdio(served) as session:
            heard: list[str | None] = []

            async def progress(_: float, __: float | None, message: str | None) -> None:
                heard.append(message)

            result = await session.client.call_tool(
                "read", {"films": ["chest.dcm"]}, progress_callback=progress
            )
            report = result.structured_content
            session.schemas["read"].validate(report)
            assert report["study"] == "study-1"
            assert "not a diagnosis" in report["notice"]
            assert "segment_anatomy" in heard
            assert "measure_ctr: ok" in heard

            ratio = next(one for one in report["measurements"] if one["tool"] == "measure_ctr")
            said = next(one for one in report["findings"] if ratio["id"] in one["evidence"])
            why = await session.call("explain", study="study-1", sentence=said["id"])
            assert why["text_of_sentence"] == said["text"]
            (support,) = why["rests_on"]
            assert support["tool"] == "measure_ctr"
            assert support["model"] == "anatomy"
            assert len(support["weights_sha256"]) == len(support["image_sha256"]) == 64

            again = await session.call("measure_ctr", study="study-1")
            assert again["evidence"][0]["value"] == ratio["value"]
            assert "SECRET" not in json.dumps([report, why, again])
            assert "4711" not in json.dumps([report, why, again])
            assert str(served.films) not in json.dumps([report, why, again])

    anyio.run(work)
    assert _runs(served.traces) == ["complete"]
    assert "Traceback" not in served.errors.read_text()


def test_single_tools_on_an_open_study(address: tuple[str, str]) -> None:
    async def work() -> None:
        async with over_http(*address, "legacy") as session:
            for name in ("read", "explain", "measure_ctr", "describe_findings"):
                validator = session.schemas[name]
                validator.check_schema(validator.schema)
            opened = await session.call("open_study", films=["chest.png"])
            assert [film["handle"] for film in opened["films"]] == ["img-1"]
            study = opened["study"]
            ratio = await session.call("measure_ctr", study=study)
            assert ratio["first_ran"] == ["segment_anatomy"]
            assert ratio["outcome"] == "ok"
            assert 0.4 < ratio["evidence"][0]["value"] < 0.6
            abstained = await session.call("measure_diaphragm", study=study)
            assert abstained["outcome"] == "abstained"
            assert abstained["result"] is None

            outlined = await session.call("segment_anatomy", study=study, film="img-1")
            mask = next(one for one in outlined["drawn"] if one["name"] == "heart")
            content = (await session.client.read_resource(mask["uri"])).contents[0]
            assert base64.b64decode(content.blob).startswith(b"\x89PNG")  # type: ignore[union-attr]
            with pytest.raises(MCPError):
                await session.client.read_resource(f"cxr-agent://{study}/drawn/../../x")

            assert await session.refused("explain", study=study, sentence="s1") == "no_report"
            assert await session.refused("measure_ctr", study="study-9") == "unknown_study"
            assert await session.refused("measure_ctr", study=study, x=1) == "bad_arguments"
            assert await session.refused("check_view", study=study, film="img-7") == "bad_arguments"

    anyio.run(work)


def test_only_films_of_the_folder_are_read(films: Path, address: tuple[str, str]) -> None:
    hidden = films.parent / "hidden.png"

    async def work() -> None:
        async with over_http(*address) as session:
            for way_out in (
                str(hidden),
                "../hidden.png",
                "link.png",
                "/etc/passwd",
                "/no/such/file",
                "../films",
                "a\x00b",
                "",
            ):
                assert await session.refused("read", films=[way_out]) == "outside_films", way_out
            refused = await session.refused("open_study", films=["chest.png"], priors=["link.png"])
            assert refused == "outside_films"
            assert await session.refused("read", films=["no.png"]) == "file_not_found"
            letter = await session.client.call_tool("read", {"films": ["letter.txt"]})
            assert letter.is_error
            assert "SECRET" not in letter.model_dump_json()
            assert await session.refused("read", films=[]) == "bad_arguments"
            with pytest.raises(MCPError) as unknown:
                await session.client.call_tool("shell", {})
            assert unknown.value.data == {"code": "unknown_tool"}

    anyio.run(work)


def test_a_reading_that_is_cancelled_ends(served: Served) -> None:
    async def work() -> None:
        async with over_stdio(served) as session:
            with anyio.CancelScope() as scope:

                async def cancel(_: float, __: float | None, ___: str | None) -> None:
                    scope.cancel()

                await session.client.call_tool(
                    "read", {"films": ["chest.png"]}, progress_callback=cancel
                )
            assert scope.cancelled_caught
            opened = await session.call("open_study", films=["chest.png"])
            assert opened["study"] == "study-2"

    anyio.run(work)
    assert sorted(_runs(served.traces)) == ["complete", "interrupted"]


def test_nobody_is_answered_without_the_token(address: tuple[str, str]) -> None:
    url, token = address
    for headers in ({}, {"Authorization": "Bearer x"}):
        assert httpx2.post(url, headers=headers, json={"jsonrpc": "2.0"}).status_code == 401
    foreign = {"Authorization": f"Bearer {token}", "Host": "evil.example"}
    assert httpx2.post(url, headers=foreign, json={}).status_code in (403, 421)


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    for folders in ([], [tmp_path / "none"]):
        with pytest.raises(UsageError, match="no_films_folder"):
            Folders(folders)
