"""Decoders: what a file is, its windows and its outline, found in this process or in one of its own.

PyAV takes and gives back the interpreter's lock for every packet: two threads that decode in one process get
hardly more done than one, and slow down the thread that hears. A process each gets them the whole machine,
and a file on which the decoder crashes or hangs takes nothing with it.
"""

from __future__ import annotations

import logging
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Protocol
from uuid import UUID

import numpy as np

from musicsim_tui.audio.changes import FormatChange
from musicsim_tui.audio.decode import AudioBlocks, decode_mono
from musicsim_tui.audio.identity import AudioFile, examine
from musicsim_tui.audio.waveform import Waveform, WaveformBuilder
from musicsim_tui.audio.windows import WINDOW_SECONDS, AudioWindow, allocate, cut_windows
from musicsim_tui.child import (
    CAN_FORK,
    ForkedProcess,
    receive_frame,
    send_frame,
    start_child,
    start_children,
)
from musicsim_tui.errors import AudioError, MusicSimError, StorageError
from musicsim_tui.ingest.window_memory import offer_memory
from musicsim_tui.track import Tags, TrackId

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from musicsim_tui.audio.windows import Allocate
    from musicsim_tui.child import Frame, Process
    from musicsim_tui.ingest.window_memory import WindowMemory
    from musicsim_tui.jobs import CancelToken
    from musicsim_tui.track import Samples

log = logging.getLogger(__name__)

WORKER = "musicsim_tui.ingest.decoder_worker"
_ENVIRONMENT = {"MALLOC_TRIM_THRESHOLD_": str(64 << 20), "MALLOC_MMAP_THRESHOLD_": str(32 << 20)}
"""glibc keeps what a decoder lets go (mallopt(3)): blocks of a second or ten, which it needs again at once.
Given back, the system would clear each one anew."""


@dataclass(frozen=True, slots=True)
class StartedDecoder:
    """A process that loads what it needs, and the socket to it; None while it is to be forked."""

    process: Process | None
    connection: socket.socket

    def discard(self) -> None:
        """End it, or the process that is to be forked as soon as that is there."""
        self.connection.close()
        if self.process is not None:
            self.process.kill()
            self.process.wait()


def start_decoders(count: int, rate: int, coverage: int | None) -> list[StartedDecoder]:
    """Start processes for up to `count` decoders, which load what they need but once. Raises OSError."""
    process, connections = start_children(
        count if CAN_FORK else 1, WORKER, *_arguments(rate, coverage), environment=_ENVIRONMENT
    )
    return [
        StartedDecoder(process, connections[0]),
        *(StartedDecoder(None, connection) for connection in connections[1:]),
    ]


def _arguments(rate: int, coverage: int | None) -> tuple[str, str]:
    return str(rate), str(coverage or 0)


class DecoderCrashed(AudioError):
    """The process of the decoder has ended; the file may be innocent, the first time."""


_CRASHED = DecoderCrashed(
    "The decoder crashed on this file.",
    "The file is probably damaged: convert it with another program, then retry.",
)


class Decoder(Protocol):
    """Used by one thread, but for `abort`. Methods raise AudioError, StorageError and Cancelled."""

    def examine(self, path: Path) -> AudioFile: ...

    def windows(
        self, path: Path, expected_seconds: float | None, *, identify: bool = False
    ) -> Iterator[AudioWindow]:
        """The windows of a file; those that are silent may come without their samples."""
        ...

    def waveform(self) -> Waveform:
        """The outline of the file whose windows have just come to their end."""
        ...

    def change(self) -> FormatChange | None:
        """Where the sample rate or the number of channels of that file first changes."""
        ...

    def identified(self) -> AudioFile:
        """What `examine` tells of that file, where `windows` was asked to identify it on the way."""
        ...

    def abort(self) -> None:
        """End what another thread is waiting for, after its token was cancelled."""
        ...

    def close(self) -> None: ...


class LocalDecoder:
    """Decodes in this process. `pulse` is called whenever the decoder has given something, and windows are
    filled where `allocate` says."""

    def __init__(
        self,
        rate: int,
        coverage: int | None,
        cancel: CancelToken,
        pulse: Callable[[], None],
        allocate: Allocate = allocate,
    ) -> None:
        self._rate = rate
        self._coverage = coverage
        self._cancel = cancel
        self._pulse = pulse
        self._allocate = allocate
        self._waveform: Waveform | None = None
        self._change: FormatChange | None = None
        self._identified: AudioFile | None = None

    def examine(self, path: Path) -> AudioFile:
        return examine(path, cancel=self._cancel)

    def windows(
        self, path: Path, expected_seconds: float | None, *, identify: bool = False
    ) -> Iterator[AudioWindow]:
        builder = WaveformBuilder(self._rate)
        blocks = decode_mono(path, self._rate, cancel=self._cancel, identify=identify)
        yield from cut_windows(
            builder.watch(self._watched(blocks)),
            self._rate,
            coverage=self._coverage,
            expected_seconds=expected_seconds,
            allocate=self._allocate,
        )
        self._waveform = builder.finish()
        self._change = blocks.change
        self._identified = blocks.audio_file if identify else None

    def _watched(self, blocks: AudioBlocks) -> Iterator[Samples]:
        for block in blocks:
            self._pulse()
            yield block

    def waveform(self) -> Waveform:
        assert self._waveform is not None
        return self._waveform

    def change(self) -> FormatChange | None:
        return self._change

    def identified(self) -> AudioFile:
        assert self._identified is not None
        return self._identified

    def abort(self) -> None:
        """The token is enough, unless the decoder hangs; then its thread is left behind."""

    def close(self) -> None:
        self._waveform = None


