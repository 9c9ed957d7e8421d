"""What is played, judged by the samples that arrive at a sound card made of a pipe."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from musicsim_tui.audio import playback, sound_device
from musicsim_tui.audio.encode import write_audio
from musicsim_tui.audio.playback import SoundPlayer, open_player
from musicsim_tui.audio.player import PlaybackError, PlaybackState, SilentPlayer, Status
from musicsim_tui.errors import AudioError
from tests.harness import sound
from tests.harness.audio_files import RATE, tone, write_channels, write_tone
from tests.harness.processes import wait_for
from tests.harness.sound import SoundCard, loudest_frequency

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from musicsim_tui.track import Samples

REPOSITORY = Path(__file__).resolve().parents[2]
SWEEP_START, SWEEP_PER_SECOND = 300.0, 150.0
WITHIN_SECONDS = 0.05


class Ends:
    """Collects what a player says has ended."""

    def __init__(self) -> None:
        self.seen: list[PlaybackState] = []
        self._came = threading.Event()

    def __call__(self, state: PlaybackState) -> None:
        self.seen.append(state)
        self._came.set()

    def wait(self) -> PlaybackState:
        assert self._came.wait(30), "nothing ended"
        return self.seen[0]


@pytest.fixture
def ends() -> Ends:
    return Ends()


@pytest.fixture
def card(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> SoundCard:
    made = sound.make_sound_card(tmp_path / "card")
    for name, value in made.environment.items():
        monkeypatch.setenv(name, value)
    sound.restart_portaudio()
    return made


@pytest.fixture
def opened(ends: Ends) -> Iterator[Callable[..., SoundPlayer]]:
    """Opens players on whatever sound device there is, and closes them."""
    players: list[SoundPlayer] = []

    def open_one(on_end: Callable[[PlaybackState], None] = ends, **options: float) -> SoundPlayer:
        player = open_player(on_end, **options)  # type: ignore[arg-type]
        assert isinstance(player, SoundPlayer), player.state.problem
        players.append(player)
        return player

    yield open_one
    for player in players:
        player.close()


@pytest.fixture
def player(card: SoundCard, opened: Callable[..., SoundPlayer]) -> SoundPlayer:
    return opened()


@pytest.fixture(scope="module")
def sweeps(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with 20 s of a tone that rises evenly, in several formats: its pitch tells the place."""
    folder = tmp_path_factory.mktemp("sweeps")
    times = np.arange(20 * RATE) / RATE
    phase = 2 * np.pi * (SWEEP_START * times + SWEEP_PER_SECOND * times**2 / 2)
    rising = (0.3 * np.sin(phase)).astype(np.float32)
    for suffix in (".mp3", ".m4a", ".flac", ".opus", ".ogg", ".wav"):
        write_audio(folder / f"sweep{suffix}", np.stack([rising, rising]), RATE)
    return folder


