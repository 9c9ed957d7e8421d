"""What the command line prints: results to standard output, everything else to standard error."""

from __future__ import annotations

import json
import math
import os
import sys
import threading
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cache
from io import TextIOWrapper
from typing import TYPE_CHECKING, Any, Literal, TextIO

from musicsim_tui.cli.current import CURRENT
from musicsim_tui.errors import STOPPED, MusicSimError, StorageError
from musicsim_tui.wording import clock, count, duration_words, plain, size_words

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from pathlib import Path

    from rich.console import Console
    from rich.progress import Progress as Bars
    from rich.progress import ProgressColumn

    from musicsim_tui.jobs import Progress

__all__ = ["clock", "count", "duration_words", "plain", "size_words"]

_SHOW_CURSOR = "\r\x1b[2K\x1b[?25h"
"""On an empty line: what moves on a terminal hides the cursor."""
_live: list[Console] = []
_COLUMN_GAP = 3
_NARROWEST_COLUMN = 6


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table; one that shrinks gives way when the terminal is narrow."""

    heading: str
    justify: Literal["left", "right"] = "left"
    shrinks: bool = False


class _Speech:
    """Who may still write to standard output: under --json exactly one final object comes, ever."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.ended = False
        self.noted: set[str] = set()


_speech = _Speech()


def begin() -> None:
    """A new command line: nothing has been said."""
    _speech.ended = False
    _speech.noted.clear()
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):  # names of files need not be text
            stream.reconfigure(errors="backslashreplace")


def emit(value: object) -> None:
    """The final JSON object, on a line of its own: ASCII, unknown and not-a-number as null."""
    with _speech.lock:
        _speech.ended = True
        with to_stdout():
            _write_json(value)


def emit_progress(done: int, total: int | None, path: str | None, **more: object) -> None:
    """A progress event under --json. `path` is the full path of a file, or None.

    What cannot be written stops no work: the final object tells.
    """
    with _speech.lock, suppress(StorageError), to_stdout():
        if not _speech.ended:
            _write_json({"event": "progress", "done": done, "total": total, "path": path, **more})


def report_stopped() -> None:
    """The command ended because it was asked to."""
    if CURRENT.json and not _speech.ended:
        emit(_as_json(STOPPED))
    else:
        with _to_stderr():
            _stderr().print(STOPPED.title)


def last_word() -> None:
    """Say that the process ends now. The lock is kept: nobody speaks or exits after that.

    Says it past the streams that a moving bar puts in the place of the real ones.
    """
    errors = sys.__stderr__
    if errors is not None and errors.isatty():
        errors.write(_SHOW_CURSOR)
        errors.flush()
    _speech.lock.acquire()
    if CURRENT.json and not _speech.ended:
        _write_json(_as_json(STOPPED))
    elif errors is not None and not CURRENT.json:
        errors.write(f"{STOPPED.title}\n")
        errors.flush()
    sys.stdout.flush()


@contextmanager
def everything_said() -> Iterator[None]:
    """Entered by whoever ends the process."""
    with _speech.lock:
        yield


@contextmanager
def to_stdout() -> Iterator[None]:
    """Entered by whoever writes results. Where nobody reads them any more, work goes on and words are lost.

    Raises StorageError when they cannot be written, as on a full disk.
    """
    try:
        yield
    except BrokenPipeError:
        sys.stdout = _nowhere()
    except OSError as error:
        raise StorageError(
            f"The output cannot be written: {error.strerror or error}.",
            "Send it to another place, or free some space there.",
        ) from error


@contextmanager
def _to_stderr() -> Iterator[None]:
    """Entered by whoever writes beside the results: that is never worth a failure."""
    try:
        yield
    except OSError:
        sys.stderr = _nowhere()


def _nowhere() -> TextIO:
    return open(os.devnull, "w", encoding="utf-8")


def _write_json(value: object) -> None:
    sys.stdout.write(json.dumps(_finite(value), ensure_ascii=True, allow_nan=False) + "\n")
    sys.stdout.flush()


def _as_json(error: MusicSimError) -> dict[str, Any]:
    return {"error": {"title": error.title, "hint": error.hint}}


