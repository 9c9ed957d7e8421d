"""Changes artist and title in a file: in a copy that is checked before it takes the file's place."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from musicsim_tui.audio.identity import examine
from musicsim_tui.audio.reader import storage_error
from musicsim_tui.download.tagging import write_names
from musicsim_tui.download.titles import clean_text
from musicsim_tui.errors import AudioError, StorageError, UnmetRequest
from musicsim_tui.library.records import FileStamp

if TYPE_CHECKING:
    from musicsim_tui.jobs import CancelToken
    from musicsim_tui.track import Tags


def edit_names(path: Path, *, title: str | None, artist: str | None, cancel: CancelToken) -> Tags:
    """Write title and artist into a file's tags; None leaves one as it is, an empty text removes it.

    The sound stays bit for bit: a copy is changed, compared, and put in the file's place, or nothing changes.
    Returns the tags as they can be read now. Raises UnmetRequest where the format has no place for them,
    AudioError, StorageError, Cancelled.
    """
    title, artist = (None if text is None else clean_text(text) for text in (title, artist))
    real = Path(os.path.realpath(path))
    before = examine(real, cancel=cancel)
    try:
        stamp = _stamp(real)
        descriptor, name = tempfile.mkstemp(prefix=".musicsim-edit-", suffix=real.suffix, dir=real.parent)
    except OSError as error:
        raise storage_error(error) from error
    os.close(descriptor)
    copy = Path(name)
    try:
        shutil.copy2(real, copy)
        cancel.check()
        written = write_names(copy, title=title, artist=artist)
        tags = _checked(copy, before.track_id, cancel) if written else None
        if tags is None or _differs(tags.title, title) or _differs(tags.artist, artist):
            raise UnmetRequest(
                f"{real.suffix.lstrip('.').upper() or 'This'} files have no place for artist and title.",
                "Convert it to another format, such as MP3 or FLAC, and ingest that.",
            )
        cancel.check()
        if _stamp(real) != stamp:
            raise StorageError(
                "Another program changed the file meanwhile: it was left as it is now.",
                "Look what is in it, and edit it again.",
            )
        os.replace(copy, real)
    except OSError as error:
        raise storage_error(error) from error
    finally:
        copy.unlink(missing_ok=True)
    return tags


def _stamp(path: Path) -> FileStamp:
    found = path.stat()
    return FileStamp(found.st_size, found.st_mtime_ns)


def _checked(copy: Path, track_id: object, cancel: CancelToken) -> Tags:
    audio = examine(copy, cancel=cancel)
    if audio.track_id != track_id:
        raise AudioError(
            "The tags cannot be written without touching the sound: the file was left as it is.",
            "The file is probably damaged: convert it with another program.",
        )
    return audio.tags


def _differs(read: str, wanted: str | None) -> bool:
    return bool(wanted) and read != wanted
