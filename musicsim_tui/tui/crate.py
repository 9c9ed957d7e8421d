"""The crate that is open: what it holds, and the changes that are saved as they are made."""

from __future__ import annotations

import contextlib
import logging
from collections import deque
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from musicsim_tui.errors import MusicSimError, UnmetRequest
from musicsim_tui.library.crates import CrateChange
from musicsim_tui.tui.history import History, Step
from musicsim_tui.tui.text import shown
from musicsim_tui.wording import count

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from musicsim_tui.jobs import CancelToken
    from musicsim_tui.library.crates import Crate, Crates
    from musicsim_tui.track import TrackId
    from musicsim_tui.tui.bridge import Bridge

log = logging.getLogger(__name__)

DEFAULT_NAME = "Crate"
"""What the first crate is called when nobody names it."""
_MOST_NAMED = 3
"""Changes that are named one by one when they could not be saved."""


@dataclass(frozen=True, slots=True)
class CrateContent:
    """A crate as it is on the disk, `seconds` long, and all the crates there are."""

    name: str
    tracks: tuple[TrackId, ...]
    seconds: float
    crates: tuple[Crate, ...]


def read_crate(crates: Crates, wanted: str) -> CrateContent:
    """The wanted crate, else the first there is, else an empty one that its first track will make."""
    listed = crates.all()
    crate = next((crate for crate in listed if crate.name == wanted), listed[0] if listed else None)
    if crate is None:
        return CrateContent(DEFAULT_NAME, (), 0.0, ())
    return CrateContent(crate.name, crates.track_ids(crate.name), crate.seconds, tuple(listed))


def put_back(crates: Crates, change: CrateChange) -> CrateChange:
    """Undo a change; what others have added or removed since stays as they left it."""
    try:
        present = crates.track_ids(change.name)
    except UnmetRequest:
        present = change.after
    before, after = set(change.before), set(change.after)
    came = [track for track in present if track not in after and track not in before]
    left = after.difference(present)
    return crates.put(change.name, [*(track for track in change.before if track not in left), *came])


def shifted(crates: Crates, name: str, track: TrackId, by: int) -> CrateChange:
    """Move one track so many places down, or up."""
    present = crates.track_ids(name)
    place = present.index(track) if track in present else 0
    return crates.move(name, [track], max(0, place + by))


@dataclass(frozen=True, slots=True, eq=False)
class _Edit:
    """A change that waits to be written. `words` say what it does; `shift`, for a moved track, how far."""

    words: str
    work: Callable[[Crates], Any]
    done: Callable[[Any], None]
    failed: Callable[[MusicSimError], None]
    shift: tuple[str, TrackId, int] | None = None


@dataclass(frozen=True, slots=True)
class _Written:
    ended: Sequence[tuple[_Edit, Any]]
    content: CrateContent | MusicSimError


