"""The app with an observer inside, for `tests.benchmarks.app`: writes what it saw as JSON."""

from __future__ import annotations

import asyncio
import json
import os
import re
import sys
import threading
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from textual import events
from textual.app import App, ComposeResult
from textual.widgets import Input, Static

from musicsim_tui.library.query import parse_query
from musicsim_tui.tui.app import MusicApp
from musicsim_tui.tui.preferences import Preferences
from musicsim_tui.tui.run import close_app
from tests.harness.library import settings_for

if TYPE_CHECKING:
    from musicsim_tui.library.records import TrackRow

_TEXTS = ("bace", "difogu", "gra lo", "artist:bre", "sound:piano", "len>5:00", "year>=2000 ka", "-a zo")
_SCROLLS = (
    *(("pagedown",) * 40),
    *(("ctrl+d", "j", "j", "k") * 10),
    *(("G", "pageup", "g", "pagedown") * 8),
    "G",
    *(("pageup",) * 10),
)
_BETWEEN_KEYS_SECONDS = 0.06
_BEAT_SECONDS = 0.01
_PATIENCE_SECONDS = 20.0
_KEY_NAMES = {" ": "space", ":": "colon", ">": "greater_than_sign", "=": "equals_sign", "-": "minus"}
_CONTROL = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
_PLAYS = 25
_TITLE_CELLS = 14


class Frames:
    """Watches what the app writes to its terminal."""

    def __init__(self, app: App[Any]) -> None:
        driver = app._driver
        assert driver is not None
        self._write = driver.write
        self._wanted: Callable[[str], bool] | None = None
        self._seen = asyncio.Event()
        self._at = 0.0
        driver.write = self._watch  # type: ignore[method-assign]

    def _watch(self, data: str) -> None:
        self._write(data)
        if self._wanted is not None and self._wanted(_CONTROL.sub("", data)):
            self._at = time.perf_counter()
            self._wanted = None
            self._seen.set()

    async def after(self, what: str, act: Callable[[], object], wanted: Callable[[str], bool]) -> float:
        """Milliseconds from an act to the writing of the frame that is wanted."""
        self._seen.clear()
        self._wanted = wanted
        began = time.perf_counter()
        act()
        try:
            await asyncio.wait_for(self._seen.wait(), _PATIENCE_SECONDS)
        except TimeoutError as error:
            raise TimeoutError(f"nothing came of {what}") from error
        return (self._at - began) * 1000


def _key(app: App[Any], key: str) -> Callable[[], object]:
    character = key if len(key) == 1 else None
    return lambda: app.post_message(events.Key(_KEY_NAMES.get(key, key), character))


async def press_keys(app: MusicApp) -> dict[str, Any]:
    """How long a key takes until its rows are written, while filtering and while scrolling."""
    frames = Frames(app)
    return {"filtering_ms": await _filter(app, frames), "scrolling_ms": await _scroll(app, frames)}


async def _filter(app: MusicApp, frames: Frames) -> list[float]:
    catalog, view = app.bridge.services.catalog, app.main.library
    expected = {
        text[:end]: catalog.listing(parse_query(text[:end], lenient=True)).rows(0, 1)
        for text in _TEXTS
        for end in range(len(text) + 1)
    }
    app.post_message(events.Key("slash", "/"))
    await asyncio.sleep(0.5)
    took = []
    for text in _TEXTS:
        steps = [(text[:end], text[end - 1]) for end in range(1, len(text) + 1)]
        steps += [(text[:end], "backspace") for end in range(len(text) - 1, -1, -1)]
        for typed, key in steps:
            first = expected[typed]
            marker = _marker(first[0]) if first else "No track matches"
            took.append(
                await frames.after(
                    f"{key} in {typed!r}",
                    _key(app, key),
                    lambda data, typed=typed, marker=marker: (  # type: ignore[misc]
                        view.listing.filter == typed and marker in data
                    ),
                )
            )
            await asyncio.sleep(_BETWEEN_KEYS_SECONDS)
    app.post_message(events.Key("escape", None))
    await asyncio.sleep(0.3)
    return took


async def _scroll(app: MusicApp, frames: Frames) -> list[float]:
    table = app.main.library.table
    took = []
    for key in _SCROLLS:
        before = table.cursor

        def arrived(data: str, before: int = before) -> bool:
            row = table.row_at_cursor
            return table.cursor != before and row is not None and _marker(row) in data

        took.append(await frames.after(key, _key(app, key), arrived))
        await asyncio.sleep(_BETWEEN_KEYS_SECONDS)
    return took


def _marker(row: TrackRow) -> str:
    return row.track.title[:_TITLE_CELLS]


