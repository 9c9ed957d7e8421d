"""The line of news: a sentence can be read whole, whatever stands beside it."""

from __future__ import annotations

from pathlib import Path

import pytest

from musicsim_tui.audio import sound_device
from musicsim_tui.errors import UnmetRequest
from musicsim_tui.services.models import Models
from musicsim_tui.tui.screens import ingest
from tests.tui.harness import Driver, drive


def test_a_long_sentence_is_shown_whole_and_makes_room_again(
    small: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def told(driver: Driver) -> str:
        status = driver.app.main.query_one("#status").region
        return " ".join(line.strip() for line in driver.lines[status.y : status.bottom])

    monkeypatch.setattr(ingest, "job_words", lambda *_: "hearing 12,345/99,999, 99 min left")

    async def scenario(driver: Driver) -> None:
        driver.app.main.show_job()
        await driver.shows("hearing 12,345/99,999")
        await driver.press("G")
        for words in (sound_device._NO_PORTAUDIO, sound_device._NO_DEVICE):
            sentence = " ".join(words)
            driver.app.say(sentence, trouble=True)
            await driver.until(lambda said=sentence: told(driver) == said, sentence)  # type: ignore[misc]
            assert "Untitled" in driver.cursor_line
            assert driver.lines[-1].startswith(" space")
        driver.app.say("Short.")
        await driver.until(lambda: told(driver).startswith("Short.  "), "the job stands beside it")
        await driver.until(lambda: len(told(driver)) < 80, "it is one line again")
        driver.app.say("x" * 300)
        await driver.until(lambda: told(driver).replace(" ", "") == "x" * 300, "a long word is broken")

    drive(small, scenario)


def test_a_small_screen_keeps_counts_and_what_a_box_has_to_say(
    small: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hint = "Check the connection, or fetch the file elsewhere and name it: models install NAME --from FILE."

    def refuse(*_: object, **__: object) -> None:
        raise UnmetRequest("The weights cannot be fetched.", hint)

    monkeypatch.setattr(Models, "install", refuse)
    monkeypatch.setattr(Models, "use", refuse)

    async def scenario(driver: Driver) -> None:
        await driver.press("asterisk", "a")
        await driver.shows("1 Lib  2 Down  3 Ingest  4 Search  5 Crate 6")
        await driver.press("exclamation_mark")
        await driver.shows(" 1   2   3   4   5 6  ! Trouble")
        await driver.press("exclamation_mark", "M")
        await driver.shows("builtin")
        await driver.press("end", "enter")
        await driver.shows("The weights cannot be fetched.")
        await driver.settled()
        words = " ".join(line.strip("\u2502 ") for line in driver.lines)
        assert hint in words
        assert "search stays as it is until that is done." in words

    drive(small, scenario, size=(60, 20))
