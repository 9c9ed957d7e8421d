"""Ctrl-C: the work is asked to end; what does not heed that is ended, with one last word."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import threading
from typing import TYPE_CHECKING

from musicsim_tui.cli import output
from musicsim_tui.jobs import Cancelled, CancelToken

if TYPE_CHECKING:
    from collections.abc import Iterator

STOPPED_BY_CTRL_C = 130
_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_PATIENCE_SECONDS = 0.75
"""For the cancellation to be seen: with what ending takes, the whole of it stays within a second."""
_FINISHING_SECONDS = 5.0
"""For what has seen the cancellation and is writing what it finished."""
_LAST_WORD_SECONDS = 0.5


class WatchedToken(CancelToken):
    """Knows whether the cancellation is heeded: the thread that runs the command has seen it, or will."""

    def __init__(self) -> None:
        super().__init__()
        self._heeded = threading.Event()
        self._runner = threading.current_thread()

    @property
    def heeded(self) -> bool:
        return self._heeded.is_set()

    def will_be_heeded(self) -> None:
        """From here on the work looks at the token, or is done: it is given time to finish."""
        self._heeded.set()

    @property
    def cancelled(self) -> bool:
        seen = super().cancelled
        if seen and threading.current_thread() is self._runner:
            self._heeded.set()
        return seen

    def check(self) -> None:
        if self.cancelled:
            raise Cancelled

    def wait(self, seconds: float) -> None:
        try:
            super().wait(seconds)
        finally:
            self.check()


class _Watch:
    """A thread that hears of signals although the main one is inside a call that takes long.

    The interpreter writes each signal into a socket at once; its handlers wait for the main thread.
    """

    def __init__(self, signals: socket.socket) -> None:
        self.token = WatchedToken()
        self._signals = signals
        self._thread = threading.Thread(target=self._run, name="ctrl-c", daemon=True)
        self._thread.start()

    def join(self) -> None:
        """Wait for the thread, which ends with the other end of its socket."""
        self._thread.join()

    def _run(self) -> None:
        if not self._comes_a_signal():
            return
        self.token.cancel()
        if self._ended_or_again(_PATIENCE_SECONDS):
            return
        if self.token.heeded and self._ended_or_again(_FINISHING_SECONDS - _PATIENCE_SECONDS):
            return
        stop_at_once()

    def _ended_or_again(self, seconds: float) -> bool:
        """Whether the command ends within that time; a second signal ends it."""
        self._signals.settimeout(seconds)
        try:
            again = self._comes_a_signal()
        except TimeoutError:
            return False
        if again:
            stop_at_once()
        return True

    def _comes_a_signal(self) -> bool:
        """Wait for one; False when the command has ended. Raises TimeoutError."""
        while number := self._signals.recv(1):
            if number[0] in _SIGNALS:
                return True
        return False


@contextlib.contextmanager
def heed_ctrl_c() -> Iterator[WatchedToken]:
    """Turn SIGINT, SIGTERM and SIGHUP, where they are not ignored, into a cancelled token."""
    ours, theirs = socket.socketpair()
    theirs.setblocking(False)
    with ours, theirs:
        watch = _Watch(ours)
        heeded = [number for number in _SIGNALS if signal.getsignal(number) is not signal.SIG_IGN]
        before = signal.set_wakeup_fd(theirs.fileno(), warn_on_full_buffer=False)
        previous = {number: signal.signal(number, lambda *_: None) for number in heeded}
        try:
            yield watch.token
        finally:
            for number, handler in previous.items():
                signal.signal(number, handler)
            signal.set_wakeup_fd(before)
            theirs.shutdown(socket.SHUT_WR)
            watch.join()


@contextlib.contextmanager
def ended_by_ctrl_c() -> Iterator[None]:
    """While modules load Ctrl-C ends the process: a KeyboardInterrupt might be lost there, where code from
    outside calls back into Python."""
    heeds = signal.getsignal(signal.SIGINT) is signal.default_int_handler  # not so under nohup
    if heeds:
        signal.signal(signal.SIGINT, lambda *_: stop_at_once())
    try:
        yield
    finally:
        if heeds:
            signal.signal(signal.SIGINT, signal.default_int_handler)


def stop_at_once() -> None:
    """End although something does not heed the cancellation, such as the import of PyTorch.

    A library survives any end: catalog and index lose only what was in flight. Neither a full pipe nor a
    stopped terminal keeps the process.
    """
    speaker = threading.Thread(target=_say_stopped, daemon=True)
    speaker.start()
    speaker.join(_LAST_WORD_SECONDS)
    os._exit(STOPPED_BY_CTRL_C)


def _say_stopped() -> None:
    with contextlib.suppress(OSError, ValueError):  # nobody may be there to hear it
        output.last_word()
