from __future__ import annotations

import io
import json
import os
import pty
import signal
import subprocess
import sys
import wave
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from musicsim_tui.audio.encode import write_audio
from musicsim_tui.track import Tags
from tests.cli.conftest import Shell
from tests.harness import sound
from tests.harness.audio_files import RATE, tone, write_tone
from tests.harness.library import ingest_into, library
from tests.harness.processes import wait_for
from tests.harness.sound import SoundCard, loudest_frequency

if TYPE_CHECKING:
    from musicsim_tui.track import Samples

REPOSITORY = Path(__file__).parents[2]
HOSTILE = "[red]Song[/] \x1b[31m\u202e"


class Terminal:
    """Runs `preview` in processes of their own on one library."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith(("MUSICSIM", "QDB"))},
            **{"HOME": str(folder), "XDG_CONFIG_HOME": str(folder), "PYTHONPATH": str(REPOSITORY)},
            **{"COLUMNS": "80", "TERM": "xterm-256color", "PYTHONIOENCODING": "utf-8"},
        }
        self._started: list[subprocess.Popen[bytes]] = []

    def start(self, *arguments: str | Path, stderr: int = subprocess.PIPE) -> subprocess.Popen[bytes]:
        process = subprocess.Popen(
            [sys.executable, "-m", "musicsim_tui", "--data-dir", self.folder / "data", "preview", *arguments],
            env=self.environment,
            cwd=self.folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=stderr,
        )
        self._started.append(process)
        return process

    def run(self, *arguments: str | Path) -> tuple[int, bytes, str]:
        process = self.start(*arguments)
        out, err = process.communicate(timeout=60)
        return process.returncode, out, err.decode()

    def close(self) -> None:
        for process in self._started:
            process.kill()
            process.communicate()


@pytest.fixture
def terminal(tmp_path: Path) -> Iterator[Terminal]:
    opened = Terminal(tmp_path)
    yield opened
    opened.close()


@pytest.fixture
def card(tmp_path: Path, terminal: Terminal) -> SoundCard:
    made = sound.make_sound_card(tmp_path / "card")
    terminal.environment |= made.environment
    return made


@pytest.fixture
def song(tmp_path: Path) -> Path:
    """Ten seconds: 500 Hz, then, from 0:05 on, 1000 Hz."""
    path = tmp_path / "song.flac"
    both = np.concatenate([tone(500.0, 5.0), tone(1000.0, 5.0)])
    write_audio(path, np.stack([both, both]), RATE, Tags(HOSTILE, "Band"))
    return path


def frames(stream: bytes) -> Samples:
    """The left channel of a WAV stream."""
    assert stream[:4] + stream[8:12] == b"RIFFWAVE"
    left = np.frombuffer(stream[44:], dtype="<i2").reshape(-1, 2)[:, 0]
    return (left / 32767).astype(np.float32)


def test_a_file_is_played(terminal: Terminal, card: SoundCard, song: Path) -> None:
    assert terminal.run(song, "--at", "0:05", "--seconds", "1.5") == (0, b"", "")
    heard = card.heard()
    assert loudest_frequency(heard[4410:48510]) == pytest.approx(1000, abs=0.5)
    assert len(heard) / RATE == pytest.approx(1.5, abs=0.3)


def test_a_track_is_played_to_its_end_and_told_as_json(
    terminal: Terminal, card: SoundCard, song: Path
) -> None:
    with library(terminal.folder / "data") as services:
        ingest_into(services, song)
        (track,) = services.catalog.matching_ids(None)
    code, out, err = terminal.run(str(track)[:10], "--at", "9", "--json")
    assert (code, err) == (0, "")
    told = json.loads(out)
    assert told["id"] == str(track)
    assert told["path"] == str(song)
    assert (told["at"], told["seconds"], told["wav"]) == (9.0, pytest.approx(1.0, abs=0.02), None)
    heard = card.heard()
    assert loudest_frequency(heard[4410:-4410]) == pytest.approx(1000, abs=1)
    assert len(heard) / RATE == pytest.approx(1.0, abs=0.1)
    code, _, err = terminal.run(str(track)[:10], "--at", "10:00")
    assert code == 1
    assert "is over at 0:10" in err


def test_loudness_is_matched_on_demand(terminal: Terminal, tmp_path: Path) -> None:
    loud = write_tone(tmp_path / "loud.flac", 500.0, 3.0)
    with library(terminal.folder / "data") as services:
        ingest_into(services, loud)
    peaks = [
        np.abs(frames(terminal.run(loud, "--wav", "-", *options)[1])).max()
        for options in ([], ["--match-loudness"])
    ]
    assert peaks[0] == pytest.approx(0.3, abs=0.001)
    assert 20 * np.log10(peaks[1] / np.sqrt(2)) == pytest.approx(-18.0, abs=0.1)


def test_ctrl_c_ends_the_sound(terminal: Terminal, card: SoundCard, song: Path) -> None:
    process = terminal.start(song)
    wait_for(lambda: len(card.heard()) > RATE // 4, "something is heard")
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=30)
    assert process.returncode == 130
    assert len(card.heard()) < 8 * RATE


def test_a_terminal_shows_what_plays_and_where(terminal: Terminal, card: SoundCard, song: Path) -> None:
    ours, theirs = pty.openpty()
    process = terminal.start(song, "--at", "4", "--seconds", "1.2", stderr=theirs)
    os.close(theirs)
    shown = b"".join(iter(lambda: read_terminal(ours), b"")).decode()
    os.close(ours)
    assert process.wait(timeout=30) == 0, shown
    assert "▶ [red]Song[/]" in shown
    assert "Band 0:04/0:10" in shown
    assert "Band 0:05/0:10" in shown
    assert "\x1b[31m" not in shown
    assert "\u202e" not in shown
    assert "ALSA" not in shown


def read_terminal(descriptor: int) -> bytes:
    """What was written to it; nothing once the other side has closed it."""
    try:
        return os.read(descriptor, 4096)
    except OSError:
        return b""


def test_wav_for_a_pipe(terminal: Terminal, song: Path) -> None:
    code, out, err = terminal.run(song, "--at", "4.5", "--seconds", "1", "--wav", "-")
    assert (code, err) == (0, "")
    samples = frames(out)
    assert len(samples) == RATE
    assert loudest_frequency(samples[: RATE // 2]) == pytest.approx(500, abs=1)
    assert loudest_frequency(samples[RATE // 2 :]) == pytest.approx(1000, abs=1)
    assert frames(terminal.run(song, "--wav", "-")[1]).shape == (10 * RATE,)


def test_a_player_that_quits_is_no_error(terminal: Terminal, tmp_path: Path) -> None:
    long = write_tone(tmp_path / "long.flac", 440.0, 120.0)
    process = terminal.start(long, "--wav", "-")
    assert process.stdout is not None
    assert process.stdout.read(4) == b"RIFF"
    process.stdout.close()
    assert process.stderr is not None
    errors = process.stderr.read()
    assert (process.wait(timeout=30), errors) == (0, b"")


def test_wav_for_a_file(terminal: Terminal, song: Path, tmp_path: Path) -> None:
    target = tmp_path / "cut.wav"
    code, out, err = terminal.run(song, "--at", "0:05", "--seconds", "0:02", "--wav", target)
    assert (code, out.decode(), err) == (0, f"Wrote 2 s to {target}.\n", "")
    with wave.open(io.BytesIO(target.read_bytes())) as read:
        assert (read.getnframes(), read.getnchannels(), read.getframerate()) == (2 * RATE, 2, RATE)
    before = target.read_bytes()
    code, _, err = terminal.run(song, "--wav", target)
    assert code == 1
    assert "there already" in err
    assert target.read_bytes() == before


def test_without_a_sound_device_one_sentence_and_a_way_out(
    terminal: Terminal, song: Path, tmp_path: Path
) -> None:
    terminal.environment |= sound.environment_without_devices(tmp_path)
    code, out, err = terminal.run(song)
    assert (code, out) == (1, b"")
    title, hint = err.splitlines()
    assert title.startswith("error: ")
    assert "no sound device" in title
    assert "--wav -" in hint
    code, out, err = terminal.run(song, "--json")
    assert (code, err) == (1, "")
    assert "--wav -" in json.loads(out)["error"]["hint"]
    assert len(frames(terminal.run(song, "--wav", "-")[1])) == 10 * RATE


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["song.flac", "--at", "later"], 2, "no time"),
        (["song.flac", "--seconds", "0", "--wav", "x.wav"], 2, "Nothing"),
        (["song.flac", "--wav", "x.mp3"], 2, ".wav"),
        (["song.flac", "--at", "5:00", "--wav", "x.wav"], 1, "nothing to play"),
        (["song.flac", "--wav", "-", "--json"], 2, "standard output"),
        (["nowhere.mp3", "--wav", "x.wav"], 1, "no file"),
        (["words.mp3", "--wav", "x.wav"], 1, "not audio"),
        (["song.flac", "--wav", "nowhere/x.wav"], 1, "disk or share"),
        ([".", "--wav", "x.wav"], 1, "folder"),
    ],
)
def test_misuse_is_told_in_words(
    shell: Shell, song: Path, tmp_path: Path, arguments: list[str], code: int, words: str
) -> None:
    (tmp_path / "words.mp3").write_bytes(b"the quick brown fox " * 500)
    outcome = shell("preview", *arguments)
    told = outcome.json["error"] if "--json" in arguments else None
    assert outcome.code == code
    assert words in (told["title"] + told["hint"] if told else outcome.err)
    assert not (tmp_path / "x.wav").exists()


def test_wav_is_not_for_the_eyes(shell: Shell, song: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    outcome = shell("preview", song, "--wav", "-")
    assert outcome.code == 2
    assert "mpv -" in outcome.err
