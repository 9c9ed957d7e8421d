"""The application's end of the worker process that owns the embedded engine."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
from typing import IO, TYPE_CHECKING

from musicsim_tui.child import start_child
from musicsim_tui.errors import IndexFailure
from musicsim_tui.index.failures import damaged, disk_full
from musicsim_tui.index.framing import raise_refusal, receive_frame, send_frame

if TYPE_CHECKING:
    import socket
    from collections.abc import Mapping
    from pathlib import Path

    from musicsim_tui.index.framing import Frame

WORKER = "musicsim_tui.index.worker"
START_SECONDS = 30.0
STOP_SECONDS = 5.0
LONGEST_LOG_BYTES = 2**20


class WorkerLost(Exception):
    """The worker ended, or the connection to it broke, inside a request; `exit_code` as subprocess has it."""

    def __init__(self, exit_code: int) -> None:
        super().__init__(f"the index worker ended with {exit_code}")
        self.exit_code = exit_code


class WorkerProcess:
    """One running worker and the socket to it. Used by one thread at a time."""

    def __init__(self, process: subprocess.Popen[bytes], connection: socket.socket) -> None:
        self._process = process
        self._connection = connection

    @classmethod
    def start(cls, folder: Path, *, wait_for_lock: float, reserve: int, log: Path | None) -> WorkerProcess:
        """Start a worker on an index folder and wait until it holds the lock.

        A worker that is killed meanwhile is started once more: a system short of memory kills processes that
        have done nothing. Raises IndexLocked when another process has the lock for `wait_for_lock` seconds,
        IndexFailure when the worker cannot start.
        """
        try:
            return cls._start(folder, wait_for_lock=wait_for_lock, reserve=reserve, log=log)
        except WorkerLost as lost:
            if lost.exit_code >= 0:
                raise _not_started(lost) from lost
        try:
            return cls._start(folder, wait_for_lock=wait_for_lock, reserve=reserve, log=log)
        except WorkerLost as lost:
            raise _not_started(lost) from lost

    @classmethod
    def _start(cls, folder: Path, *, wait_for_lock: float, reserve: int, log: Path | None) -> WorkerProcess:
        """One try. Raises WorkerLost when the worker ends before it answers, else as `start`."""
        arguments = [str(folder.absolute()), repr(wait_for_lock), str(reserve)]
        try:
            with _output(log) as output:
                process, ours = start_child(WORKER, *arguments, output=output)
        except OSError as error:
            raise IndexFailure(
                f"The search engine cannot start: {error.strerror}.",
                "Check memory, disk and open files; then try again.",
            ) from error
        worker = cls(process, ours)
        ours.settimeout(wait_for_lock + START_SECONDS)
        try:
            worker._receive()
        except BaseException as error:
            code = worker.kill()
            if isinstance(error, TimeoutError):
                raise _not_started(WorkerLost(code)) from error
            if isinstance(error, OSError):
                raise WorkerLost(code) from error
            raise
        ours.settimeout(None)
        return worker

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def running(self) -> bool:
        return self._process.poll() is None

    def request(self, header: Mapping[str, object], *parts: bytes | memoryview) -> Frame:
        """Send one request and wait for its answer.

        Raises IndexFailure as the worker does, and WorkerLost when it ends. Whatever else interrupts the
        exchange ends the worker, for the answer would be taken for that of the next request.
        """
        try:
            send_frame(self._connection, header, *parts)
            return self._receive()
        except IndexFailure:
            raise
        except BaseException as error:
            code = self.kill()
            if isinstance(error, OSError):
                raise WorkerLost(code) from error
            raise

    def _receive(self) -> Frame:
        frame = receive_frame(self._connection)
        if frame is None:
            raise ConnectionResetError("the worker closed the connection")
        raise_refusal(frame[0])
        return frame

    def stop(self) -> None:
        """Let the worker flush and end; kill it when it is stuck. Raises IndexFailure if the flush fails."""
        try:
            self._connection.settimeout(STOP_SECONDS)
            self.request({"op": "close"})
        except (WorkerLost, OSError):
            return
        finally:
            self._connection.close()
            try:
                self._process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                self.kill()

    def kill(self) -> int:
        """End the worker at once and return its exit code; what it acknowledged is in its write-ahead log."""
        self._connection.close()
        # A worker that is ending by itself says why only when it may finish.
        with contextlib.suppress(subprocess.TimeoutExpired):
            return self._process.wait(0.2)
        self._process.kill()
        return self._process.wait()

    def abort(self) -> None:
        """End the worker while another thread waits for its answer; that thread sees it lost."""
        self._process.kill()
        self._process.wait()


def _not_started(lost: WorkerLost) -> IndexFailure:
    return IndexFailure(
        f"The search engine did not start (code {lost.exit_code}).",
        "See index.log in the data folder, or set QDB_ENDPOINT to a Qdrant server.",
    )


def explain_loss(lost: WorkerLost, folder: Path, collection: str, reserve: int) -> IndexFailure:
    """Say why a worker ended: the engine dies by SIGBUS on a full disk and on shortened files."""
    if lost.exit_code == -signal.SIGBUS:
        try:
            free = shutil.disk_usage(folder).free
        except OSError:
            return damaged(collection)
        return disk_full(free) if free < reserve else damaged(collection)
    how = f"signal {-lost.exit_code}" if lost.exit_code < 0 else f"code {lost.exit_code}"
    return IndexFailure(
        f"The search engine stopped unexpectedly ({how}).",
        "Try again: it starts anew with all that was indexed. If it stays so: musicsim-tui index rebuild",
    )


def _output(log: Path | None) -> IO[bytes]:
    """Where the worker writes: the end of its log, begun anew when it has grown long, or nowhere."""
    if log is not None:
        with contextlib.suppress(OSError):
            log.parent.mkdir(parents=True, exist_ok=True)
            long = log.exists() and log.stat().st_size > LONGEST_LOG_BYTES
            return open(log, "wb" if long else "ab")
    return open(os.devnull, "ab")
