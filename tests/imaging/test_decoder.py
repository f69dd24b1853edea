"""The worker: kept warm, limited, and replaced when it dies."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cxr_agent.errors import InputError
from cxr_agent.imaging import DecodedFilm, Decoder
from cxr_agent.imaging.decode import decode
from cxr_agent.imaging.patient_key import PatientKey
from cxr_agent.imaging.wire import (
    ANSWER,
    MAGIC,
    film_answer,
    patient_answer,
    read_film,
    read_header,
    read_patient,
    read_refusal,
)
from cxr_agent.study import Notice, PixelSpacing, SpacingKind

from .films import dicom, png, ramp


@pytest.fixture
def film(tmp_path: Path) -> Path:
    path = tmp_path / "film.dcm"
    path.write_bytes(dicom(PixelSpacing=[0.2, 0.2], ViewPosition="AP"))
    return path


def code_of(call: Any) -> str:
    with pytest.raises(InputError) as caught:
        call()
    return caught.value.code


def test_same_as_in_process(film: Path, decoder: Decoder) -> None:
    here, there = decode(str(film)), decoder.decode(film)
    np.testing.assert_array_equal(here.pixels, there.pixels)
    for name in ("view", "view_source", "age_group", "spacing", "notices", "film_day", "sha256"):
        assert getattr(here, name) == getattr(there, name)
    assert not there.pixels.flags.writeable


@pytest.mark.parametrize(
    ("identity", "known"),
    [("MARTHA-1 ", "MARTHA-1"), ("MARTHA*", ""), ("M?", ""), ("", ""), (None, ""), ("A\\B", "A")],
)
def test_by_what_the_patient_is_known(
    tmp_path: Path, decoder: Decoder, identity: str | None, known: str
) -> None:
    path = tmp_path / "film.dcm"
    path.write_bytes(dicom(PatientID=identity, IssuerOfPatientID="Clinic"))
    key = decoder.patient_of(path)
    assert (key.patient_id, key.issuer) == (known, "Clinic")
    assert not {"MARTHA-1", "Clinic"} & set(repr(key).split("'"))


def test_a_picture_has_no_key(tmp_path: Path, decoder: Decoder) -> None:
    path = tmp_path / "film.png"
    path.write_bytes(png(ramp(8)))
    assert decoder.patient_of(path) == PatientKey()
    path.write_bytes(b"<html>")
    assert code_of(lambda: decoder.patient_of(path)) == "not_an_image"
    assert code_of(lambda: decoder.patient_of(tmp_path / "none")) == "file_not_found"


def test_many_files_in_one_worker(film: Path, decoder: Decoder, tmp_path: Path) -> None:
    bad = tmp_path / "bad.png"
    bad.write_bytes(b"<html>")
    decoder.decode(film)
    pid = decoder.worker_pid
    for _ in range(40):
        decoder.decode(film)
        assert code_of(lambda: decoder.decode(bad)) == "not_an_image"
    assert decoder.worker_pid == pid


def test_starts_only_when_asked() -> None:
    with Decoder() as lazy:
        assert lazy.worker_pid is None


def test_killed_between_films(film: Path) -> None:
    with Decoder() as own:
        first = own.decode(film)
        assert own.worker_pid is not None
        os.kill(own.worker_pid, signal.SIGKILL)
        time.sleep(0.1)
        assert own.decode(film).sha256 == first.sha256


def test_killed_in_the_middle(film: Path) -> None:
    with Decoder() as own:
        own.decode(film)
        pid = own.worker_pid
        assert pid is not None
        os.kill(pid, signal.SIGSTOP)  # it takes the request and answers nothing
        timer = threading.Timer(0.3, os.kill, (pid, signal.SIGKILL))
        timer.start()
        assert code_of(lambda: own.decode(film)) == "decode_crash"
        timer.join()
        assert own.decode(film).pixels.size
        assert own.worker_pid != pid


def test_hangs(film: Path) -> None:
    with Decoder(file_s=2.0) as own:
        own.decode(film)
        pid = own.worker_pid
        assert pid is not None
        own.file_s = 0.3
        os.kill(pid, signal.SIGSTOP)
        assert code_of(lambda: own.decode(film)) == "decode_timeout"
        own.file_s = 8.0
        assert own.decode(film).pixels.size


def test_never_starts(film: Path) -> None:
    with Decoder(start_s=0.001) as own:
        assert code_of(lambda: own.decode(film)) == "decode_timeout"
        own.start_s = 30.0
        assert own.decode(film).pixels.size


def test_memory(tmp_path: Path, film: Path) -> None:
    big = tmp_path / "big.png"
    rows = np.linspace(0, 255, 5000).astype(np.uint8)
    big.write_bytes(png(np.repeat(rows[:, None], 5000, axis=1)))
    with Decoder(extra_bytes=60 << 20) as own:
        assert code_of(lambda: own.decode(big)) == "decode_memory"
        assert own.decode(film).pixels.size
    with Decoder() as own:
        assert own.decode(big).pixels.shape == (5000, 5000)


def test_pipe_does_not_block(tmp_path: Path, decoder: Decoder) -> None:
    os.mkfifo(tmp_path / "pipe")
    assert code_of(lambda: decoder.decode(tmp_path / "pipe")) == "not_a_regular_file"


def test_name_that_is_no_text(tmp_path: Path, decoder: Decoder) -> None:
    name = os.fsencode(tmp_path) + b"/\xff\xfe\n\x1b[31m.png"
    with open(name, "wb") as file:  # noqa: PTH123 (bytes)
        file.write(png(ramp(8)))
    assert decoder.decode(name).pixels.size
    assert decoder.decode(os.fsdecode(name)).pixels.size


@pytest.mark.parametrize("path", ["a\0b", "x" * 40000])
def test_impossible_paths(path: str, decoder: Decoder) -> None:
    assert code_of(lambda: decoder.decode(path)) == "unreadable_path"


def test_relative_path(film: Path, decoder: Decoder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(film.parent)
    assert decoder.decode(film.name).pixels.size
    assert code_of(lambda: decoder.decode("nowhere.dcm")) == "file_not_found"


def test_threads(film: Path, decoder: Decoder) -> None:
    found: list[str] = []
    threads = [
        threading.Thread(target=lambda: found.append(decoder.decode(film).sha256)) for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [decoder.decode(film).sha256] * 8


def test_worker_inherits_nothing(film: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOME_API_KEY", "secret-value")
    with Decoder() as own:
        own.decode(film)
        environment = Path(f"/proc/{own.worker_pid}/environ").read_bytes()
        limits = Path(f"/proc/{own.worker_pid}/limits").read_text()
    assert b"secret-value" not in environment
    assert "unlimited" not in limits.split("Max address space")[1].split("bytes")[0]


def test_worker_ends_with_its_owner(film: Path) -> None:
    script = (
        "import os, sys; from cxr_agent.imaging import Decoder; d = Decoder();"
        f"d.decode({str(film)!r}); print(d.worker_pid, flush=True); os._exit(9)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        check=False,
        timeout=60,
    )
    pid = int(done.stdout)
    for _ in range(50):
        state = Path(f"/proc/{pid}/stat")
        if not state.exists() or state.read_text().split()[2] == "Z":
            return
        time.sleep(0.1)
    pytest.fail("the worker outlived its owner")


def test_importing_is_cheap() -> None:
    script = (
        "import sys, cxr_agent.imaging;"
        "print([m for m in ('PIL', 'pydicom', 'torch', 'scipy', 'libjpeg') if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        check=True,
        timeout=60,
    )
    assert done.stdout.strip() == b"[]"


# The protocol: a worker is not trusted


def some_film() -> DecodedFilm:
    return DecodedFilm(
        np.full((64, 64), 0.5, np.float32),
        spacing=PixelSpacing(0.1, 0.2, SpacingKind.DETECTOR),
        notices=(Notice.INVERTED,),
        film_day=7,
        patient="0f" * 32,
        study="1e" * 32,
    )


def test_round_trip() -> None:
    answer = film_answer(some_film())
    length, rows, columns = read_header(answer[: ANSWER.size])
    assert (rows, columns) == (64, 64)
    back = read_film(answer[ANSWER.size :][:length], some_film().pixels)
    assert back.spacing == some_film().spacing
    assert back.notices == (Notice.INVERTED,)
    assert back.film_day == 7
    assert back.patient == "0f" * 32
    assert back.study == "1e" * 32


def test_round_trip_of_a_key() -> None:
    key = PatientKey("MÜLLER-1", "Clinic")
    assert read_patient(patient_answer(key)[ANSWER.size :]) == key
    assert "1" not in repr(key)


@pytest.mark.parametrize(
    "facts",
    [
        {"patient_id": "MARTHA*", "issuer": ""},
        {"patient_id": "MARTHA", "issuer": "a\\b"},
        {"patient_id": "M" * 65, "issuer": ""},
        {"patient_id": 5, "issuer": ""},
        {"patient_id": "MARTHA"},
        ["MARTHA"],
    ],
)
def test_bad_key(facts: Any) -> None:
    assert code_of(lambda: read_patient(json.dumps(facts).encode())) == "decode_crash"


@pytest.mark.parametrize(
    "header",
    [
        ANSWER.pack(b"NONE", 10, 64, 64),
        ANSWER.pack(MAGIC, 1 << 30, 64, 64),
        ANSWER.pack(MAGIC, 10, 30000, 30000),
        ANSWER.pack(MAGIC, 10, 0, 64),
    ],
)
def test_bad_header(header: bytes) -> None:
    assert code_of(lambda: read_header(header)) == "decode_crash"


@pytest.mark.parametrize(
    "change",
    [
        {"view": "SIDEWAYS"},
        {"view_source": "a name"},
        {"film_day": "MARTHA"},
        {"patient": "MARTHA"},
        {"patient": 5},
        {"study": "1.2.3"},
        {"spacing": [1, 2]},
        {"spacing": [float("nan"), 1, "detector"]},
        {"notices": ["x"]},
        {"notices": 5},
    ],
)
def test_bad_facts(change: dict[str, Any]) -> None:
    facts = json.loads(film_answer(some_film())[ANSWER.size :])
    text = json.dumps({**facts, **change}).encode()
    assert code_of(lambda: read_film(text, some_film().pixels)) == "decode_crash"


@pytest.mark.parametrize("value", [-0.1, 1.1, float("nan"), float("inf")])
def test_bad_pixels(value: float) -> None:
    pixels = np.full((64, 64), 0.5, np.float32)
    pixels[3, 4] = value
    text = film_answer(some_film())[ANSWER.size :]
    assert code_of(lambda: read_film(text, pixels)) == "decode_crash"


@pytest.mark.parametrize("text", [b"", b"[]", b'{"refused": "MARTHA"}', b'{"refused": 3}', b"{"])
def test_bad_refusal(text: bytes) -> None:
    error = read_refusal(text)
    assert error.code == "decode_crash"
    assert "MARTHA" not in f"{error} {error.hint}"
