"""Keeps what native libraries print off the terminal."""

from __future__ import annotations

import os
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def only_our_words() -> Iterator[None]:
    """Keep what ALSA and PortAudio print, past Python, off the terminal."""
    ours = sys.__stderr__
    if ours is None or sys.stderr is not ours:
        yield
        return
    kept = os.dup(2)
    ours.flush()
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    os.close(nowhere)
    with open(kept, "w", encoding=ours.encoding, errors="backslashreplace", buffering=1) as terminal:
        sys.stderr = terminal
        try:
            yield
        finally:
            terminal.flush()
            sys.stderr = ours
            os.dup2(kept, 2)
