"""What becomes of a file without its being heard here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from musicsim_tui.errors import MusicSimError
    from musicsim_tui.ingest.scan import FoundFile
    from musicsim_tui.library.records import FileRecord


@dataclass(frozen=True, slots=True)
class FileFailed:
    """A file that could not be heard, and why."""

    file: FoundFile
    error: MusicSimError


@dataclass(frozen=True, slots=True)
class SoundKnown:
    """A file whose sound the library has already: moved, copied or retagged."""

    record: FileRecord


@dataclass(frozen=True, slots=True)
class HeardElsewhere:
    """A file that another process has heard since the plan was made."""

    file: FoundFile


Finding = FileFailed | SoundKnown | HeardElsewhere
