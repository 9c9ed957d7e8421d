"""The real app on a real library, driven by keys and watched on the screen."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from textual import events

from musicsim_tui.embedding.versions import BUILTIN
from musicsim_tui.library.catalog import Catalog
from musicsim_tui.library.records import FileRecord, FileStamp, HeardTrack
from musicsim_tui.track import Embedding, Sound, Tags
from musicsim_tui.tui.app import MusicApp
from musicsim_tui.tui.preferences import Preferences
from musicsim_tui.tui.run import close_app
from tests.harness.decoding import before_decoding
from tests.harness.library import settings_for
from tests.library.samples import track_id

if TYPE_CHECKING:
    import pytest
    from textual.pilot import Pilot
    from textual.widget import Widget

    from musicsim_tui.jobs import CancelToken
    from musicsim_tui.settings import Settings

NOON = 1_763_812_800.0
"""2025-11-22, noon UTC: the same date almost everywhere."""
_PAUSE = 0.01

HOSTILE = (
    "Song [Official Video]",
    "[/foo] bar",
    "a [/] b",
    "[@click=app.bell]Free download[/]",
    "[red]Red[/red] [$primary]",
    "\x1b[31mescape\x1b[0m \x07bell",
    "new\nline\r\ttab",
    "\u202eright to left \u2066isolated",
    "Emoji 🎵👨\u200d👩\u200d👧 🏳️\u200d🌈",
    "日本語のとても長いタイトル",
    "e\u0301" * 30,
    "x" * 1000,
    "",
    "\\[back\\] [[double]] {braces} %s $accent",
)
"""Titles that crash, script or bend what shows them carelessly."""


@dataclass(frozen=True, slots=True)
class Sample:
    """A track to put into a library."""

    title: str
    artist: str = "Ensemble"
    album: str = "Album"
    year: int | None = 1999
    seconds: float = 125.0
    sounds: tuple[str, ...] = ("Piano", "Jazz")


def fill(data_dir: Path, samples: Sequence[Sample]) -> None:
    """Put tracks into the library as if the built-in model had heard them."""
    with Catalog.open(data_dir / "library.db", clock=lambda: NOON) as catalog:
        catalog.store([heard(number, sample) for number, sample in enumerate(samples, start=1)])


def heard(number: int, sample: Sample, path: Path | None = None) -> HeardTrack:
    """A track as the built-in model has heard it."""
    random = np.random.default_rng(number)
    windows = random.standard_normal((3, BUILTIN.dimensions)).astype(np.float16)
    return HeardTrack(
        FileRecord(
            path or Path(f"/music/{number:04}.mp3"),
            FileStamp(1000, 10**18),
            Tags(sample.title, sample.artist, sample.album, sample.year),
            track_id(number),
        ),
        sample.seconds,
        -14.0,
        bytes(range(0, 250, 5)),
        Embedding(
            BUILTIN,
            None,
            windows.astype(np.float32).mean(axis=0),
            windows,
            np.arange(3, dtype=np.float32) * 10,
        ),
        tuple(Sound(label, 0.5 - 0.1 * place, 10.0) for place, label in enumerate(sample.sounds)),
    )


def hold_listening(monkeypatch: pytest.MonkeyPatch, *, free: int = 0) -> threading.Event:
    """Keep every file but the first `free` from being decoded until the event is set or the job cancelled.

    Only small folders are decoded in this process, where they can be held.
    """
    let_go = threading.Event()
    tickets = iter(range(free))

    def held(_: Path, cancel: CancelToken) -> None:
        if next(tickets, None) is None:
            while not let_go.is_set():
                cancel.wait(_PAUSE)

    before_decoding(monkeypatch, held)
    return let_go


class Driver:
    """Presses keys and waits for what comes of it."""

    def __init__(self, app: MusicApp, pilot: Pilot[str]) -> None:
        self.app = app
        self.pilot = pilot

    async def press(self, *keys: str) -> None:
        await self.pilot.press(*keys)

    async def send(self, *keys: str) -> None:
        """Press keys without waiting for the processor to be idle: while something plays, it never is."""
        for key in keys:
            self.app.post_message(events.Key(key, None))
            await asyncio.sleep(_PAUSE)

    async def type(self, text: str) -> None:
        """Type into the field that has the keys."""
        for char in text:
            await self.pilot.press(_KEY_NAMES.get(char, char))

    async def until(self, condition: Callable[[], bool], description: str, seconds: float = 30.0) -> None:
        """Wait until the condition holds; fail, showing the screen, when it never does."""
        deadline = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > deadline:
                raise AssertionError(f"still not: {description}\n{self.text}")
            # A pilot's own pause waits for the processor to be idle: a player never lets it.
            await asyncio.sleep(_PAUSE)

    async def shows(self, text: str) -> None:
        """Wait until a text stands on the screen."""
        await self.until(lambda: text in self.text, f"{text!r} stands on the screen")

    async def hides(self, text: str) -> None:
        """Wait until a text no longer stands on the screen."""
        await self.until(lambda: text not in self.text, f"{text!r} has left the screen")

    @property
    def lines(self) -> list[str]:
        """What stands on the screen, a text a line."""
        strips = self.app.screen._compositor.render_strips()
        return ["".join(segment.text for segment in strip).rstrip() for strip in strips]

    @property
    def text(self) -> str:
        return "\n".join(self.lines)

    @property
    def cursor_line(self) -> str:
        """The line of the row under the cursor."""
        return next((line for line in self.lines if line.startswith(" >")), "")

    async def settled(self) -> None:
        """Wait until everything that was asked for has been drawn."""
        await self.pilot.pause()

    @property
    def focused(self) -> Widget | None:
        return self.app.screen.focused


_KEY_NAMES = {
    " ": "space",
    "/": "slash",
    ":": "colon",
    ">": "greater_than_sign",
    ".": "full_stop",
    '"': "quotation_mark",
    "-": "minus",
    "_": "underscore",
    "(": "left_parenthesis",
}


def drive(
    data_dir: Path,
    scenario: Callable[[Driver], Awaitable[None]],
    *,
    size: tuple[int, int] = (80, 24),
    preferences: Preferences | None = None,
    ready: bool = True,
    music_dir: Path | None = None,
    threads: int | None = None,
    settings: Settings | None = None,
) -> MusicApp:
    """Open the library in the app, play the scenario, leave and close; the app, for what is left to see."""
    environment = {} if music_dir is None else {"MUSICSIM_MUSIC_DIR": str(music_dir)}
    if threads is not None:
        environment["MUSICSIM_THREADS"] = str(threads)
    app = MusicApp(settings or settings_for(data_dir, **environment), preferences or Preferences())

    async def play() -> None:
        async with app.run_test(size=size, notifications=True, tooltips=True) as pilot:
            driver = Driver(app, pilot)
            if ready:
                await driver.until(lambda: app.began and not app.bridge.busy("crate"), "the library is open")
            await scenario(driver)
            if app.is_running and app._exit is False:
                app.leave()

    try:
        asyncio.run(play())
    finally:
        app.preview.close()
        app.bridge.runner.close(10.0)
        app.bridge.services.close()
        close_app(app)
    return app
