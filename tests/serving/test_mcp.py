"""``cxr-agent serve mcp`` with the reference client: over its standard streams, and over HTTP."""

from __future__ import annotations

import base64
import json
from pathlib import Path

import anyio
import httpx2
import jsonschema
import pytest
from mcp.shared.exceptions import MCPError

from cxr_agent.trace import RunFinished, read_trace
from tests.cli.program import run_program

from .clients import Served, http_server, over_http, over_stdio


def _runs(traces: Path) -> list[str]:
    """How the runs of a folder ended, the first one first."""
    ends = []
    for folder in sorted(traces.iterdir()):
        last = read_trace(folder).events[-1]
        ends.append(last.code or last.status if isinstance(last, RunFinished) else "open")
    return ends


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
            jsonschema.validate(report, session.schemas["read"])
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


def test_single_tools_on_an_open_study(served: Served) -> None:
    async def work() -> None:
        async with over_stdio(served) as session:
            for schema in session.schemas.values():
                jsonschema.Draft202012Validator.check_schema(schema)
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
                await session.client.read_resource("cxr-agent://study-1/drawn/../../x")

            assert await session.refused("explain", study=study, sentence="s1") == "no_report"
            assert await session.refused("measure_ctr", study="study-9") == "unknown_study"
            assert await session.refused("measure_ctr", study=study, x=1) == "bad_arguments"
            assert await session.refused("check_view", study=study, film="img-7") == "bad_arguments"

    anyio.run(work)


def test_only_films_of_the_folder_are_read(served: Served) -> None:
    hidden = served.films.parent / "hidden.png"

    async def work() -> None:
        async with over_stdio(served) as session:
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
    assert _runs(served.traces) == ["interrupted", "complete"]


def test_over_http_with_the_token_alone(served: Served) -> None:
    with http_server(served) as (address, token):

        async def work() -> None:
            async with over_http(address, token) as session:
                report = await session.call("read", films=["chest.png"])
                assert report["status"] == "complete"

        anyio.run(work)
        for headers in ({}, {"Authorization": "Bearer x"}):
            answer = httpx2.post(address, headers=headers, json={"jsonrpc": "2.0"})
            assert answer.status_code == 401
        foreign = {"Authorization": f"Bearer {token}", "Host": "evil.example"}
        assert httpx2.post(address, headers=foreign, json={}).status_code in (403, 421)
    assert _runs(served.traces) == ["complete"]


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    ran = run_program("serve", "mcp", "--films", tmp_path / "none", traces=tmp_path / "traces")
    assert ran.status == 2
    assert ran.errors == [("", "no_films_folder")]
