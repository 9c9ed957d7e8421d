"""Background work without a user interface: cancellation, progress snapshots, and the threads that do it."""

from __future__ import annotations

import logging
import os
import threading
import time
from dataclasses import dataclass
from enum import StrEnum
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any, Generic, TypeAlias, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

log = logging.getLogger(__name__)

Result = TypeVar("Result")
Snapshot = TypeVar("Snapshot")

MOST_REPORTS_PER_SECOND = 10
_REPORT_SECONDS = 1 / MOST_REPORTS_PER_SECOND
_KEPT_THREADS = 4


class Cancelled(Exception):
    """Work stopped because its token was cancelled; what was finished stays."""


class CancelToken:
    """Passed into every long call; cancelling it makes the call end soon with `Cancelled`."""

    def __init__(self) -> None:
        self._event = threading.Event()

    def cancel(self) -> None:
        """Ask the work to end. Safe from any thread and from a signal handler; idempotent."""
        self._event.set()

    @property
    def cancelled(self) -> bool:
        return self._event.is_set()

    def check(self) -> None:
        """Raise `Cancelled` once `cancel` was called."""
        if self._event.is_set():
            raise Cancelled

    def wait(self, seconds: float) -> None:
        """Pause that ends at once, with `Cancelled`, when the token is cancelled."""
        if self._event.wait(seconds):
            raise Cancelled


@dataclass(frozen=True, slots=True)
class Progress:
    """A snapshot of a job. `total` is None while it is not known; `unit` names what is counted."""

    done: int
    total: int | None
    unit: str = ""
    detail: str = ""


class JobState(StrEnum):
    """Where a job stands. The last three are final."""

    RUNNING = "running"
    CANCELLING = "cancelling"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"


class Job(Generic[Result, Snapshot]):
    """A piece of work on a thread of its own, as others see it; every member is safe from any thread."""

    def __init__(self, name: str, changed: Callable[[Job[Result, Snapshot]], None] | None) -> None:
        self.name = name
        self.token = CancelToken()
        self._changed = changed
        self._ended = threading.Event()
        self._state = JobState.RUNNING
        self._snapshot: Snapshot | None = None
        self._result: Result | None = None
        self._error: BaseException | None = None
        self._reported = -_REPORT_SECONDS

    @property
    def state(self) -> JobState:
        if self._state is JobState.RUNNING and self.token.cancelled:
            return JobState.CANCELLING
        return self._state

    @property
    def ended(self) -> bool:
        return self._ended.is_set()

    @property
    def snapshot(self) -> Snapshot | None:
        """The latest that the work published; None before the first."""
        return self._snapshot

    @property
    def result(self) -> Result | None:
        """What the work returned; None until it is done."""
        return self._result

    @property
    def error(self) -> BaseException | None:
        """What ended a failed job."""
        return self._error

    def cancel(self) -> None:
        """Ask the work to end; it ends when it next looks at its token."""
        self.token.cancel()

    def wait(self, seconds: float | None = None) -> bool:
        """Whether the job has ended, after waiting for it for at most that long."""
        return self._ended.wait(seconds)

    def _publish(self, snapshot: Snapshot) -> None:
        self._snapshot = snapshot
        now = time.monotonic()
        if now - self._reported >= _REPORT_SECONDS:
            self._reported = now
            self._report()

    def _report(self) -> None:
        if self._changed is None:
            return
        try:
            self._changed(self)
        except Exception:
            log.exception("the listener of %s", self.name)

    def _run(self, work: Work[Snapshot, Result]) -> None:
        try:
            self._result = work(self.token, self._publish)
            self._state = JobState.DONE
        except Cancelled:
            self._state = JobState.CANCELLED
        except BaseException as error:
            log.debug("%s failed", self.name, exc_info=True)
            self._error = error
            self._state = JobState.FAILED
        self._ended.set()
        self._report()


Work: TypeAlias = "Callable[[CancelToken, Callable[[Snapshot], None]], Result]"
"""Long work: looks at the token, publishes snapshots as often as it likes, returns its result."""


@dataclass(frozen=True, slots=True)
class _Task:
    """What a thread is to do next."""

    job: Job[Any, Any]
    work: Work[Any, Any]


class JobRunner:
    """Owns the threads that jobs run on. Closing it cancels them all and waits only for a bounded time.

    The threads do not keep the process alive: whoever closes the runner decides whether one that is still
    inside a network may finish. A few are kept for the jobs to come, because whoever starts a thread waits
    until that thread has had its first turn.
    """

    def __init__(self) -> None:
        self._moved = threading.Condition()
        self._running: set[Job[Any, Any]] = set()
        self._idle: list[SimpleQueue[_Task | None]] = []
        self._closed = False

    def submit(
        self,
        work: Work[Snapshot, Result],
        *,
        name: str,
        changed: Callable[[Job[Result, Snapshot]], None] | None = None,
    ) -> Job[Result, Snapshot]:
        """Start `work` at once on a thread that has nothing else to do.

        `changed` is called on that thread at most ten times a second while snapshots come, and always once
        when the job has ended. A closed runner gives back a job that is cancelled already.
        """
        job: Job[Result, Snapshot] = Job(name, changed)
        with self._moved:
            if self._closed:
                job.cancel()
                job._state = JobState.CANCELLED
                job._ended.set()
                return job
            self._running.add(job)
            inbox = self._idle.pop() if self._idle else None
        task = _Task(job, work)
        if inbox is not None:
            inbox.put(task)
        else:
            threading.Thread(target=self._serve, args=(task,), name=name, daemon=True).start()
        return job

    def _serve(self, first: _Task) -> None:
        """The life of a thread: one job after the other."""
        inbox: SimpleQueue[_Task | None] = SimpleQueue()
        inbox.put(first)
        del first
        while (task := inbox.get()) is not None:
            threading.current_thread().name = task.job.name
            try:
                task.job._run(task.work)
            finally:
                with self._moved:
                    self._running.discard(task.job)
                    keep = not self._closed and len(self._idle) < _KEPT_THREADS
                    if keep:
                        self._idle.append(inbox)
                    self._moved.notify_all()
            del task
            if not keep:
                return

    def cancel_all(self) -> None:
        """Ask every job to end, without waiting."""
        with self._moved:
            jobs = list(self._running)
        for job in jobs:
            job.cancel()

    def close(self, grace: float) -> bool:
        """Take no more work, cancel what runs and wait at most `grace` seconds; whether all has ended."""
        with self._moved:
            self._closed = True
            while self._idle:
                self._idle.pop().put(None)
        self.cancel_all()
        with self._moved:
            return self._moved.wait_for(lambda: not self._running, grace)


def usable_processors() -> int:
    """Processors that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
