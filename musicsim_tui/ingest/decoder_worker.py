"""A decoder's process: `python -m musicsim_tui.ingest.decoder_worker SOCKETS RATE COVERAGE`."""

from __future__ import annotations

import contextlib
import os
import sys
import time
import traceback
from dataclasses import asdict
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from musicsim_tui.audio.windows import allocate
from musicsim_tui.child import fork_for_each, receive_frame, send_frame
from musicsim_tui.errors import MusicSimError
from musicsim_tui.ingest.decoder import LocalDecoder, audio_to_json, error_to_json, unexpected
from musicsim_tui.ingest.window_memory import OPERATION, accept_memory
from musicsim_tui.jobs import CancelToken

if TYPE_CHECKING:
    import socket

    from musicsim_tui.audio.windows import AudioWindow
    from musicsim_tui.ingest.decoder import Decoder
    from musicsim_tui.ingest.window_memory import WindowMemory
    from musicsim_tui.track import Samples

_PULSE_SECONDS = 1.0
_NICENESS = 5
"""Decoding gives way to what people see, and to the network."""


class _Service:
    """Answers requests until the application closes the socket."""

    def __init__(self, connection: socket.socket, rate: int, coverage: int | None) -> None:
        self._connection = connection
        self._decoder: Decoder = LocalDecoder(rate, coverage, CancelToken(), self._pulse, self._allocate)
        self._memory: WindowMemory | None = None
        self._last_sign = time.monotonic()

    def run(self) -> None:
        while (frame := receive_frame(self._connection)) is not None:
            try:
                self._answer(frame[0])
            except MusicSimError as error:
                self._send({"error": error_to_json(error)})
            except Exception as error:  # the edge of one item: the next file gets its turn
                trace = traceback.format_exc()
                self._send({"error": {**error_to_json(unexpected(error)), "trace": trace}})

    def _answer(self, request: dict[str, Any]) -> None:
        if request["op"] == OPERATION:
            with contextlib.suppress(OSError):  # the socket takes every window
                self._memory = accept_memory(self._connection, request["length"])
            return
        path = Path(request["path"])
        if request["op"] == "examine":
            self._send({"audio": audio_to_json(self._decoder.examine(path))})
            return
        identify = request["identify"]
        for window in self._decoder.windows(path, request["expected_seconds"], identify=identify):
            self._send_window(window)
        waveform = asdict(self._decoder.waveform())
        peaks = waveform.pop("peaks")
        audio = audio_to_json(self._decoder.identified()) if identify else None
        change = None if (found := self._decoder.change()) is None else asdict(found)
        self._send({"waveform": waveform, "audio": audio, "change": change}, peaks)

    def _allocate(self, length: int) -> Samples:
        return allocate(length) if self._memory is None else self._memory.allocate(length)

    def _send_window(self, window: AudioWindow) -> None:
        header: dict[str, object] = {"start": window.start, "silent": window.silent}
        place = None if window.silent or self._memory is None else self._memory.put(window.samples)
        if place is not None:
            self._send({**header, "place": place, "samples": len(window.samples)})
        else:
            self._send(header, b"" if window.silent else window.samples.data)

    def _pulse(self) -> None:
        """An empty frame now and then, so that a decoder which works for long is not taken for hanging."""
        if time.monotonic() - self._last_sign > _PULSE_SECONDS:
            self._send({})

    def _send(self, header: dict[str, object], body: bytes | memoryview = b"") -> None:
        try:
            send_frame(self._connection, header, body)
        except OSError:
            os._exit(1)  # the application is gone
        self._last_sign = time.monotonic()


def main() -> None:
    os.nice(_NICENESS)
    descriptors, rate, coverage = sys.argv[1:]
    for module in ("av", "soxr"):  # which every file needs, whoever decodes it
        import_module(module)
    _Service(fork_for_each(descriptors), int(rate), int(coverage) or None).run()


if __name__ == "__main__":
    main()
