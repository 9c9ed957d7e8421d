"""Processes that a test starts, and waiting for what they and other threads do."""

from __future__ import annotations

import subprocess
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

_PAUSE_SECONDS = 0.02


def wait_for(condition: Callable[[], bool], description: str, seconds: float = 30.0) -> None:
    """Return once the condition holds; fail, saying what did not come, when it never does."""
    deadline = time.monotonic() + seconds
    pause = threading.Event()
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError(f"after {seconds:.0f} s still not: {description}")
        pause.wait(_PAUSE_SECONDS)


@contextmanager
def running_in(
    folder: Path, environment: Mapping[str, str]
) -> Iterator[Callable[[Sequence[str]], subprocess.Popen[str]]]:
    """Starts command lines in a folder, with pipes for what they say; kills them in the end."""
    started: list[subprocess.Popen[str]] = []

    def start(line: Sequence[str]) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            line,
            env=environment,
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        return process

    try:
        yield start
    finally:
        for process in started:
            process.kill()
            process.communicate()
