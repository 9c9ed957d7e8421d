"""What the app remembers from one start to the next, in a small file beside the library."""

from __future__ import annotations

import contextlib
import json
import logging
import os
from dataclasses import asdict, dataclass, fields
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

log = logging.getLogger(__name__)

_MOST_REMEMBERED = 10_000
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
        if isinstance(value, list) and all(isinstance(item, str) for item in value):
            return tuple(value)
        return default
    return value if type(value) is type(default) else default


def save_state(path: Path, state: AppState) -> None:
    """Keep the state, whole or not at all; a disk that refuses is noted in the log only."""
    stored = asdict(state)
    stored["marks"] = state.marks[:_MOST_REMEMBERED]
    stored["entry_marks"] = state.entry_marks[:_MOST_REMEMBERED]
    draft = path.with_name(f"{path.name}.{os.getpid()}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        draft.write_text(json.dumps(stored), encoding="utf-8")
        os.replace(draft, path)
    except OSError as error:
        log.warning("the state cannot be kept: %s", error)
        with contextlib.suppress(OSError):
            draft.unlink()