def place(samples: Samples) -> float:
    """Where in the sweep a tenth of a second that was heard begins."""
    tenth = samples[: RATE // 10]
    return (loudest_frequency(tenth) - SWEEP_START) / SWEEP_PER_SECOND - 0.05


def played_to(player: SoundPlayer, seconds: float) -> None:
    wait_for(lambda: player.state.position >= seconds, f"position {seconds}")


@pytest.mark.parametrize("suffix", [".mp3", ".m4a", ".flac", ".opus", ".ogg", ".wav", ".wma", ".webm"])
def test_what_is_heard_is_the_file(
    suffix: str, tmp_path: Path, card: SoundCard, player: SoundPlayer, ends: Ends
) -> None:
    path = write_tone(tmp_path / f"tone{suffix}", 523.25, 1.5, channels=2)
    player.play(path)
    ended = ends.wait()
    player.close()
    heard = card.heard()
    assert (ended.path, ended.status, ended.problem) == (path, Status.STOPPED, None)
    assert ended.position == ended.duration == pytest.approx(1.5, abs=0.1)
    assert loudest_frequency(heard[4410:48510]) == pytest.approx(523.25, abs=0.1)
    assert np.abs(heard[4410:-4410]).max() == pytest.approx(0.3, abs=0.02)
    assert len(heard) / RATE == pytest.approx(1.5, abs=0.1)
    assert len(card.parts()) == 1
    assert player.state == PlaybackState()


@pytest.mark.parametrize("suffix", [".mp3", ".m4a", ".flac", ".opus", ".ogg", ".wav"])
def test_playing_begins_at_the_moment_asked_for(
    suffix: str, sweeps: Path, card: SoundCard, player: SoundPlayer
) -> None:
    player.play(sweeps / f"sweep{suffix}", start=12.34)
    played_to(player, 12.7)
    player.close()
    assert place(card.heard()) == pytest.approx(12.34, abs=WITHIN_SECONDS)


@pytest.mark.parametrize("suffix", [".mp3", ".m4a", ".flac", ".opus"])
def test_seeking_lands_where_it_is_told(
    suffix: str, sweeps: Path, card: SoundCard, player: SoundPlayer
) -> None:
    player.play(sweeps / f"sweep{suffix}", start=1.0)
    played_to(player, 1.3)
    player.pause()
    card.await_silence()
    for seconds in (15.5, 4.25):
        player.seek(seconds)
        assert player.state.position == seconds
        assert player.state.status is Status.PAUSED
        player.resume()
        played_to(player, seconds + 0.3)
        player.pause()
        card.await_silence()
    player.close()
    places = [place(part) for part in card.parts()]
    assert places == pytest.approx([1.0, 15.5, 4.25], abs=WITHIN_SECONDS)


def test_seeking_while_it_plays(sweeps: Path, card: SoundCard, player: SoundPlayer, ends: Ends) -> None:
    player.play(sweeps / "sweep.flac")
    played_to(player, 0.3)
    player.seek(19.6)
    assert player.state.status is Status.PLAYING
    ended = ends.wait()
    player.close()
    assert ended.position == pytest.approx(20.0, abs=0.01)
    last_third = card.heard()[-round(0.3 * RATE) :]
    assert place(last_third) == pytest.approx(19.7, abs=WITHIN_SECONDS)


def test_seeking_behind_the_end_ends_and_before_the_start_starts(
    sweeps: Path, player: SoundPlayer, ends: Ends
) -> None:
    player.seek(5.0)  # nothing to seek in
    player.play(sweeps / "sweep.flac")
    played_to(player, 0.1)
    player.pause()
    player.seek(-4.0)
    assert player.state.position == 0.0
    player.seek(1000.0)
    player.resume()
    assert ends.wait().position == pytest.approx(20.0, abs=0.01)


def test_pausing_holds_the_place(sweeps: Path, card: SoundCard, player: SoundPlayer) -> None:
    path = sweeps / "sweep.wav"
    player.play(path, start=3.0)
    played_to(player, 3.4)
    player.toggle()
    assert player.state.status is Status.PAUSED
    card.await_silence()
    held = player.state
    before = len(card.samples())
    wait_for(lambda: len(card.samples()) > before + RATE // 4, "more silence is played")
    assert player.state == held
    assert held.path == path
    assert held.duration == pytest.approx(20.0, abs=0.01)
    player.toggle()
    played_to(player, held.position + 0.4)
    player.close()
    first, second = card.parts()
    assert place(second) == pytest.approx(3.0 + len(first) / RATE, abs=0.02)
    assert place(second) == pytest.approx(held.position, abs=0.02)


def test_volume_and_mute(tmp_path: Path, card: SoundCard, player: SoundPlayer) -> None:
    player.play(write_tone(tmp_path / "tone.flac", 440.0, 20.0, channels=2))
    marks = []
    changes: list[tuple[Callable[[], None], int, bool]] = [
        (lambda: player.set_volume(100), 100, False),
        (lambda: player.set_volume(50), 50, False),
        (lambda: player.set_muted(True), 50, True),
        (lambda: player.set_volume(900), 100, True),
        (lambda: player.set_muted(False), 100, False),
        (lambda: player.set_volume(-3), 0, False),
    ]
    for change, volume, muted in changes:
        change()
        state = player.state
        assert (state.volume, state.muted) == (volume, muted)
        begin = state.position
        played_to(player, begin + 0.4)
        marks.append((begin + 0.2, begin + 0.35))
    player.close()
    left = card.samples()[:, 0]
    sounding = left[np.flatnonzero(np.abs(left) > 1e-3)[0] :]
    peaks = [np.abs(sounding[round(a * RATE) : round(b * RATE)]).max() for a, b in marks]
    assert peaks == pytest.approx([0.3, 0.3 / 8, 0.0, 0.0, 0.3, 0.0], abs=0.005)


def test_nothing_clicks(tmp_path: Path, card: SoundCard, player: SoundPlayer) -> None:
    """Of a low tone, the second difference is tiny wherever the sound does not jump."""
    path = write_tone(tmp_path / "low.flac", 100.0, 20.0, channels=2)
    player.play(path)
    played_to(player, 0.2)
    acts: list[Callable[[], None]] = [
        lambda: player.set_volume(60),
        player.toggle,
        player.toggle,
        lambda: player.seek(10.0),
        lambda: player.play(path, 4.0),
        lambda: player.set_muted(True),
        lambda: player.set_muted(False),
    ]
    for act in acts:
        act()
        before = player.state.position
        if player.state.status is Status.PLAYING:
            played_to(player, before + 0.2)
    player.stop()
    player.close()
    left = card.samples()[:, 0]
    assert np.abs(left).max() > 0.05
    assert np.abs(np.diff(left, 2)).max() < 0.005


def test_playing_replaces_what_plays(
    tmp_path: Path, card: SoundCard, player: SoundPlayer, ends: Ends
) -> None:
    low = write_tone(tmp_path / "low.mp3", 300.0, 20.0, channels=2)
    high = write_tone(tmp_path / "high.opus", 900.0, 1.0, channels=2)
    player.play(low)
    played_to(player, 0.4)
    player.play(high)
    assert player.state.path == high
    assert ends.wait().path == high
    player.close()
    heard = card.heard()
    assert loudest_frequency(heard[:13000]) == pytest.approx(300, abs=3)
    assert loudest_frequency(heard[-26000:-4000]) == pytest.approx(900, abs=1)
    assert len(heard) / RATE < 3
    assert [state.path for state in ends.seen] == [high]


def test_a_finger_that_stays_on_the_key(sweeps: Path, card: SoundCard, player: SoundPlayer) -> None:
    player.play(sweeps / "sweep.mp3")
    for step in range(60):
        player.seek(step * 0.25)
    player.toggle()
    player.toggle()
    played_to(player, 15.1)
    player.pause()
    card.await_silence()
    reached = player.state.position
    player.close()
    assert place(card.heard()[-RATE // 4 :]) == pytest.approx(reached - 0.25, abs=WITHIN_SECONDS)


def test_stopping_forgets_and_can_be_repeated(sweeps: Path, player: SoundPlayer, ends: Ends) -> None:
    player.stop()
    player.play(sweeps / "sweep.mp3")
    played_to(player, 0.1)
    for _ in range(3):
        player.stop()
        assert player.state == PlaybackState()
    player.resume()
    player.pause()
    player.toggle()
    assert player.state == PlaybackState()
    assert ends.seen == []


def test_the_next_may_be_started_from_the_end_of_one(
    tmp_path: Path, card: SoundCard, opened: Callable[..., SoundPlayer]
) -> None:
    first = write_tone(tmp_path / "first.wav", 600.0, 0.5, channels=2)
    second = write_tone(tmp_path / "second.wav", 1200.0, 0.5, channels=2)
    done = threading.Event()

    def go_on(state: PlaybackState) -> None:
        if state.path == second:
            done.set()
        else:
            playing.play(second)

    playing = opened(go_on)
    playing.play(first)
    assert done.wait(30)
    playing.close()
    heard = card.heard()
    assert loudest_frequency(heard[2000:20000]) == pytest.approx(600, abs=2)
    assert loudest_frequency(heard[-20000:-2000]) == pytest.approx(1200, abs=2)


def test_a_file_that_cannot_be_played_is_told(
    tmp_path: Path, card: SoundCard, player: SoundPlayer, ends: Ends
) -> None:
    words = tmp_path / "words.mp3"
    words.write_bytes(b"the quick brown fox " * 1000)
    player.play(words)
    ended = ends.wait()
    assert ended.path == words
    assert isinstance(ended.problem, AudioError)
    assert player.state.problem is ended.problem
    player.play(write_tone(tmp_path / "good.flac", 440.0, 20.0, channels=2))
    played_to(player, 0.2)
    playing = player.state
    assert (playing.status, playing.problem) == (Status.PLAYING, None)


@pytest.mark.parametrize(("gain_db", "peak"), [(-6.0206, 0.15), (6.0206, 0.6), (40.0, 1.0)])
def test_gain_makes_louder_or_quieter_and_never_clips(
    gain_db: float, peak: float, tmp_path: Path, card: SoundCard, player: SoundPlayer, ends: Ends
) -> None:
    path = write_channels(tmp_path / "tone.flac", np.stack([tone(440.0, 1.0)] * 2), "stereo", "flac")
    player.play(path, gain_db=gain_db)
    ends.wait()
    player.close()
    heard = card.heard()[2000:-2000]
    assert np.abs(heard).max() == pytest.approx(peak, abs=0.01)
    spectrum = np.abs(np.fft.rfft(heard * np.hanning(len(heard))))
    third = round(1320 * len(heard) / RATE)
    assert spectrum[third - 20 : third + 20].max() < 0.01 * spectrum.max()


def test_a_device_that_is_pulled_out_and_found_again(
    sweeps: Path, card: SoundCard, player: SoundPlayer
) -> None:
    player.play(sweeps / "sweep.flac")
    played_to(player, 0.5)
    before = card.players()
    card.pull_out()
    wait_for(lambda: bool(set(card.players()) - set(before)), "another card is opened")
    played_to(player, player.state.position + 1.0)
    assert player.state.status is Status.PLAYING
    assert player.state.problem is None


def test_a_device_that_cannot_be_opened_pauses_and_goes_on_when_it_can(
    sweeps: Path, card: SoundCard, player: SoundPlayer, monkeypatch: pytest.MonkeyPatch
) -> None:
    open_stream = sound_device.open_stream

    def refuse(_rate: int, _render: object) -> sound_device.Stream:
        raise PlaybackError("It is taken.", "Wait.")

    monkeypatch.setattr(playback, "_RETRY_SECONDS", 0.05)
    monkeypatch.setattr(playback, "_GIVE_UP_AFTER_SECONDS", 0.3)
    monkeypatch.setattr(sound_device, "open_stream", refuse)
    player.play(sweeps / "sweep.flac", start=2.0)
    wait_for(lambda: player.state.status is Status.PAUSED, "the player gives up")
    given_up = player.state
    assert isinstance(given_up.problem, PlaybackError)
    assert (given_up.problem.title, given_up.position) == ("It is taken.", 2.0)
    monkeypatch.setattr(sound_device, "open_stream", open_stream)
    player.resume()
    played_to(player, 2.3)
    gone_on = player.state
    assert (gone_on.status, gone_on.problem) == (Status.PLAYING, None)
    player.close()
    assert place(card.heard()) == pytest.approx(2.0, abs=WITHIN_SECONDS)


def test_an_idle_device_is_let_go_and_taken_again(
    tmp_path: Path, card: SoundCard, opened: Callable[..., SoundPlayer]
) -> None:
    player = opened(idle_seconds=0.1)
    path = write_tone(tmp_path / "tone.wav", 440.0, 20.0, channels=2)
    for _ in range(2):
        player.play(path)
        played_to(player, 0.2)
        assert card.players()
        player.pause()
        wait_for(lambda: not card.players(), "the card is let go")
        player.resume()
        played_to(player, 0.4)
        player.stop()
        wait_for(lambda: not card.players(), "the card is let go")


def test_closing_is_final_and_can_be_repeated(sweeps: Path, card: SoundCard, player: SoundPlayer) -> None:
    player.play(sweeps / "sweep.mp3")
    played_to(player, 0.2)
    player.close()
    player.close()
    player.play(sweeps / "sweep.mp3")
    assert player.state == PlaybackState()
    wait_for(lambda: not card.players(), "the card is let go")


def test_a_machine_without_a_sound_device(tmp_path: Path) -> None:
    found = describe(tmp_path, {}, sound.environment_without_devices(tmp_path))
    assert found["kind"] == "SilentPlayer"
    assert "no sound device" in str(found["title"])
    assert "--wav -" in str(found["hint"])


def test_a_machine_without_portaudio(tmp_path: Path) -> None:
    found = describe(tmp_path, {"ctypes.util.find_library": "lambda name: None"}, {})
    assert found["kind"] == "SilentPlayer"
    assert "PortAudio" in str(found["title"])
    assert "libportaudio2" in str(found["hint"])


def describe(folder: Path, patches: dict[str, str], environment: dict[str, str]) -> dict[str, str | int]:
    """What `open_player` gives in a process of its own; whatever is asked of it must work."""
    script = "import ctypes.util, json, pathlib, sys\n"
    script += "".join(f"{name} = {value}\n" for name, value in patches.items())
    script += (
        "from musicsim_tui.audio.playback import open_player\n"
        "player = open_player(volume=70)\n"
        "player.play(pathlib.Path('any.mp3'), 3.0)\n"
        "for call in (player.pause, player.resume, player.toggle, player.stop, player.close): call()\n"
        "player.seek(4.0)\n"
        "player.set_muted(True)\n"
        "problem = player.state.problem\n"
        "print(json.dumps({'kind': type(player).__name__, 'title': problem.title, 'hint': problem.hint,\n"
        "                  'status': player.state.status, 'volume': player.state.volume}))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        env={**os.environ, **environment, "PYTHONPATH": str(REPOSITORY)},
        cwd=folder,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert done.stderr == ""
    found: dict[str, str | int] = json.loads(done.stdout)
    assert (found["status"], found["volume"]) == ("stopped", 70)
    return found


def test_a_silent_player_says_why() -> None:
    player = SilentPlayer("Nothing is heard.", "Plug something in.")
    problem = player.state.problem
    assert isinstance(problem, PlaybackError)
    assert (problem.title, problem.hint) == ("Nothing is heard.", "Plug something in.")