class ProcessDecoder:
    """Decodes in a process of its own, which starts again after a crash."""

    def __init__(
        self,
        rate: int,
        coverage: int | None,
        cancel: CancelToken,
        pulse: Callable[[], None],
        started: StartedDecoder | None = None,
    ) -> None:
        """Take over the process that is `started`, or start one.

        Raises OSError when there is not enough memory, processes or files.
        """
        self._rate = rate
        self._coverage = coverage
        self._cancel = cancel
        self._pulse = pulse
        self._waveform: Waveform | None = None
        self._change: FormatChange | None = None
        self._identified: AudioFile | None = None
        self._memory: WindowMemory | None = None
        self._child: tuple[Process, socket.socket] | None = self._taken_over(started)
        if self._child is None and not cancel.cancelled:
            self._child = self._started()

    def examine(self, path: Path) -> AudioFile:
        self._ask({"op": "examine", "path": str(path)})
        header, _ = self._receive()
        return audio_from_json(header["audio"])

    def windows(
        self, path: Path, expected_seconds: float | None, *, identify: bool = False
    ) -> Iterator[AudioWindow]:
        self._ask(
            {"op": "windows", "path": str(path), "expected_seconds": expected_seconds, "identify": identify}
        )
        while True:
            header, body = self._receive()
            if "waveform" in header:
                self._waveform = Waveform(peaks=bytes(body), **header["waveform"])
                self._change = FormatChange(**header["change"]) if header["change"] else None
                self._identified = audio_from_json(header["audio"]) if identify else None
                return
            yield AudioWindow(header["start"], self._samples(header, body), header["silent"])

    def waveform(self) -> Waveform:
        assert self._waveform is not None
        return self._waveform

    def change(self) -> FormatChange | None:
        return self._change

    def identified(self) -> AudioFile:
        assert self._identified is not None
        return self._identified

    def abort(self) -> None:
        if self._child is not None:
            self._child[0].kill()

    def close(self) -> None:
        """Kill the process: it keeps nothing that could be lost."""
        if self._child is not None:
            process, connection = self._child
            self._child = None
            connection.close()
            process.kill()
            process.wait()

    def _taken_over(self, started: StartedDecoder | None) -> tuple[Process, socket.socket] | None:
        """The process that was started, once it is there; None where it does not come. Raises OSError."""
        if started is None:
            return None
        try:
            process = started.process or ForkedProcess(started.connection)
        except OSError as error:
            log.warning("no decoder was forked: %s", error)
            started.connection.close()
            return None
        return self._with_memory((process, started.connection))

    def _started(self) -> tuple[Process, socket.socket]:
        """A process of its own. Raises OSError."""
        arguments = _arguments(self._rate, self._coverage)
        return self._with_memory(start_child(WORKER, *arguments, environment=_ENVIRONMENT))

    def _with_memory(self, child: tuple[Process, socket.socket]) -> tuple[Process, socket.socket]:
        """The process, which knows where to put its windows."""
        self._memory = None
        try:
            self._memory = offer_memory(child[1], round(WINDOW_SECONDS * self._rate))
        except OSError as error:
            log.warning("windows come through the socket: %s", error)
        return child

    def _samples(self, header: dict[str, Any], body: memoryview) -> Samples:
        if "place" in header and self._memory is not None:
            return self._memory.take(header["place"], header["samples"])
        return np.frombuffer(body, dtype=np.float32)

    def _ask(self, request: dict[str, object]) -> None:
        self._cancel.check()
        try:
            if self._child is None:
                self._child = self._started()
            send_frame(self._child[1], request, b"")
        except OSError as error:
            raise self._lost() from error

    def _receive(self) -> Frame:
        """The next frame that is more than a sign of life. Raises what the worker raised."""
        while True:
            try:
                frame = receive_frame(self._child[1]) if self._child is not None else None
            except OSError as error:
                raise self._lost() from error
            if frame is None:
                raise self._lost()
            self._pulse()
            self._cancel.check()
            if "error" in frame[0]:
                raise error_from_json(frame[0]["error"])
            if frame[0]:
                return frame

    def _lost(self) -> MusicSimError:
        """Clear away a process that has ended. Raises Cancelled when that was asked for."""
        self.close()
        self._cancel.check()
        return _CRASHED


def audio_to_json(audio: AudioFile) -> dict[str, Any]:
    return {**asdict(audio), "track_id": str(audio.track_id)}


def audio_from_json(found: dict[str, Any]) -> AudioFile:
    return AudioFile(**{**found, "track_id": TrackId(UUID(found["track_id"])), "tags": Tags(**found["tags"])})


def error_to_json(error: MusicSimError) -> dict[str, str]:
    kind = "storage" if isinstance(error, StorageError) else "audio"
    return {"kind": kind, "title": error.title, "hint": error.hint}


def error_from_json(found: dict[str, str]) -> MusicSimError:
    if "trace" in found:
        log.error("in the decoder's process: %s", found["trace"])
    kind = StorageError if found["kind"] == "storage" else AudioError
    return kind(found["title"], found["hint"])


def unexpected(error: Exception) -> AudioError:
    """The failure of a file on which a decoder raised what it should not."""
    return AudioError(
        f"The file could not be heard ({type(error).__name__}: {error}).",
        "Convert it with another program, then retry; the log has the details.",
    )
