"""What a batch reads, what it reads again, and what it leaves in its folder."""

from __future__ import annotations

import asyncio
import csv
import json
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cxr_agent.batch.batch import Limits
from cxr_agent.batch.layout import UNACCEPTED, report_file, study_id
from cxr_agent.batch.ledger import Ledger
from cxr_agent.batch.shard import Shard
from cxr_agent.errors import CxrAgentError, ModelError, OutputError, UsageError

from .fake import fake_batch, studies_in, write_texts


@pytest.fixture
def texts(tmp_path: Path) -> Path:
    write_texts(tmp_path / "texts", 6)
    return tmp_path / "texts"


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "out"


def read_now(out: Path, texts: Path, **options: object) -> list[str]:
    """Names of the studies that are settled now."""
    with fake_batch(out, studies_in(texts), **options) as batch:  # type: ignore[arg-type]
        return sorted(one.study.name for one in batch.fresh())


def table(out: Path, name: str = "studies") -> list[dict[str, str]]:
    with (out / f"{name}.csv").open() as file:
        return list(csv.DictReader(file))


@pytest.mark.parametrize("workers", [0, 2])
def test_each_study_is_read_once_and_written_everywhere(
    out: Path, texts: Path, workers: int
) -> None:
    assert len(read_now(out, texts, workers=workers)) == 6
    rows = table(out)
    assert [row["name"] for row in rows] == sorted(path.name for path in texts.iterdir())
    assert {row["outcome"] for row in rows} == {"read"}
    assert [row["value"] for row in table(out, "measurements")] == ["7.0"] * 6
    for number, row in enumerate(rows, 1):
        assert row["study"] == study_id(number)
        assert report_file(out, number, ".json").read_text() == f"study {number - 1}"
        assert (out / "traces" / "0000" / row["run"] / "trace.jsonl").is_file()
    assert not list((out / UNACCEPTED).iterdir())
    assert json.loads((out / "manifest.json").read_bytes())["studies"]["read"] == 6


def test_the_next_study_is_read_while_one_is_put_on_the_disk(out: Path, tmp_path: Path) -> None:
    texts = tmp_path / "texts"
    write_texts(texts, 2)
    (texts / "0000").write_text("!ends when the next is read")
    (texts / "0001").write_text("!next")
    assert read_now(out, texts, workers=1) == ["0000", "0001"]
    assert [row["outcome"] for row in table(out)] == ["refused", "read"]


def test_the_same_again_reads_nothing(out: Path, texts: Path) -> None:
    read_now(out, texts)
    before = table(out)
    assert read_now(out, texts) == []
    assert table(out) == before
    assert len(json.loads((out / "manifest.json").read_bytes())["sessions"]) == 1


def test_what_changed_is_read_again_and_nothing_else(out: Path, texts: Path) -> None:
    read_now(out, texts)
    before = {row["name"]: row["run"] for row in table(out)}
    (texts / "0002").write_text("another study")
    (texts / "0003").touch()  # its time alone
    (texts / "0009").write_text("a new one")
    assert read_now(out, texts) == ["0002", "0009"]
    after = {row["name"]: row["run"] for row in table(out)}
    assert {name for name in before if before[name] != after[name]} == {"0002"}
    assert report_file(out, 3, ".json").read_text() == "another study"
    traces = {path.name for path in (out / "traces" / "0000").iterdir()}
    assert traces == set(after.values())


def test_a_study_that_is_gone_is_no_part_of_the_tables(out: Path, texts: Path) -> None:
    read_now(out, texts)
    (texts / "0000").unlink()
    assert read_now(out, texts) == []
    assert "0000" not in {row["name"] for row in table(out)}


def test_other_tools_or_weights_make_everything_anew(out: Path, texts: Path) -> None:
    read_now(out, texts)
    assert len(read_now(out, texts, setup="two")) == 6
    assert len(table(out)) == 6


def test_more_priors_or_another_indication_is_another_study(out: Path, texts: Path) -> None:
    studies = studies_in(texts)
    read_now(out, texts)
    studies[1] = type(studies[1])(studies[1].name, studies[1].films, indication="cough")
    with fake_batch(out, studies) as batch:
        assert [one.study.name for one in batch.fresh()] == ["0001"]


def test_a_limit_leaves_the_rest_for_the_next_time(out: Path, texts: Path) -> None:
    assert len(read_now(out, texts, limits=Limits(studies=4))) == 4
    assert json.loads((out / "manifest.json").read_bytes())["sessions"][0]["stopped"] == "limit"
    assert len(read_now(out, texts, limits=Limits(studies=4))) == 2
    assert len(table(out)) == 6