class OpenCrate:
    """Belongs to the UI thread. Changes are written on another one at once and in their order; what stands
    on the screen is what has been written."""

    def __init__(
        self,
        bridge: Bridge,
        history: History,
        changed: Callable[[], None],
        tell: Callable[[MusicSimError], None],
        name: str,
    ) -> None:
        self._bridge = bridge
        self._history = history
        self._changed = changed
        self._tell = tell
        self._waiting: deque[_Edit] = deque()
        self._unsaved: list[_Edit] = []
        self._writing = False
        self._stale = False
        self._afterwards: list[Callable[[], None]] = []
        self.name = name or DEFAULT_NAME
        self.content: CrateContent | None = None
        self.error: MusicSimError | None = None

    @property
    def size(self) -> int | None:
        """How many tracks it holds; None before that is known."""
        return None if self.content is None else len(self.content.tracks)

    # Reading

    def open(self, name: str) -> None:
        """Show this crate from now on."""
        self.name = name
        self.load()

    def load(self) -> None:
        """Read the crate again, after what is being written."""
        if self._writing:
            self._stale = True
            return
        services, name = self._bridge.services, self.name
        self._bridge.ask(
            "crate", lambda _token: read_crate(services.catalog.crates, name), self._take, self._cannot_read
        )

    def _take(self, content: CrateContent) -> None:
        self.content, self.error, self.name = content, None, content.name
        self._changed()

    def _cannot_read(self, error: MusicSimError) -> None:
        self.error = error
        self._changed()

    # Changing

    def add(self, tracks: Sequence[TrackId], done: Callable[[CrateChange], None]) -> None:
        """Put tracks at the end of the crate."""
        name = self.name
        words = f"{count(len(tracks), 'track')} put into the crate {shown(name)}"
        self._write(words, lambda crates: crates.add(name, tracks), done)

    def remove(self, tracks: Sequence[TrackId], done: Callable[[CrateChange], None]) -> None:
        """Take tracks out of the crate."""
        name = self.name
        words = f"{count(len(tracks), 'track')} taken out of the crate {shown(name)}"
        self._write(words, lambda crates: crates.remove(name, tracks), done)

    def shift(self, track: TrackId, by: int, done: Callable[[CrateChange], None]) -> None:
        """Move a track; moves that wait for each other become one."""
        name = self.name
        with contextlib.suppress(IndexError):  # it may be taken and written at this moment
            last = self._waiting.pop()
            if last.shift is not None and last.shift[:2] == (name, track):
                by += last.shift[2]
                self._unsaved.remove(last)
            else:
                self._waiting.append(last)
        words = f"one track moved in the crate {shown(name)}"
        self._write(words, lambda crates: shifted(crates, name, track, by), done, shift=(name, track, by))

    def create(self, name: str, done: Callable[[str], None], failed: Callable[[MusicSimError], None]) -> None:
        """Make a crate; `done` gets its name as kept."""
        self._write(f"the crate {shown(name)} made", lambda crates: crates.create(name), done, failed)

    def rename(
        self, name: str, new_name: str, done: Callable[[str], None], failed: Callable[[MusicSimError], None]
    ) -> None:
        """Rename a crate; the one that is open stays open."""

        def work(crates: Crates) -> str:
            kept = crates.rename(name, new_name)
            if self.name == name:
                self.name = kept
            return kept

        self._write(f"the crate {shown(name)} called {shown(new_name)}", work, done, failed)

    def delete(self, name: str, done: Callable[[CrateChange], None]) -> None:
        """Delete a crate; its tracks stay in the library."""
        self._write(f"the crate {shown(name)} deleted", lambda crates: crates.delete(name), done)

    def did(
        self,
        change: CrateChange,
        words: str,
        undo: Callable[[], None] = lambda: None,
        redo: Callable[[], None] = lambda: None,
    ) -> None:
        """Let the history take this change back, with what `undo` and `redo` do besides."""
        reverse = CrateChange(change.name, change.after, change.before)

        def step(told: str, to_undo: CrateChange, besides: Callable[[], None]) -> None:
            besides()
            self._write(f"{told}: {words}", lambda crates: put_back(crates, to_undo), lambda _change: None)

        size = 1 + len(change.before) + len(change.after)
        back, again = partial(step, "undone", change, undo), partial(step, "done again", reverse, redo)
        self._history.did(Step(words, back, again, size))

    def afterwards(self, call: Callable[[], None]) -> None:
        """Call this when nothing waits to be written, at once if so."""
        self._afterwards.append(call)
        self._call_waiting()

    def flush(self) -> None:
        """Write what waits, whoever listens for it."""
        if self._waiting:
            self._bridge.runner.submit(lambda token, _publish: self._write_all(token), name="crate")

    @property
    def unsaved(self) -> MusicSimError | None:
        """What has not been written, nor told to have failed: it is lost once nothing is written any more."""
        lost = [edit.words for edit in self._unsaved]
        if not lost:
            return None
        more = f"; {len(lost) - _MOST_NAMED:,} more" if len(lost) > _MOST_NAMED else ""
        return MusicSimError(
            f"{count(len(lost), 'change')} could not be saved: {'; '.join(lost[:_MOST_NAMED])}{more}.",
            "Another program may keep the library busy: the log tells. Make"
            f" {'it' if len(lost) == 1 else 'them'} again at the next start.",
        )

    # Writing

    def _write(
        self,
        words: str,
        work: Callable[[Crates], Any],
        done: Callable[[Any], None],
        failed: Callable[[MusicSimError], None] | None = None,
        shift: tuple[str, TrackId, int] | None = None,
    ) -> None:
        edit = _Edit(words, work, done, failed or self._tell, shift)
        self._unsaved.append(edit)
        self._waiting.append(edit)
        if not self._writing:
            self._start()

    def _start(self) -> None:
        self._writing = True
        self._bridge.abandon("crate")
        self._bridge.ask("crate write", self._write_all, self._written, self._broken)

    def _write_all(self, _token: CancelToken) -> _Written:
        """Write all that waits, on another thread; once begun, it is not cut."""
        crates = self._bridge.services.catalog.crates
        ended: list[tuple[_Edit, Any]] = []
        while True:
            try:
                edit = self._waiting.popleft()
            except IndexError:
                break
            try:
                ended.append((edit, edit.work(crates)))
                self._unsaved.remove(edit)
            except MusicSimError as error:
                log.warning("not saved: %s: %s", edit.words, error.title)
                ended.append((edit, error))
        try:
            return _Written(ended, read_crate(crates, self.name))
        except MusicSimError as error:
            return _Written(ended, error)

    def _written(self, written: _Written) -> None:
        self._writing = False
        wanted = self.name
        if isinstance(written.content, CrateContent):
            self._take(written.content)
        else:
            self._cannot_read(written.content)
        if self._stale:  # another crate may have been opened meanwhile
            self._stale = False
            self.open(wanted)
        for edit, outcome in written.ended:
            if isinstance(outcome, MusicSimError):
                self._unsaved.remove(edit)
                edit.failed(outcome)
            else:
                edit.done(outcome)
        self._go_on()

    def _broken(self, error: MusicSimError) -> None:
        """Writing ended in a way that nobody foresaw: what waits is written all the same."""
        self._writing = False
        self._tell(error)
        self.load()
        self._go_on()

    def _go_on(self) -> None:
        if self._waiting and not self._writing:
            self._start()
        self._call_waiting()

    def _call_waiting(self) -> None:
        while self._afterwards and not self._writing:
            self._afterwards.pop(0)()
