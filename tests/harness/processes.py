"""Waiting for what other threads and processes do."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

_PAUSE_SECONDS = 0.02


def wait_for(condition: Callable[[], bool], description: str, seconds: float = 30.0) -> None:
    """Return once the condition holds; fail, saying what did not come, when it never does."""
    deadline = time.monotonic() + seconds
    pause = threading.Event()
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError(f"after {seconds:.0f} s still not: {description}")
        pause.wait(_PAUSE_SECONDS)
