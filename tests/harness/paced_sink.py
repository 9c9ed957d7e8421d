"""A sound card made of a pipe: reads samples as slowly as one plays them, and keeps them.

`python paced_sink.py PREFIX BYTES_PER_SECOND`, with the samples on standard input. Writes them to a file of
its own, `PREFIX.ORDER.PID.raw`, and when each piece came, in seconds of the monotonic clock and bytes, to
the file beside it, `.times`.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import sys
import time

_FULL_PIPE = 1 << 16
_PIPE_BYTES = (8192, 16384, 32768)
"""What may wait in the pipe: the less the more it is like a card. 8192 bytes are 46 ms of CD audio."""
_ATTEMPTS = 4
_LATE_SECONDS = 0.25
"""After a pause this long the pace starts anew."""


def main(prefix: str, bytes_per_second: int) -> None:
    piece_bytes = bytes_per_second // 100 // 4 * 4
    name = f"{prefix}.{time.monotonic_ns():020}.{os.getpid()}"
    due = 0.0
    with open(f"{name}.raw", "wb", buffering=0) as samples, open(f"{name}.times", "w", buffering=1) as times:
        attempts = _ATTEMPTS
        # The pipe fills while this program starts, and can be made smaller only while it is not full.
        while piece := os.read(0, _FULL_PIPE if attempts else piece_bytes):
            attempts = 0 if attempts and _shrink_pipe() else max(0, attempts - 1)
            now = time.monotonic()
            due = now if now > due + _LATE_SECONDS else due
            samples.write(piece)
            times.write(f"{now:.6f} {len(piece)}\n")
            due += len(piece) / bytes_per_second
            time.sleep(max(0.0, due - time.monotonic()))


def _shrink_pipe() -> bool:
    for size in _PIPE_BYTES:
        with contextlib.suppress(OSError):
            fcntl.fcntl(0, fcntl.F_SETPIPE_SZ, size)
            return True
    return False


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
