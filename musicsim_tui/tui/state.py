"""What the app remembers from one start to the next, in a small file beside the library."""

from __future__ import annotations

import contextlib
import json
import logging
import os
import threading
from dataclasses import asdict, dataclass, fields
from typing import TYPE_CHECKING, Any

from musicsim_tui.errors import MusicSimError
from musicsim_tui.library.query import parse_query
from musicsim_tui.tui.listings import SORTS

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

log = logging.getLogger(__name__)

_GREATEST_ID = 2**63 - 1
FILE_NAME = "app.json"


@dataclass(frozen=True, slots=True)
class AppState:
    """Where the person was. `unfinished` holds the folders of a job that was cut, None when none was;
    an empty one stands for everything that is remembered. `paused` when it was resting then.
    `playlist` is the one whose entries were shown, `entry_marks` the marked ones of all playlists."""

    view: str = "library"
    filter: str = ""
    sort: str = "artist"
    descending: bool = False
    theme: str = ""
    volume: int = 100
    marks: tuple[str, ...] = ()
    trail: tuple[str, ...] = ()
    trail_at: int = 0
    crate: str = ""
    unfinished: tuple[str, ...] | None = None
    paused: bool = False
    playlist: int = 0
    entry_marks: tuple[str, ...] = ()
    downloads_paused: bool = False


def load_state(path: Path) -> AppState:
    """The state of the last run; the default one where there is none or it makes no sense."""
    try:
        stored = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return AppState()
    except (OSError, ValueError) as error:
        log.warning("the state %s cannot be read: %s", path, error)
        return AppState()
    if not isinstance(stored, dict):
        return AppState()
    default = asdict(AppState())
    kept = {
        item.name: _checked(item.name, stored[item.name], default[item.name])
        for item in fields(AppState)
        if item.name in stored
    }
    return AppState(**kept)


def _checked(name: str, value: object, default: object) -> Any:  # noqa: ANN401 - one of the fields' own types
    """`value` if it can stand in the field, else the field's default."""
    if name in ("marks", "trail", "unfinished", "entry_marks"):
        if isinstance(value, list) and all(isinstance(item, str) and "\0" not in item for item in value):
            return tuple(value)
        return default
    fits = type(value) is type(default) and _FITS.get(name, lambda _: True)(value)
    if not fits:
        log.warning("the state has a %s that makes no sense: %r", name, value)
    return value if fits else default


def _is_filter(text: str) -> bool:
    try:
        parse_query(text, lenient=True)
    except MusicSimError:
        return False
    return _is_text(text)


def _is_text(text: str) -> bool:
    """Whether a field and the catalog take it; a lone surrogate is in neither."""
    return text.isprintable()


_FITS: dict[str, Callable[[Any], bool]] = {
    "sort": lambda value: value in SORTS,
    "filter": _is_filter,
    "crate": _is_text,
    "volume": lambda value: 0 <= value <= 100,
    "playlist": lambda value: 0 <= value <= _GREATEST_ID,
    "trail_at": lambda value: value >= 0,
}


class StateFile:
    """Keeps the state, in the order in which that was asked for, on whichever thread writes it."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._asked = 0
        self._kept = 0
        self._writing = threading.Lock()

    def writing(self, state: Callable[[], AppState]) -> Callable[[], None]:
        """A call that makes the state and keeps it, unless one asked for later has been kept by then."""
        self._asked += 1

        def write(number: int = self._asked) -> None:
            with self._writing:
                if number > self._kept:
                    self._kept = number
                    save_state(self._path, state())

        return write


def save_state(path: Path, state: AppState) -> None:
    """Keep the state, whole or not at all; a disk that refuses is noted in the log only."""
    draft = path.with_name(f"{path.name}.{os.getpid()}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        content = {item.name: getattr(state, item.name) for item in fields(state)}
        draft.write_text(json.dumps(content), encoding="utf-8")
        os.replace(draft, path)
    except OSError as error:
        log.warning("the state cannot be kept: %s", error)
        with contextlib.suppress(OSError):
            draft.unlink()
