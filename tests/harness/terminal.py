"""A terminal of a known size with a program in it."""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import struct
import subprocess
import termios
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tests.harness.processes import wait_for

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

_CONTROL = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|\r")


@dataclass(slots=True)
class Terminal:
    """What a program has written so far, and the program."""

    process: subprocess.Popen[bytes]
    written: bytearray = field(default_factory=bytearray)

    @property
    def raw(self) -> str:
        """With all its control sequences."""
        return bytes(self.written).decode("utf-8", "replace")

    @property
    def text(self) -> str:
        """Without control sequences; what was drawn over is still there."""
        return _CONTROL.sub("", self.raw)

    def wait_for_text(self, pattern: str) -> None:
        """Return once the text holds a match."""
        wait_for(lambda: re.search(pattern, self.text) is not None, f"{pattern} on the terminal")


@contextlib.contextmanager
def terminal(
    command: Sequence[str | Path], *, environment: Mapping[str, str], folder: Path, columns: int = 80
) -> Iterator[Terminal]:
    """Run a program in a terminal. At the end of the block it is waited for, and all it wrote is there."""
    ours, theirs = os.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    unset = ("COLUMNS", "LINES", "NO_COLOR", "FORCE_COLOR", "TTY_COMPATIBLE", "TTY_INTERACTIVE")
    kept = {name: value for name, value in environment.items() if name not in unset}
    process = subprocess.Popen(
        command,
        env={**kept, "TERM": "xterm-256color", "PYTHONIOENCODING": "utf-8"},
        cwd=folder,
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
    )
    os.close(theirs)
    screen = Terminal(process)
    reader = threading.Thread(target=_read, args=(ours, screen.written))
    reader.start()
    try:
        yield screen
        process.wait(timeout=100)
    finally:
        process.kill()
        process.wait()
        reader.join(timeout=30)
        os.close(ours)


def _read(descriptor: int, into: bytearray) -> None:
    with contextlib.suppress(OSError):  # how Linux tells that the last program has closed the terminal
        while data := os.read(descriptor, 65536):
            into.extend(data)