def _finite(value: Any) -> Any:  # noqa: ANN401 - JSON is any of its types
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {str(key): _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    return value


def say(text: str) -> None:
    """A line of the result."""
    with to_stdout():
        _print_line(_stdout(), text)


def _print_line(console: Console, text: str) -> None:
    """Whole words on a terminal; elsewhere the line as it is."""
    whole = not console.is_terminal
    console.print(text, markup=False, highlight=False, emoji=False, soft_wrap=whole)


def bar(share: float, cells: int) -> str:
    """A bar of a share from 0 to 1, in characters that the output has."""
    block = "█"
    try:
        block.encode(sys.stdout.encoding or "ascii")
    except (LookupError, UnicodeEncodeError):
        block = "#"
    return block * round(share * cells)


def note(text: str) -> None:
    """A line beside the result, silent under --quiet."""
    if not CURRENT.quiet:
        with _to_stderr():
            _print_line(_stderr(), plain(text))


def note_once(text: str) -> None:
    """A note that one command line brings only once, however often what it speaks of is met."""
    if text not in _speech.noted:
        _speech.noted.add(text)
        note(text)


def report(error: MusicSimError) -> None:
    """A failure: the final object under --json; else, or when one has come, two lines on standard error."""
    if CURRENT.json and not _speech.ended:
        emit(_as_json(error))
        return
    with _to_stderr():
        console = _stderr()
        _print_line(console, plain(f"error: {error.title}"))
        _print_line(console, plain(f"hint: {error.hint}"))


def print_table(columns: Sequence[Column], rows: Iterable[Sequence[str]]) -> None:
    """A table of plain text. On a terminal it fits the width: columns that may shrink do, widest first."""
    from rich import box
    from rich.cells import cell_len
    from rich.table import Table
    from rich.text import Text

    cells = [[plain(cell) for cell in row] for row in rows]
    widths = [
        max(cell_len(text) for text in (column.heading, *(row[place] for row in cells)))
        for place, column in enumerate(columns)
    ]
    room = _stdout().width if sys.stdout.isatty() else sum(widths) + _COLUMN_GAP * len(columns)
    widths = _fit([column.shrinks for column in columns], widths, room - _COLUMN_GAP * len(columns))
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, header_style="bold")
    for column, width in zip(columns, widths, strict=True):
        table.add_column(
            column.heading, justify=column.justify, no_wrap=True, overflow="ellipsis", width=width
        )
    for row in cells:
        table.add_row(*map(Text, row))
    # What is too wide although all gave way is broken by the terminal: nothing of it is lost.
    with to_stdout():
        _stdout(max(room, sum(widths) + _COLUMN_GAP * len(columns))).print(table, crop=False, no_wrap=True)


def _fit(shrinks: Sequence[bool], widths: list[int], room: int) -> list[int]:
    fitted = list(widths)
    while sum(fitted) > room:
        widest = max((width for width, gives in zip(fitted, shrinks, strict=True) if gives), default=0)
        if widest <= _NARROWEST_COLUMN:
            break
        place = next(i for i, width in enumerate(fitted) if shrinks[i] and width == widest)
        fitted[place] -= 1
    return fitted


def print_paths0(paths: Iterable[Path]) -> None:
    """Paths as the bytes the file system has, each ended by NUL."""
    print_bytes(b"".join(os.fsencode(path) + b"\0" for path in paths))


def print_bytes(content: bytes) -> None:
    """A result that is no text."""
    with to_stdout():
        sys.stdout.flush()
        sys.stdout.buffer.write(content)
        sys.stdout.buffer.flush()


def known(text: str) -> str | None:
    """Text for JSON, where unknown is null."""
    return text or None


@contextmanager
def progress_bar(description: str) -> Iterator[Callable[[Progress], None]]:
    """A bar on a terminal, progress events under --json, nothing otherwise."""
    if CURRENT.json and not CURRENT.quiet:
        yield lambda snapshot: emit_progress(
            snapshot.done,
            snapshot.total,
            snapshot.detail if os.path.isabs(snapshot.detail) else None,
            stage=description,
        )
        return
    if not shows_progress():
        yield lambda _: None
        return
    from rich.progress import BarColumn, TextColumn, TimeRemainingColumn

    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        TextColumn("{task.percentage:>3.0f}%"),
        TimeRemainingColumn(),
    )
    with live_bars(*columns) as bars:
        task = bars.add_task(description, total=None)
        yield lambda snapshot: bars.update(task, completed=snapshot.done, total=snapshot.total)


def shows_progress() -> bool:
    """Whether a person is watching."""
    return not CURRENT.quiet and not CURRENT.json and sys.stderr.isatty()


def _stdout(width: int | None = None) -> Console:
    return _console_class()(file=sys.stdout, width=width)


def _stderr() -> Console:
    return _live[-1] if _live else _console_class()(file=sys.stderr)


@cache
def _console_class() -> type[Console]:
    from rich.console import Console

    class Heard(Console):
        def on_broken_pipe(self) -> None:
            """Where Rich would end the process."""
            raise BrokenPipeError

    return Heard


@contextmanager
def live_bars(*columns: ProgressColumn) -> Iterator[Bars]:
    """Bars that move on standard error and vanish."""
    from rich.progress import Progress

    with live_console() as console, Progress(*columns, console=console, transient=True) as bars:
        yield bars


@contextmanager
def live_console() -> Iterator[Console]:
    """The console of something that moves; notes that come meanwhile go through it, above."""
    console = _console_class()(file=sys.stderr)
    _live.append(console)
    try:
        yield console
    finally:
        _live.remove(console)