async def hold_memory(app: MusicApp) -> dict[str, Any]:
    """Memory after a look around."""
    keys = [*"/", *"bace", "enter", "G", "g", "escape", *("pagedown",) * 30, "G", "i", "escape"]
    for key in keys:
        _key(app, key)()
        await asyncio.sleep(0.1)
    return {"resident_mb": _megabytes("VmRSS"), "peak_mb": _megabytes("VmHWM")}


def _megabytes(name: str) -> float:
    """Memory of this process, as the kernel counts it."""
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(f"{name}:")) * 1024 / 1e6


async def beat(app: MusicApp, music: str) -> dict[str, Any]:
    """How late a heartbeat on the UI thread comes: at rest, then while music is heard."""
    if app.model_name != "builtin":
        import torch

        torch.zeros(1)
    at_rest = await _late_while(lambda elapsed: elapsed < 3.0)
    app.show_view("ingest")
    app.hearing.start([Path(music)])
    while_hearing = await _late_while(lambda _: app.hearing.running)
    summary = app.hearing.summary
    assert summary is not None
    return {"at_rest_ms": at_rest, "hearing_ms": while_hearing, "added": summary.added}


async def _late_while(going: Callable[[float], bool]) -> list[float]:
    began = time.perf_counter()
    late = []
    while going(time.perf_counter() - began):
        asleep = time.perf_counter()
        await asyncio.sleep(_BEAT_SECONDS)
        late.append((time.perf_counter() - asleep - _BEAT_SECONDS) * 1000)
    return late


async def preview(app: MusicApp) -> dict[str, Any]:
    """How long the key of the preview takes until the device has the first sample; the first play is cold."""
    took = []
    app.show_view("library")
    table = app.main.library.table
    for _ in range(_PLAYS):
        row = table.row_at_cursor
        assert row is not None
        took.append(await asyncio.to_thread(_play, app, row.track.id))
        app.post_message(events.Key("j" if table.cursor + 1 < table.rows.total else "g", None))
        await asyncio.sleep(0.3)
    return {"cold_ms": took[0], "warm_ms": took[1:]}


def _play(app: MusicApp, track: object) -> float:
    pause = threading.Event()
    began = time.perf_counter()
    app.post_message(events.Key("space", " "))
    while True:
        state = app.preview.state
        if app.preview.playing is not None and app.preview.playing.what == track and state.position > 0:
            return (time.perf_counter() - began) * 1000
        if time.perf_counter() - began > _PATIENCE_SECONDS:
            raise TimeoutError("nothing is heard")
        pause.wait(0.0005)


class Bare(App[None]):
    """What Textual itself needs for a field and a line that follows it."""

    def compose(self) -> ComposeResult:
        yield Input()
        yield Static("ready", id="line")

    def on_input_changed(self, event: Input.Changed) -> None:
        self.query_one("#line", Static).update(f"typed {event.value}")


async def bare_keys(app: App[Any]) -> dict[str, Any]:
    frames = Frames(app)
    text = ""
    took = []
    for number in range(60):
        text += "abcdefghij"[number % 10]
        took.append(
            await frames.after(
                text,
                _key(app, text[-1]),
                lambda data, text=text: f"typed {text}" in data,  # type: ignore[misc]
            )
        )
        await asyncio.sleep(_BETWEEN_KEYS_SECONDS)
    return {"keys_ms": took, "resident_mb": _megabytes("VmRSS")}


async def _run(
    app: App[Any], ready: Callable[[], bool], scenario: Callable[[], Awaitable[dict[str, Any]]]
) -> dict[str, Any]:
    running = asyncio.create_task(app.run_async())
    while not ready():
        await asyncio.sleep(0.01)
    await asyncio.sleep(0.5)
    try:
        return await scenario()
    finally:
        app.exit()
        await running


def main() -> None:
    what, out, data_dir, *rest = sys.argv[1:]
    if what == "bare":
        bare = Bare()
        found = asyncio.run(_run(bare, lambda: bare.is_running, lambda: bare_keys(bare)))
    elif what == "bare start":
        Bare().run()
        return
    else:
        if what == "preview":
            from tests.harness import sound

            os.environ.update(sound.make_sound_card(Path(data_dir) / "card").environment)
            sound.restart_portaudio()
        model = {"MUSICSIM_MODEL": rest[1]} if len(rest) > 1 else {}
        app = MusicApp(settings_for(Path(data_dir), **model), Preferences())
        scenarios: dict[str, Callable[[], Awaitable[dict[str, Any]]]] = {
            "keys": lambda: press_keys(app),
            "memory": lambda: hold_memory(app),
            "beat": lambda: beat(app, rest[0]),
            "preview": lambda: preview(app),
        }
        found = asyncio.run(_run(app, lambda: app.tracks is not None, scenarios[what]))
        close_app(app)
    Path(out).write_text(json.dumps(found), encoding="utf-8")
    os._exit(0)


if __name__ == "__main__":
    main()
