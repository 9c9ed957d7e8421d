"""Playing from the app, judged by the samples that reach a sound card made of a pipe."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from textual.widgets import Input

from musicsim_tui.audio import playback
from musicsim_tui.audio.encode import write_audio
from musicsim_tui.audio.playback import open_player
from musicsim_tui.audio.player import PlaybackState, Player, Status
from musicsim_tui.track import Tags
from musicsim_tui.tui.widgets.playing import PlayingLine
from tests.harness import sound
from tests.harness.audio_files import RATE, tone
from tests.harness.library import ingest_into, library
from tests.harness.sound import SoundCard, loudest_frequency
from tests.tui.harness import Driver, drive

TITLES = {"Low": 330.0, "Middle": 550.0, "High": 880.0}


@pytest.fixture
def card(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> SoundCard:
    made = sound.make_sound_card(tmp_path / "card")
    for name, value in made.environment.items():
        monkeypatch.setenv(name, value)
    sound.restart_portaudio()
    return made


@pytest.fixture
def tones(tmp_path: Path) -> Path:
    """A library of three tones, by their titles: High, Low, Middle. Low is the quietest."""
    folder = tmp_path / "music"
    folder.mkdir()
    for title, frequency in TITLES.items():
        amplitude = 0.05 if title == "Low" else 0.3
        samples = tone(frequency, 40.0, amplitude=amplitude)
        write_audio(
            folder / f"{title}.wav", np.stack([samples, samples]), RATE, Tags(title, "Fork", "", None)
        )
    with library(tmp_path / "data") as services:
        assert ingest_into(services, folder).added == 3
    return tmp_path / "data"


def hears(card: SoundCard, frequency: float, since: int = 0) -> bool:
    """Whether the last third of a second that the card played is this tone."""
    left = card.samples()[since:, 0]
    tail = left[-RATE // 3 :]
    return len(tail) == RATE // 3 and bool(tail.any()) and abs(loudest_frequency(tail) - frequency) < 2


def test_space_plays_the_row_and_pauses_it(card: SoundCard, tones: Path) -> None:
    async def scenario(driver: Driver) -> None:
        preview = driver.app.preview
        await driver.send("space")
        await driver.until(lambda: hears(card, TITLES["High"]), "the first row is heard")
        await driver.shows("▶ High — Fork")
        assert " ▶" in driver.lines[3]
        await driver.send("space")
        await driver.until(lambda: preview.state.status is Status.PAUSED, "it waits")
        await driver.send("space")
        await driver.until(lambda: preview.state.status is Status.PLAYING, "it goes on")
        await driver.send("j", "space")
        await driver.until(lambda: hears(card, TITLES["Low"]), "the next row is heard instead")
        await driver.send("greater_than_sign")
        await driver.until(lambda: hears(card, TITLES["Middle"]), "the row after it is heard")
        await driver.send("S")
        await driver.hides("Middle — Fork")

    drive(tones, scenario, size=(120, 30))


def test_keys_seek_and_change_the_volume(card: SoundCard, tones: Path) -> None:
    async def scenario(driver: Driver) -> None:
        preview = driver.app.preview
        await driver.send("space")
        await driver.until(lambda: preview.state.position > 0.2, "it plays")
        await driver.send("full_stop")
        await driver.until(lambda: preview.state.position >= 30, "30 s on")
        await driver.send("left")
        await driver.until(lambda: 25 <= preview.state.position < 30, "5 s back")
        await driver.send("0")
        await driver.until(lambda: preview.state.position < 20, "from the beginning")
        await driver.send("minus", "minus")
        await driver.shows("vol 90")
        await driver.send("m")
        await driver.shows("muted")
        driver.app.main.query_one(PlayingLine).post_message(PlayingLine.Sought(0.8))
        await driver.until(lambda: preview.state.position >= 32, "a click in the outline seeks")

    drive(tones, scenario, size=(120, 30))
    assert json.loads((tones / "app.json").read_text())["volume"] == 90


def test_auditioning_plays_what_the_cursor_rests_on_equally_loud(card: SoundCard, tones: Path) -> None:
    async def scenario(driver: Driver) -> None:
        await driver.send("A")
        await driver.until(lambda: hears(card, TITLES["High"]), "the row under the cursor is heard")
        loud = np.abs(card.samples()[-RATE // 3 :, 0]).max()
        await driver.send("j")
        await driver.until(lambda: hears(card, TITLES["Low"]), "the row the cursor went to is heard")
        quiet = np.abs(card.samples()[-RATE // 3 :, 0]).max()
        assert quiet > 0.5 * loud
        await driver.send("A")
        await driver.until(lambda: not driver.app.preview.sounding, "it is quiet")

    drive(tones, scenario)


def test_results_play_from_the_moment_and_flip_to_the_query(card: SoundCard, tones: Path) -> None:
    async def scenario(driver: Driver) -> None:
        await driver.send("enter")
        await driver.shows("Moment")
        row = driver.app.main.search.table.row_at_cursor
        assert row is not None
        assert row.match.moment is not None
        title = row.match.track.title
        await driver.send("space")
        await driver.until(lambda: hears(card, TITLES[title]), "the match is heard")
        assert driver.app.preview.state.position >= row.match.moment.match_start
        await driver.send("v")
        await driver.until(lambda: hears(card, TITLES["High"]), "the query is heard")
        await driver.send("v")
        await driver.until(lambda: hears(card, TITLES[title]), "the match is heard again")

    drive(tones, scenario)


def test_a_flip_knows_where_the_other_ends(card: SoundCard, tones: Path, tmp_path: Path) -> None:
    short = tmp_path / "short.wav"
    samples = tone(TITLES["Middle"], 12.0)
    write_audio(short, np.stack([samples, samples]), RATE, Tags("Short", "Fork", "", None))

    async def scenario(driver: Driver) -> None:
        await driver.press("o")
        driver.app.screen.query_one("#path", Input).value = str(short)
        await driver.press("enter")
        await driver.shows("Moment")
        row = driver.app.main.search.table.row_at_cursor
        assert row is not None
        await driver.send("space")
        await driver.until(lambda: hears(card, TITLES[row.match.track.title]), "the match is heard")
        await driver.send("full_stop")
        await driver.until(lambda: driver.app.preview.state.position >= 30, "behind the end of the query")
        await driver.send("v")
        await driver.shows("The other has ended by then")
        await driver.until(lambda: hears(card, TITLES["Middle"]), "the query is heard all the same")

    drive(tones, scenario, size=(160, 30))


def test_without_a_sound_device_everything_else_works_and_the_line_says_so(
    tones: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in sound.environment_without_devices(tmp_path / "none").items():
        monkeypatch.setenv(name, value)
    sound.restart_portaudio()

    async def scenario(driver: Driver) -> None:
        await driver.send("space")
        await driver.shows("no sound device")
        await driver.send("enter")
        await driver.shows("Moment")

    drive(tones, scenario, size=(160, 30))


def test_a_file_that_has_gone_is_told_in_words(tones: Path, tmp_path: Path, card: SoundCard) -> None:
    (tmp_path / "music" / "High.wav").unlink()

    async def scenario(driver: Driver) -> None:
        await driver.send("space")
        await driver.shows("The file of 'High' is not there.")
        assert not driver.app.preview.sounding

    drive(tones, scenario, size=(160, 30))


def test_keys_before_the_sound_opens_pause_it_and_open_one_player(
    card: SoundCard, tones: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    let_go, opened = threading.Event(), []

    def held(on_end: Callable[[PlaybackState], None], *, volume: int) -> Player:
        assert let_go.wait(60)
        opened.append(open_player(on_end, volume=volume))
        return opened[-1]

    monkeypatch.setattr(playback, "open_player", held)

    async def scenario(driver: Driver) -> None:
        preview = driver.app.preview
        await driver.send("space", "j", "space", "space")
        await driver.settled()
        let_go.set()
        await driver.until(lambda: preview.state.status is Status.PAUSED, "it waits")
        assert preview.playing is not None
        assert preview.playing.playable.title == "Low"
        assert len(opened) == 1
        await driver.send("space")
        await driver.until(lambda: hears(card, TITLES["Low"]), "it goes on")

    drive(tones, scenario, size=(120, 30))


def test_a_device_that_comes_later_is_found(
    tones: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in sound.environment_without_devices(tmp_path).items():
        monkeypatch.setenv(name, value)
    sound.restart_portaudio()
    plugged_in = sound.make_sound_card(tmp_path / "card")

    async def scenario(driver: Driver) -> None:
        await driver.send("space")
        await driver.shows("this machine has no sound device")
        for name, value in plugged_in.environment.items():
            monkeypatch.setenv(name, value)
        await driver.send("space")
        await driver.until(lambda: hears(plugged_in, TITLES["High"]), "it plays")

    drive(tones, scenario, size=(160, 30))
