"""Links that are listed and the queue that is fetched, as the app runs them."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from textual.message import Message

from musicsim_tui.download.report import QueueSnapshot, QueueState
from musicsim_tui.jobs import Job, JobState
from musicsim_tui.tui.bridge import in_words

if TYPE_CHECKING:
    from musicsim_tui.download.report import ListingProgress, Opened, RunSummary
    from musicsim_tui.errors import MusicSimError
    from musicsim_tui.jobs import CancelToken
    from musicsim_tui.tui.bridge import Bridge

    List = Callable[[CancelToken, Callable[[ListingProgress], None]], Opened]

HALTED = frozenset({QueueState.STOPPED, QueueState.RESTING, QueueState.NO_ROOM})
"""States in which the queue waits although nobody paused it."""


class DownloadsChanged(Message):
    """A listing or the queue began, went on or ended."""


@dataclass(frozen=True, slots=True)
class ListingOrder:
    """A list that is to be read. `name` is what it is called until it says so itself; exactly one of `done`,
    `failed` and `stopped` is called, unless the list is forgotten. `playlist` is its number where that is
    known before, and `ticket` tells one order from the others for those who wait for it."""

    name: str
    list_it: List
    done: Callable[[Opened], None]
    failed: Callable[[MusicSimError], None]
    stopped: Callable[[], None]
    playlist: int = 0
    ticket: int = 0


class Downloading:
    """Lists one link at a time, and keeps the queue going. Belongs to the UI thread."""

    def __init__(self, bridge: Bridge, post: Callable[[Message], object]) -> None:
        self._bridge = bridge
        self._post = post
        self._queue: Job[RunSummary, QueueSnapshot] | None = None
        self._orders: deque[ListingOrder] = deque()
        self._listing: tuple[ListingOrder, Job[Opened, ListingProgress]] | None = None
        self._forgotten = False
        self._told = 0.0
        self._told_listing: ListingProgress | None = None
        self.paused = False
        """Whether a person has paused the queue."""
        self.pace_seconds = 0.0
        """The least time between two messages that something has gone on."""

    # The queue

    def start(self, *, paused: bool = False) -> None:
        """Work on the queue from now on, what was left of it last time included."""
        if self.running:
            return
        self.paused = paused
        services = self._bridge.services

        def work(token: CancelToken, publish: Callable[[QueueSnapshot], None]) -> RunSummary:
            if paused:
                services.downloads.pause()
            return services.downloads.run(token, publish, stay=True)

        self._queue = self._bridge.runner.submit(work, name="downloads", changed=self._changed)

    @property
    def running(self) -> bool:
        """Whether somebody looks after the queue."""
        return self._queue is not None and not self._queue.ended

    @property
    def snapshot(self) -> QueueSnapshot:
        """The queue as it was told last."""
        return (self._queue.snapshot if self._queue is not None else None) or QueueSnapshot()

    @property
    def error(self) -> MusicSimError | None:
        """Why nobody looks after the queue any more."""
        if self._queue is None or self._queue.error is None:
            return None
        return in_words(self._queue.error)

    @property
    def cuts(self) -> bool:
        """Whether something is being fetched that leaving would cut."""
        return self.running and self.snapshot.state is QueueState.RUNNING

    def toggle_pause(self) -> bool:
        """Pause the queue, or let it go on whatever it waits for; whether it goes on."""
        services = self._bridge.services
        if not self.running:
            self.start()
            return True
        on = self.paused or self.snapshot.state in HALTED
        self.paused = not on

        def work(_token: CancelToken) -> None:
            (services.downloads.pause if self.paused else services.downloads.resume)()

        def told(_: None) -> None:
            self._post(DownloadsChanged())

        self._bridge.ask("pause", work, told)
        self._post(DownloadsChanged())
        return on

    def go_on(self) -> None:
        """Let the queue go on, whatever it waits for."""
        if self.paused or self.snapshot.state in HALTED or not self.running:
            self.toggle_pause()

    # Listing

    @property
    def lags(self) -> bool:
        """Whether the list that is being read is further than was told: of reports that follow each other
        closely only the first is passed on, and the last may come long before the next page."""
        return self._listing is not None and self.listing is not self._told_listing

    @property
    def listing(self) -> ListingProgress | None:
        """How far the list is that is being read; None when none is, and before it tells its name."""
        return None if self._listing is None else self._listing[1].snapshot

    @property
    def listed_name(self) -> str:
        """What the list that is being read is called; empty when none is."""
        if self._listing is None:
            return ""
        return self.listing.title if self.listing is not None else self._listing[0].name

    @property
    def listed_playlist(self) -> int:
        """The playlist whose list is being read; 0 when none is, and while it is not known."""
        if self._listing is None:
            return 0
        return self.listing.playlist if self.listing is not None else self._listing[0].playlist

    @property
    def listed_ticket(self) -> int:
        """The ticket of the order that is being worked on; 0 when none is."""
        return 0 if self._listing is None else self._listing[0].ticket

    @property
    def forgets_listing(self) -> bool:
        """Whether the list that is being read was forgotten, and its reading has not ended yet."""
        return self._listing is not None and self._forgotten

    @property
    def stops_listing(self) -> bool:
        """Whether the list that is being read was told to stop, and has not yet."""
        return self._listing is not None and self._listing[1].token.cancelled

    def list_link(self, order: ListingOrder) -> None:
        """Read a list, after those that are being read."""
        self._orders.append(order)
        self._list_next()

    def stop_listing(self) -> bool:
        """Stop reading lists; what came is kept. Whether there was something to stop."""
        if self._listing is None or self.stops_listing:
            return False
        self._orders.clear()
        self._listing[1].cancel()
        return True

    def forget_listing(self, playlist: int) -> None:
        """Read no list of this playlist any more, and tell nobody what came of it."""
        self._orders = deque(order for order in self._orders if order.playlist != playlist)
        if self._listing is not None and self.listed_playlist == playlist:
            self._forgotten = True
            self._listing[1].cancel()

    def _list_next(self) -> None:
        if self._listing is None and self._orders:
            order = self._orders.popleft()
            job = self._bridge.runner.submit(order.list_it, name="listing", changed=self._changed)
            self._listing = (order, job)
            self._post(DownloadsChanged())

    def settle(self) -> None:
        """Tell those who ordered a listing what came of it, and begin the next; for the UI thread."""
        self._told_listing = self.listing
        if self._listing is None or not self._listing[1].ended:
            return
        (order, job), self._listing = self._listing, None
        forgotten, self._forgotten = self._forgotten, False
        if forgotten:
            self._post(DownloadsChanged())
        elif job.state is JobState.DONE and job.result is not None:
            order.done(job.result)
        elif job.error is not None:
            order.failed(in_words(job.error))
        else:
            order.stopped()
        self._list_next()

    def _changed(self, job: Job[Any, Any]) -> None:
        now = time.monotonic()
        if job.ended or now - self._told >= self.pace_seconds:
            self._told = now
            self._post(DownloadsChanged())