def test_refusals_and_failures_are_results(out: Path, texts: Path) -> None:
    (texts / "0001").write_text("!refused")
    (texts / "0004").write_text("!failed")
    (texts / "0005").write_text("!again")
    read_now(out, texts)
    told = {row["name"]: (row["outcome"], row["code"]) for row in table(out)}
    assert told["0001"] == ("refused", "not_an_image")
    assert told["0004"] == ("failed", "weights_missing")
    assert told["0005"] == ("failed", "internal_error")
    assert read_now(out, texts) == []
    (texts / "0004").write_text("put right")
    assert read_now(out, texts, retry_failed=True) == ["0004", "0005"]


def test_too_many_failures_stop_it(out: Path, texts: Path) -> None:
    for path in texts.iterdir():
        path.write_text("!failed")
    with fake_batch(out, studies_in(texts), limits=Limits(failures=1)) as batch:
        settled = list(batch.fresh())
        assert batch.stopped == "too_many_failures"
    assert 2 <= len(settled) < 6


def test_a_full_disk_ends_it_and_costs_no_result(out: Path, texts: Path) -> None:
    (texts / "0003").write_text("!full")
    with pytest.raises(OutputError) as caught:
        read_now(out, texts)
    assert caught.value.code == "disk_full"
    (texts / "0003").write_text("room again")
    read_now(out, texts)
    assert Counter(row["outcome"] for row in table(out)) == {"read": 6}


def test_who_stops_looking_loses_nothing(out: Path, texts: Path) -> None:
    with fake_batch(out, studies_in(texts), seconds=0.02) as batch:
        first = next(iter(batch.fresh()))
    assert first.study.name in {row["name"] for row in table(out)}
    with Ledger(out, write=False) as ledger:
        assert all(waiting.begun == 0 for waiting in ledger.waiting(0))
    read_now(out, texts)
    assert len({row["name"] for row in table(out)}) == 6


def test_iterating_gives_earlier_results_too(out: Path, texts: Path) -> None:
    read_now(out, texts, limits=Limits(studies=2))
    with fake_batch(out, studies_in(texts)) as batch:
        seen = [one.study.name for one in batch]
        assert sorted(seen) == [f"{number:04d}" for number in range(6)]
        frame = batch.to_frame("measurements")
        assert list(frame["value"]) == [7.0] * 6
        assert set(batch.to_frame("studies")["name"]) == set(seen)
        with pytest.raises(UsageError, match="unknown_table"):
            batch.to_frame("patients")


def test_it_can_be_awaited(out: Path, texts: Path) -> None:
    async def names() -> list[str]:
        with fake_batch(out, studies_in(texts)) as batch:
            return [one.study.name async for one in batch]

    assert sorted(asyncio.run(names())) == [f"{number:04d}" for number in range(6)]


@pytest.mark.parametrize("workers", [0, 1])
def test_a_reader_that_cannot_be_made_is_told_as_it_is(
    out: Path, texts: Path, workers: int
) -> None:
    with pytest.raises(ModelError) as caught:
        read_now(out, texts, broken=True, workers=workers)
    assert caught.value.code == "weights_missing"
    assert caught.value.hint == "Pull them."


def test_one_process_at_a_time(out: Path, texts: Path) -> None:
    with fake_batch(out, studies_in(texts)), pytest.raises(OutputError) as caught:
        fake_batch(out, studies_in(texts))
    assert caught.value.code == "batch_in_use"


def test_no_batch_is_begun_among_other_things(tmp_path: Path) -> None:
    (tmp_path / "thesis.docx").touch()
    with pytest.raises(UsageError) as caught:
        Ledger(tmp_path, create=True)
    assert caught.value.code == "not_a_batch"
    with pytest.raises(UsageError) as caught:
        Ledger(tmp_path / "nowhere")
    assert caught.value.code == "no_batch"


@pytest.mark.parametrize("place", [0, 50, 4096])
def test_a_damaged_ledger_is_told(out: Path, texts: Path, place: int) -> None:
    read_now(out, texts)
    file = out / "batch.sqlite"
    data = bytearray(file.read_bytes())
    data[place : place + 900] = b"\xff" * len(data[place : place + 900])
    file.write_bytes(data)
    with pytest.raises(CxrAgentError) as caught:
        read_now(out, texts)
    assert caught.value.code == "bad_batch"


@given(st.sets(st.text(max_size=20), max_size=30), st.integers(1, 6))
def test_shards_are_a_partition(names: set[str], count: int) -> None:
    shards = [Shard.parsed(f"{index}/{count}") for index in range(1, count + 1)]
    assert all(sum(shard.holds(name) for shard in shards) == 1 for name in names)


@pytest.mark.parametrize("text", ["", "1", "0/2", "3/2", "1/0", "a/b", "-1/2", "1/2/3", "²/3"])
def test_what_is_no_shard(text: str) -> None:
    with pytest.raises(UsageError, match="bad_shard"):
        Shard.parsed(text)
