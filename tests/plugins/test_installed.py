"""Each example package from its own wheel, in a clean environment, through the real program.

The environments share the libraries of one base; each holds one plug-in. No program that runs in
them reaches beyond this machine.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from cxr_agent.testing.phantom import PhantomSpec, draw
from cxr_agent.testing.stub_server import Reply, Request, StubServer
from cxr_agent.trace import read_trace
from tests.guarding.loopback_only import OFF
from tests.plugins.installing import EXAMPLES, ROOT, Environment, made, wheel_of
from tests.plugins.tutorial import blocks, differs, printed, section, typed
from tests.test_readme import steady

pytestmark = pytest.mark.slow

TILT = 7.0


@pytest.fixture(scope="module")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder, into = tmp_path_factory.mktemp("sources"), tmp_path_factory.mktemp("dist")
    projects = [ROOT, *(path.parent for path in sorted(EXAMPLES.glob("*/pyproject.toml")))]
    return {
        "cxr-agent" if one == ROOT else one.name: wheel_of(one, folder, into) for one in projects
    }


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory, wheels: dict[str, Path]) -> Environment:
    """The program alone, with what a language model needs."""
    folder = tmp_path_factory.mktemp("base")
    environment = made(folder / "venv", folder)
    environment.pip("install", f"{wheels['cxr-agent']}[llm]", "setuptools>=77")
    return environment


@pytest.fixture(scope="module")
def installed(
    tmp_path_factory: pytest.TempPathFactory, base: Environment, wheels: dict[str, Path]
) -> dict[str, Environment]:
    """An environment for each plug-in, by its project; its own requirements have to be met."""
    found = {}
    for project in wheels.keys() - {"cxr-agent"}:
        folder = tmp_path_factory.mktemp(project)
        environment = made(folder / "venv", folder, on_top_of=base)
        environment.pip("install", "--no-index", str(wheels[project]))
        film(folder / "film.png")
        found[project] = environment
    return found


def film(path: Path) -> None:
    pixels = draw(PhantomSpec(tilt_deg=TILT), 1024).pixels
    Image.fromarray(np.rint(pixels * 255).astype(np.uint8)).save(path)


def listed(environment: Environment, name: str) -> dict[str, object]:
    """The tool as it is listed, by code that then has loaded neither the plug-in nor torch."""
    code = (
        "import sys\n"
        "from cxr_agent.cli.tools_list import list_tools\n"
        "list_tools(tools=None, as_json=True)\n"
        "held = [m for m in sys.modules if m == 'torch' or m.startswith('cxr_') and '.tool' in m\n"
        "        and not m.startswith('cxr_agent.')]\n"
        "assert not held, held\n"
    )
    ran = environment.run(str(environment.python), "-c", code)
    assert ran.status == 0, ran.err
    (record,) = (one for one in ran.json if one["name"] == name)
    by_program = environment.program("tools", "list")
    assert by_program.status == 0
    assert by_program.err == ""
    assert f"{name} {record['version']} (entry point {record['source']['place']})" in by_program.out
    return record


def holds(environment: Environment, name: str) -> None:
    ran = environment.program("tools", "check", name)
    assert ran.status == 0, ran.out + ran.err
    assert f"{name}: holds" in ran.out
    assert "failed" not in ran.out


def called(environment: Environment, name: str, *options: str, **more: str) -> dict[str, object]:
    ran = environment.program("tools", "run", name, "film.png", "--json", *options, **more)
    assert ran.status == 0, ran.err
    (call,) = ran.json
    assert call["outcome"] == "ok"
    return call


def read(environment: Environment, code: str, *options: str, **more: str) -> dict[str, object]:
    """The evidence of that code, and every sentence that cites it, in a reading of the phantom."""
    arguments = ("read", "film.png", "--traces", "traces", "--json", *options)
    ran = environment.program(*arguments, **more)
    assert ran.status == 0, ran.err
    (item,) = (one for one in ran.json["evidence"] if one["code"] == code)
    sentences = [*ran.json["findings"], *ran.json["impression"], *ran.json["limitations"]]
    texts = [one["text"] for one in sentences if item["id"] in one["evidence"]]
    return {**item, "texts": texts}


def events(environment: Environment) -> list[dict[str, object]]:
    """Of the newest trace, which has to be whole."""
    newest = max((environment.folder / "traces").iterdir(), key=lambda path: path.name)
    assert environment.program("trace", "verify", newest.name, "--traces", "traces").status == 0
    return [one.model_dump(mode="json") for one in read_trace(newest).events]


def test_the_numpy_measurement(installed: dict[str, Environment]) -> None:
    here, name = installed["cardiothoracic-area"], "cardiothoracic_area"
    record = listed(here, name)
    place = "cxr-cardiothoracic-area 1.0.0 (cardiothoracic-area = cxr_cardiothoracic_area.tool)"
    assert (record["version"], record["source"]["place"]) == ("1.0.0", place)
    holds(here, name)
    masks = draw(PhantomSpec(tilt_deg=TILT), 1024).masks
    lungs = masks["right_lung"] | masks["left_lung"]
    rows = [np.flatnonzero(row) for row in lungs if row.any()]
    thorax = sum(int(row[-1] - row[0] + 1) for row in rows)
    truth = masks["heart"].sum() / (thorax + (masks["heart"] & ~lungs.any(1)[:, None]).sum())
    assert called(here, name)["result"]["ratio"] == pytest.approx(truth, abs=0.02)
    item = read(here, "cardiothoracic_area_ratio")
    assert item["value"] == pytest.approx(truth, abs=0.02)
    assert item["texts"][0] == f"Cardiothoracic area ratio {item['value']:.2f}."
    assert item["provenance"]["tool"] == name
    assert name in [one.get("tool") for one in events(here)]


def test_a_language_model_plans_with_it(installed: dict[str, Environment]) -> None:
    here = installed["cardiothoracic-area"]
    offered: list[str] = []

    def script(request: Request) -> Reply:
        tools = [one["function"]["name"] for one in request.body.get("tools", ())]
        if not tools:
            return Reply.said("")  # the wording of the report is left to the rules
        offered.extend(tools)
        wanted = ("segment_anatomy", "cardiothoracic_area")
        made_before = len(server.requests) - 1
        if made_before >= len(wanted):
            return Reply.said("")
        return Reply.calls([(wanted[made_before], {"film": "img-1"})])

    with StubServer(script) as server:
        item = read(
            here,
            "cardiothoracic_area_ratio",
            *("--model", "openai/stub", "--api-base", server.url),
        )
    assert "cardiothoracic_area" in offered
    assert f"Cardiothoracic area ratio {item['value']:.2f}." in item["texts"]
    decided = [one for one in events(here) if one["type"] == "plan"]
    assert "cardiothoracic_area" in [one["decision"] for one in decided]


def test_the_network_in_an_environment_of_its_own(installed: dict[str, Environment]) -> None:
    here, name = installed["film-tilt"], "film_tilt"
    record = listed(here, name)
    assert not record["available"]
    assert called_without(here, name) == "no_such_tool"
    for command in record["enabled_by"]:  # as `tools list` prints them
        ran = here.run(
            "bash",
            "-c",
            command,
            timeout=500,
            PIP_CONSTRAINT=str(ROOT / "constraints.txt"),
            PIP_QUIET="1",
            **{OFF: "pip"},
        )
        assert ran.status == 0, ran.err
    record = listed(here, name)
    assert record["available"]
    assert record["isolation"]["kind"] == "environment"
    assert here.run(str(here.python), "-c", "import torch").status != 0
    holds(here, name)
    card = json.loads((EXAMPLES / "film-tilt" / "cxr_film_tilt" / "card.json").read_text())
    found = called(here, name)["result"]
    assert found["clockwise_deg"] == pytest.approx(TILT, abs=card["interval_half_width_deg"])
    cache = {"CXR_AGENT_CACHE": "cache"}
    item = read(here, name, **cache)
    assert item["value"] == pytest.approx(found["tilt_deg"], abs=1e-3)
    assert item["provenance"]["model"] == card["id"]
    assert item["provenance"]["weights_sha256"] == card["safetensors_sha256"]
    assert item["texts"][0].startswith("Tilt of the chest ")
    again = read(here, name, **cache)
    kept = [one for one in events(here) if one.get("tool") == name and "cached" in one]
    assert [one["cached"] for one in kept] == [True]
    assert again["value"] == item["value"]


def called_without(environment: Environment, name: str) -> str:
    ran = environment.program("tools", "run", name, "film.png")
    return ran.err.partition("[")[2].partition("]")[0]


def test_the_remote_model(installed: dict[str, Environment]) -> None:
    here, name = installed["scoliosis-look"], "look_for_scoliosis"
    record = listed(here, name)
    assert record["source"]["place"].startswith("cxr-scoliosis-look 1.0.0 ")
    holds(here, name)
    with StubServer([Reply.said("Yes.")]) as server:
        remote = {"CXR_AGENT_VLM": "openai/stub", "CXR_AGENT_VLM_API_BASE": server.url}
        ran = here.program("tools", "run", name, "film.png", **remote)
        assert "no_such_tool" in ran.err  # no picture may leave, so it is not offered
        assert server.requests == []
        found = called(here, name, "--send-images", **remote)
        assert found["result"] == {"drawings": [], "leaning": "suggested"}
        item = read(here, "scoliosis", "--send-images", **remote)
    assert item["polarity"] == "uncertain"
    assert item["probability"] is None
    assert item["texts"]
    assert all(text.startswith("Undecided on scoliosis: suggested by") for text in item["texts"])
    kept = events(here)
    (exchange,) = (one for one in kept if one["type"] == "model_called")
    assert (exchange["images"], exchange["prompt_id"]) == (1, "scoliosis/1")
    assert "base64" not in json.dumps(kept)
    # Run anew, the tools give the same; the model is not asked again.
    replayed = here.program("trace", "replay", "last", "film.png", "--tools", "--traces", "traces")
    assert replayed.status == 0, replayed.out + replayed.err


@pytest.fixture(scope="module")
def own(base: Environment, tmp_path_factory: pytest.TempPathFactory) -> Environment:
    """For whoever follows the tutorial: the program, and no plug-in yet."""
    folder = tmp_path_factory.mktemp("tutorial")
    return made(folder / "venv", folder, on_top_of=base)


def followed(text: str, environment: Environment, **more: str) -> None:
    for block in blocks(text, "console"):
        pairs = printed(block, environment, **more)
        assert len(pairs) == len(typed(block))
        assert [said for said in (differs(*pair) for pair in pairs) if said] == []


def test_the_tutorial_to_the_installed_package(own: Environment) -> None:
    text = section("A measurement")
    followed(text, own)
    (example,) = (one for one in blocks(text, "python") if "StubServer" in one)
    ran = own.run(str(own.python), "-c", example)
    assert ran.status == 0, ran.err
    assert steady(blocks(text, "text")[-1]) == steady(ran.out)


def test_the_tutorial_on_networks(installed: dict[str, Environment]) -> None:
    here = installed["film-tilt"]
    assert listed(here, "film_tilt")["available"]  # an earlier test made its environment
    followed(section("A network with its weights and card"), here)


def test_the_tutorial_on_remote_models(installed: dict[str, Environment]) -> None:
    with StubServer([Reply.said("Yes.")]) as server:
        text = section("A remote model through LiteLLM")
        followed(text, installed["scoliosis-look"], SERVER=server.url)
