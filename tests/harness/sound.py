"""A sound device without a sound card, and what was played on it.

ALSA's `file` device hands every sample to a program that reads them at the pace of a real card
(`paced_sink.py`). Everything above it is real: PortAudio, ALSA, the callback, the clock.
"""

from __future__ import annotations

import importlib.util
import os
import shlex
import signal
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from tests.harness.processes import wait_for

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from musicsim_tui.track import Samples

CAPTURE_RATE = 44100
_BYTES_PER_FRAME = 4
_SILENCE = 2e-4
_LONGEST_WAY = round(0.7 * CAPTURE_RATE)
"""More frames than the device's buffer and the pipe hold together."""
_SYSTEM_CONFIGURATION = Path("/usr/share/alsa/alsa.conf")
_SINK = Path(__file__).with_name("paced_sink.py")

_CONFIGURATION = """
pcm.!default {{
    type plug
    slave {{ pcm "capture" format S16_LE rate {rate} channels 2 }}
}}
pcm.capture {{
    type file
    slave.pcm "nothing"
    file "|{command}"
    format "raw"
}}
pcm.nothing {{ type null }}
ctl.!default {{ type hw card 0 }}
"""
_UNPLUGGED_CONFIGURATION = "pcm.gone { type hw card 99 }\nctl.gone { type hw card 99 }\n"


@dataclass(frozen=True, slots=True)
class SoundCard:
    """What a sound card in `folder` has played. `environment` makes it the default of a process."""

    folder: Path

    @property
    def environment(self) -> dict[str, str]:
        return {"ALSA_CONFIG_PATH": str(self.folder / "asoundrc")}

    def samples(self) -> Samples:
        """Everything played so far, shape (frames, 2)."""
        data = b"".join(path.read_bytes() for path in self._captures())
        whole = np.frombuffer(data[: len(data) // _BYTES_PER_FRAME * _BYTES_PER_FRAME], dtype="<i2")
        return (whole.reshape(-1, 2) / 32768).astype(np.float32)

    def arrivals(self) -> NDArray[np.float64]:
        """When, on the monotonic clock, how many bytes came: shape (pieces, 2)."""
        lines = [
            [float(number) for number in line.split()]
            for path in self._captures()
            for line in path.with_suffix(".times").read_text().splitlines()
        ]
        return np.array(lines).reshape(-1, 2)

    def heard(self) -> Samples:
        """The left channel from the first to the last sample that is not silence."""
        left = self.samples()[:, 0]
        loud = np.flatnonzero(np.abs(left) > _SILENCE)
        return left[loud[0] : loud[-1] + 1] if len(loud) else left[:0]

    def parts(self) -> list[Samples]:
        """What was heard, cut wherever there was silence for 15 ms."""
        heard = self.heard()
        loud = np.flatnonzero(np.abs(heard) > _SILENCE)
        cuts = np.flatnonzero(np.diff(loud) > 0.015 * CAPTURE_RATE)
        begins, ends = [0, *loud[cuts + 1]], [*(loud[cuts] + 1), len(heard)]
        return [heard[begin:end] for begin, end in zip(begins, ends, strict=True)] if len(heard) else []

    def await_silence(self) -> None:
        """Return when all that has been handed over by now is played, and silence after it."""
        now = len(self.samples())
        tenth = CAPTURE_RATE // 10
        wait_for(
            lambda: len(self.samples()) > now + _LONGEST_WAY and not self.samples()[-tenth:].any(),
            "silence is played",
        )

    def players(self) -> list[int]:
        """Processes that play the part of the card now: one while it is open, none while it is closed."""
        pids = [int(path.stem.rsplit(".", 1)[1]) for path in self._captures()]
        return [pid for pid in pids if Path(f"/proc/{pid}").exists()]

    def pull_out(self) -> None:
        """What happens when a card is unplugged."""
        for pid in self.players():
            os.kill(pid, signal.SIGKILL)

    def _captures(self) -> list[Path]:
        return sorted(self.folder.glob("played.*.raw"))


def make_sound_card(folder: Path) -> SoundCard:
    """A sound card whose captures go to `folder`. Skips the test where PortAudio or ALSA is missing."""
    require_portaudio()
    command = " ".join(
        shlex.quote(word)
        for word in (
            *(sys.executable, "-S", "-E", str(_SINK)),
            *(str(folder / "played"), str(CAPTURE_RATE * _BYTES_PER_FRAME)),
        )
    )
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "asoundrc").write_text(_CONFIGURATION.format(rate=CAPTURE_RATE, command=command))
    return SoundCard(folder)


def environment_without_devices(folder: Path) -> dict[str, str]:
    """The environment of a process on a machine that has PortAudio and no sound card."""
    require_portaudio()
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "no-devices").write_text(_UNPLUGGED_CONFIGURATION)
    return {"ALSA_CONFIG_PATH": str(folder / "no-devices")}


def require_portaudio() -> None:
    """Skip the test, saying what is missing, where sound cannot be had; where CI runs it must be there."""
    missing = _missing_for_sound()
    if missing and os.environ.get("CI"):
        pytest.fail(f"what people hear must be tested here: {missing}")
    if missing:
        pytest.skip(missing)


def _missing_for_sound() -> str | None:
    if sys.platform != "linux":
        return "the sound card of the tests is made of ALSA, which is Linux"
    if importlib.util.find_spec("sounddevice") is None:
        return "sounddevice is not installed"
    try:
        importlib.import_module("sounddevice")
    except OSError as error:
        return f"{error}: apt-get install libportaudio2"
    if not _SYSTEM_CONFIGURATION.exists():
        return "ALSA is not installed: apt-get install libasound2-data"
    return None


def loudest_frequency(samples: Samples, rate: int = CAPTURE_RATE) -> float:
    """In Hz, between the lines of the spectrum by a parabola through the logarithm of the highest three."""
    spectrum = np.abs(np.fft.rfft(samples * np.hanning(len(samples))))
    highest = int(np.argmax(spectrum[1:-1])) + 1
    below, top, above = np.log(spectrum[highest - 1 : highest + 2] + 1e-12)
    return float((highest + 0.5 * (below - above) / (below - 2 * top + above)) * rate / len(samples))


def restart_portaudio() -> None:
    """Let PortAudio, which this process has loaded, look at the environment again."""
    import sounddevice

    sounddevice._terminate()
    sounddevice._initialize()
