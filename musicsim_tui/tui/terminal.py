"""Keeps the screen for the app: what a library prints on the standard streams goes to the log."""

from __future__ import annotations

import contextlib
import os
import sys
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_OUT, _ERROR = 1, 2


@contextlib.contextmanager
def guarded_terminal(log_path: Path) -> Iterator[None]:
    """File descriptors 1 and 2 lead to the log; Python's own originals lead to the terminal.

    The app draws through `sys.__stderr__` and asks `sys.__stdout__` for the size: both become copies of the
    terminal, while native code, which knows only the numbers, can no longer paint over the screen.
    """
    sys.stdout.flush()
    sys.stderr.flush()
    originals = sys.__stdout__, sys.__stderr__
    kept = {number: os.dup(number) for number in (_OUT, _ERROR)}
    drawn = [_text_stream(kept[number]) for number in (_OUT, _ERROR)]
    sys.__stdout__, sys.__stderr__ = drawn  # type: ignore[misc, assignment]
    sink = _open_sink(log_path)
    try:
        for number in kept:
            os.dup2(sink, number)
        yield
    finally:
        for number, copy in kept.items():
            os.dup2(copy, number)
        sys.__stdout__, sys.__stderr__ = originals  # type: ignore[misc]
        os.close(sink)
        for stream in drawn:
            with contextlib.suppress(OSError):
                stream.close()
        for copy in kept.values():
            os.close(copy)


def _text_stream(number: int) -> TextIO:
    return open(os.dup(number), "w", encoding="utf-8", errors="backslashreplace", newline="")


def _open_sink(log_path: Path) -> int:
    try:
        return os.open(log_path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o644)
    except OSError:
        return os.open(os.devnull, os.O_WRONLY)
