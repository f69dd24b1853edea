"""Speech: WAV files of every kind as one sound, and what the network writes of it."""

from __future__ import annotations

import json
import wave
from pathlib import Path

import numpy as np
import pytest

from cxr_agent.errors import InputError, ModelError, UsageError
from cxr_agent.models.adapters import load_adapter
from cxr_agent.models.adapters.answers import Decoding
from cxr_agent.models.adapters.quiet import quiet
from cxr_agent.models.adapters.speech import RATE, Transcriber, read_wav
from tests.models.adapters import tiny

TONE = np.sin(2 * np.pi * 440 * np.arange(RATE) / RATE).astype(np.float32) * 0.5


def saved(path: Path, rate: int = RATE, width: int = 2, channels: int = 1) -> Path:
    times = np.arange(rate) / rate
    one = 0.5 * np.sin(2 * np.pi * 440 * times)
    largest = 2 ** (8 * width - 1) - 1
    numbers = np.rint(one * largest).astype(np.int64)
    kept = numbers + 128 if width == 1 else numbers
    raw = np.repeat(kept, channels).astype({1: "u1", 2: "<i2", 4: "<i4"}[width])
    with wave.open(str(path), "wb") as file:
        file.setparams((channels, width, rate, rate, "NONE", ""))
        file.writeframes(raw.tobytes())
    return path


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("speech")
    tiny.speech(path)
    return path


@pytest.fixture(scope="module")
def transcriber(folder: Path) -> Transcriber:
    return load_adapter("speech", folder)


@pytest.mark.parametrize(
    ("rate", "width", "channels"), [(RATE, 2, 1), (44_100, 2, 2), (8_000, 1, 1), (RATE, 4, 2)]
)
def test_every_kind_of_file_is_the_same_sound(
    tmp_path: Path, rate: int, width: int, channels: int
) -> None:
    sound = read_wav(saved(tmp_path / "a.wav", rate, width, channels))
    assert (sound.dtype, sound.shape) == (np.float32, (RATE,))
    inner = slice(200, -200)  # the ends ring where the rate was changed
    assert np.abs(sound[inner] - TONE[inner]).max() < 0.03


@pytest.mark.parametrize("content", [b"", b"RIFF", b"RIFF\x04\0\0\0WAVE", b"\0" * 100])
def test_what_is_no_sound_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.wav").write_bytes(content)
    with pytest.raises(InputError) as caught:
        read_wav(tmp_path / "a.wav")
    assert caught.value.code == "unreadable_sound"


def test_words_are_those_of_the_library(transcriber: Transcriber, folder: Path) -> None:
    import torch
    from transformers import (
        AutoTokenizer,
        WhisperFeatureExtractor,
        WhisperForConditionalGeneration,
    )

    with quiet("transformers"):
        model = WhisperForConditionalGeneration.from_pretrained(folder)
        features = WhisperFeatureExtractor.from_pretrained(folder)
        given = features(TONE, sampling_rate=RATE, return_tensors="pt").input_features
        with torch.inference_mode():
            written = model.generate(given, max_new_tokens=6)
        wanted = AutoTokenizer.from_pretrained(folder).decode(written[0], skip_special_tokens=True)
    said = transcriber.transcribe(TONE, Decoding(max_new_tokens=6))
    assert said == wanted.strip() != ""
    assert transcriber.transcribe(TONE, Decoding(max_new_tokens=6)) == said


def test_a_long_recording_is_heard_in_pieces(transcriber: Transcriber) -> None:
    short = Decoding(max_new_tokens=3)
    piece = np.zeros(30 * RATE, np.float32)
    one = transcriber.transcribe(piece, short)
    both = transcriber.transcribe(np.concatenate([piece, piece]), short)
    assert both == f"{one} {one}"


def test_what_cannot_be_heard_is_refused(transcriber: Transcriber, tmp_path: Path) -> None:
    for sound in (np.zeros(0, np.float32), np.full(9, np.nan, np.float32), np.zeros((2, 9))):
        with pytest.raises(UsageError, match="bad_sound"):
            transcriber.transcribe(sound.astype(np.float32))
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "bert"}))
    with pytest.raises(ModelError) as caught:
        load_adapter("speech", tmp_path)
    assert caught.value.code == "bad_checkpoint"
