"""Between the screens and the services: calls leave the UI thread, answers come back as messages."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

from textual.message import Message

from musicsim_tui.errors import MusicSimError
from musicsim_tui.jobs import CancelToken, Job, JobRunner, JobState

if TYPE_CHECKING:
    from collections.abc import Callable

    from musicsim_tui.services import Services

log = logging.getLogger(__name__)

Answer = TypeVar("Answer")

WATCH_SECONDS = 1.0
"""How often the catalog is asked whether another process has written."""


class Answered(Message):
    """A call has ended; the app hands this back to the bridge on the UI thread."""

    def __init__(self, topic: str, job: Job[Any, Any]) -> None:
        super().__init__()
        self.topic = topic
        self.job = job


class CatalogChanged(Message):
    """Tracks came, went or changed."""


class Noticed(Message):
    """Something worth one line."""

    def __init__(self, text: str, *, trouble: bool = False) -> None:
        super().__init__()
        self.text = text
        self.trouble = trouble


@dataclass(slots=True)
class _Question:
    work: Callable[[CancelToken], Any]
    answer: Callable[[Any], None]
    failed: Callable[[MusicSimError], None]


@dataclass(slots=True)
class _Lane:
    """Questions on one topic: one is being answered, the newest waits, those between are forgotten."""

    asked: _Question | None = None
    job: Job[Any, Any] | None = None
    waiting: _Question | None = None
    abandoned: bool = field(default=False)


class Bridge:
    """Belongs to the UI thread, but for `notice` and the jobs it starts.

    Asking again on a topic makes the answer before it stale: it is dropped, and its work cancelled.
    """

    def __init__(self, services: Services, post: Callable[[Message], object]) -> None:
        self.services = services
        self.runner = JobRunner()
        self._post = post
        self._lanes: dict[str, _Lane] = {}

    def ask(
        self,
        topic: str,
        work: Callable[[CancelToken], Answer],
        answer: Callable[[Answer], None],
        failed: Callable[[MusicSimError], None] | None = None,
    ) -> None:
        """Run `work` on another thread and call `answer` here with what it returns, unless it is stale.

        `failed` is called with what went wrong, in words; without it the person is told in one line.
        """
        question = _Question(work, answer, failed or self._tell)
        lane = self._lanes.setdefault(topic, _Lane())
        if lane.job is not None:
            lane.job.cancel()
            lane.waiting = question
        else:
            self._start(topic, lane, question)

    def abandon(self, topic: str) -> bool:
        """Forget what was asked on a topic; whether an answer was awaited."""
        lane = self._lanes.get(topic)
        if lane is None or lane.job is None:
            return False
        awaited = lane.waiting is not None or not lane.abandoned
        lane.job.cancel()
        lane.waiting = None
        lane.abandoned = True
        return awaited

    def busy(self, topic: str) -> bool:
        """Whether an answer is awaited."""
        lane = self._lanes.get(topic)
        if lane is None or lane.job is None:
            return False
        return lane.waiting is not None or not lane.abandoned

    def _start(self, topic: str, lane: _Lane, question: _Question) -> None:
        lane.asked, lane.waiting, lane.abandoned = question, None, False

        def changed(job: Job[Any, Any]) -> None:
            self._post(Answered(topic, job))

        lane.job = self.runner.submit(lambda token, _: question.work(token), name=topic, changed=changed)

    def deliver(self, message: Answered) -> None:
        """Hand an answer to whoever asked, if it is still wanted; start what waits."""
        lane = self._lanes[message.topic]
        if lane.job is not message.job:
            return
        asked, waiting, job = lane.asked, lane.waiting, message.job
        stale = lane.abandoned or waiting is not None
        lane.job = lane.asked = None
        if waiting is not None:
            self._start(message.topic, lane, waiting)
        if asked is None or stale or job.state is JobState.CANCELLED:
            return
        if job.state is JobState.DONE:
            asked.answer(job.result)
        elif job.error is not None:
            asked.failed(in_words(job.error))

    def _tell(self, error: MusicSimError) -> None:
        self._post(Noticed(f"{error.title} {error.hint}", trouble=True))

    def notice(self, text: str) -> None:
        """Tell the person something in one line; from any thread."""
        self._post(Noticed(text))

    def watch_catalog(self) -> None:
        """Tell the app, within about a second, when another process writes to the library."""

        def work(token: CancelToken, _publish: Callable[[object], None]) -> None:
            catalog = self.services.catalog
            seen = catalog.data_version()
            while True:
                token.wait(WATCH_SECONDS)
                version = catalog.data_version()
                if version != seen:
                    seen = version
                    self._post(CatalogChanged())

        self.runner.submit(work, name="watch")


def in_words(error: BaseException) -> MusicSimError:
    """Any failure as one sentence what happened and one what to do; the unexpected goes to the log."""
    if isinstance(error, MusicSimError):
        return error
    log.error("unexpected", exc_info=error)
    return MusicSimError(
        f"Something unexpected went wrong ({type(error).__name__}: {error}).",
        "What was finished is kept. musicsim-tui doctor checks every part; the log has the details.",
    )
