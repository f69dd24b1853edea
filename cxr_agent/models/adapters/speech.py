"""Speech to text by Whisper through transformers (Radford et al., ICML 2023).

Sound is cut into pieces of 30 s, as the network hears them. What it writes is data like any text.
"""

from __future__ import annotations

import wave
from math import gcd
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from cxr_agent.errors import InputError, UsageError
from cxr_agent.models.adapters.answers import Decoding, plain
from cxr_agent.models.adapters.checkpoints import bad_layout
from cxr_agent.models.adapters.hardware import Hardware, choose
from cxr_agent.models.adapters.libraries import library
from cxr_agent.models.adapters.pretrained import from_folder, tokenizer_of
from cxr_agent.models.adapters.quiet import quiet
from cxr_agent.models.adapters.sources import Source, folder, read_json, resolve

_FAMILY: Final = "speech"
RATE: Final = 16_000
"""Samples per second that Whisper hears."""
_PIECE_S: Final = 30
_LONGEST_S: Final = 600
"""Of a recording: a dictation, not a lecture."""
_LEAST_RATE, _MOST_RATE = 4_000, 192_000

Sound = NDArray[np.float32]
"""(samples,) in [-1, 1] at :data:`RATE`."""


class Transcriber:
    """Writes down what is said.

    Parameters
    ----------
    network, tokenizer, features
        Of the checkpoint.
    hardware
        Where it runs.
    """

    def __init__(self, network: Any, tokenizer: Any, features: Any, hardware: Hardware) -> None:
        self._network = network
        self._tokenizer = tokenizer
        self._features = features
        self._hardware = hardware

    def transcribe(self, sound: Sound, decoding: Decoding | None = None) -> str:
        """The words of a recording, greedy.

        Parameters
        ----------
        sound
            (samples,) float32 in [-1, 1] at 16 kHz.
        decoding
            Most tokens of each piece of 30 s.

        Raises
        ------
        UsageError
            ``bad_sound`` for no sound, numbers that are none, or more than ten minutes.
        """
        if sound.ndim != 1 or not 0 < sound.size <= _LONGEST_S * RATE:
            raise UsageError(
                "bad_sound", "a recording lasts up to ten minutes", hint="Cut it into shorter ones."
            )
        if not np.isfinite(sound).all():
            raise UsageError("bad_sound", "the recording holds numbers that are none")
        most = (decoding or Decoding()).max_new_tokens
        step = _PIECE_S * RATE
        pieces = (sound[start : start + step] for start in range(0, sound.size, step))
        return " ".join(filter(None, (self._piece(piece, most) for piece in pieces)))

    def _piece(self, sound: Sound, most: int) -> str:
        heard = self._features(sound, sampling_rate=RATE, return_tensors="np")
        given = self._hardware.tensor(np.asarray(heard["input_features"], dtype=np.float32))
        longest = int(self._network.config.max_target_positions)
        with library("torch").inference_mode(), quiet("transformers"):
            # The beginning of a text takes a few of the places.
            written = self._network.generate(given, max_new_tokens=min(most, longest - 8))
        return plain(self._tokenizer.decode(written[0], skip_special_tokens=True))


def read_wav(path: Path) -> Sound:
    """A WAV file of 8, 16 or 32 bits as one channel at 16 kHz.

    Raises
    ------
    InputError
        ``unreadable_sound``.
    """
    try:
        with wave.open(str(path), "rb") as file:
            rate, width, channels = file.getframerate(), file.getsampwidth(), file.getnchannels()
            if not _LEAST_RATE <= rate <= _MOST_RATE or width not in (1, 2, 4) or channels > 8:
                raise _unreadable("it has another form")
            if file.getnframes() > _LONGEST_S * rate:
                raise _unreadable("it is longer than ten minutes")
            raw = file.readframes(file.getnframes())
    except (OSError, EOFError, wave.Error) as error:
        raise _unreadable(type(error).__name__) from None
    whole = len(raw) - len(raw) % (width * channels)
    kind = {1: "u1", 2: "<i2", 4: "<i4"}[width]
    numbers = (
        np.frombuffer(raw[:whole], dtype=np.dtype(kind)).astype(np.float64).reshape(-1, channels)
    )
    middle, range_ = (128.0, 128.0) if width == 1 else (0.0, 2.0 ** (8 * width - 1))
    one = ((numbers - middle) / range_).mean(axis=1)
    if one.size == 0:
        raise _unreadable("it is empty")
    return _at_rate(one, rate)


def _at_rate(sound: NDArray[np.float64], rate: int) -> Sound:
    from scipy.signal import resample_poly

    common = gcd(rate, RATE)
    found = sound if rate == RATE else resample_poly(sound, RATE // common, rate // common)
    return np.clip(found, -1, 1).astype(np.float32)


def _unreadable(why: str) -> InputError:
    return InputError(
        "unreadable_sound",
        f"the recording cannot be read: {why}",
        hint="Give a WAV file (PCM) of up to ten minutes.",
    )


def load(
    source: Source = "openai/whisper-base",
    *,
    device: str = "cpu",
    dtype: str | None = None,
    revision: str | None = None,
) -> Transcriber:
    """A transcriber of speech.

    Parameters
    ----------
    source
        A folder or hub name of a Whisper in transformers' layout.
    device, dtype, revision
        See :func:`cxr_agent.models.adapters.load_adapter`.

    Raises
    ------
    ModelError
        Weights or libraries missing, or another model's checkpoint.
    """
    hardware = choose(device, dtype)
    path = folder(resolve(source, revision=revision), needs="config.json")
    kind = read_json(path / "config.json").get("model_type")
    if kind != "whisper":
        raise bad_layout(_FAMILY, f"its config says {kind}")
    network = from_folder("WhisperForConditionalGeneration", path, hardware, family=_FAMILY)
    recipe = library("transformers").WhisperFeatureExtractor
    try:
        features = recipe.from_pretrained(path, local_files_only=True)
    except (OSError, ValueError, TypeError, KeyError):
        raise bad_layout(_FAMILY, "its preprocessor_config.json cannot be read") from None
    return Transcriber(network, tokenizer_of(path), features, hardware)
