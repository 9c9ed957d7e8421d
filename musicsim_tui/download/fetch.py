"""Fetches entries one at a time: download, verify, convert, tag, and put in place under its final name.

Until a file is verified it lives in a folder of its own below `FetchRequest.work`, named by ids. Whatever
stops a fetch, SIGKILL included, the next one goes on with what that folder holds.
"""

from __future__ import annotations

import errno
import fcntl
import hashlib
import os
import random
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from enum import Enum
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from musicsim_tui.audio.decode import decode_mono, decode_stereo
from musicsim_tui.audio.encode import MP3_QUALITY, rewrap_opus, write_audio
from musicsim_tui.audio.endings import is_beginning
from musicsim_tui.audio.identity import examine
from musicsim_tui.audio.reader import storage_error
from musicsim_tui.download.disks import unusable
from musicsim_tui.download.failures import DownloadError, FailureKind, failure
from musicsim_tui.download.file_names import safe_id, safe_name
from musicsim_tui.download.finished import tolerance
from musicsim_tui.download.media import Media, Transfer, bring
from musicsim_tui.download.placing import put_in_place
from musicsim_tui.download.session import SiteOptions
from musicsim_tui.download.tagging import tag_mp3, tag_original
from musicsim_tui.errors import AudioError, StorageError
from musicsim_tui.track import Tags

if TYPE_CHECKING:
    from musicsim_tui.audio.decode import AudioBlocks
    from musicsim_tui.audio.identity import AudioFile
    from musicsim_tui.download.playlist import Entry, SourceId
    from musicsim_tui.download.titles import Labels
    from musicsim_tui.jobs import CancelToken
    from musicsim_tui.track import Samples, TrackId

_REPORT_SECONDS = 0.1
_GUESSED_LENGTHS = frozenset({"mp3", "aac"})
"""Codecs whose bare streams have no header that tells their length."""
_CONVERTED = "converted.mp3"
_REWRAPPED = "rewrapped.opus"
_NAMELESS = frozenset({".webm", ".mka", ".mkv"})
_LOCK = "lock"


class Stage(Enum):
    """What is being done for an entry."""

    PAUSING = "pausing"
    ASKING = "asking"
    DOWNLOADING = "downloading"
    CONVERTING = "converting"
    CHECKING = "checking"
    FINISHING = "finishing"


@dataclass(frozen=True, slots=True)
class FetchProgress:
    """A snapshot. `done` and `total` are bytes while downloading, seconds of audio while converting or
    checking, seconds while pausing; `speed` is bytes a second."""

    source: SourceId
    stage: Stage
    done: float = 0.0
    total: float | None = None
    speed: float | None = None
    seconds_left: float | None = None


@dataclass(frozen=True, slots=True)
class FetchRequest:
    """Where to and how. `folder` takes the finished files and `work` the unfinished ones, best on the same
    disk; `keep_original` keeps the audio as the site has it instead of converting it to MP3, that of WebM in
    an Ogg file, which can be tagged; `is_void` tells of a file that has the name whether it may be replaced,
    as a damaged one of the entry's own may be."""

    folder: Path
    work: Path
    keep_original: bool = False
    mp3_quality: float = MP3_QUALITY
    options: SiteOptions = field(default_factory=SiteOptions)
    is_void: Callable[[Path], bool] = lambda _path: False


@dataclass(frozen=True, slots=True)
class Fetched:
    """A finished file. `track` is the sound in it; `seconds` as decoded; `codec` is the one the site had;
    `damaged_packets` could not be decoded and were passed over; `advice` is what would make the next
    downloads better."""

    source: SourceId
    path: Path
    track: TrackId
    labels: Labels
    link: str
    seconds: float
    bytes: int
    codec: str
    damaged_packets: int
    has_cover: bool
    advice: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Pause:
    """Seconds between two entries, drawn anew each time: what yt-dlp advises for YouTube."""

    shortest: float = 10.0
    longest: float = 20.0

    def draw(self) -> float:
        return random.uniform(self.shortest, self.longest)


def fetch(
    entry: Entry,
    request: FetchRequest,
    cancel: CancelToken,
    on_progress: Callable[[FetchProgress], None] = lambda _: None,
) -> Fetched:
    """Fetch one entry; the file appears whole, verified and tagged, or not at all.

    Cancelling takes effect within a second while data flows, else within the socket's time-out. Raises
    DownloadError, StorageError when the disk or folder fails in another way than being full, Cancelled.
    """
    report = _Reporter(entry.source, on_progress)
    with _work_folder(entry.source, request.work) as work:
        report(Stage.ASKING)
        media = bring(entry, work, request.options, cancel, report.transfer)
        try:
            fetched = _finish(entry, media, request, work, cancel, report)
        except DownloadError as error:
            if error.kind in (FailureKind.NOT_AUDIO, FailureKind.TRUNCATED):
                _empty(work)
            raise
        shutil.rmtree(work, ignore_errors=True)
    return fetched


def forget_partial(source: SourceId, work: Path, *, only_if_empty: bool = False) -> None:
    """Remove what an unfinished fetch left, as far as that is possible, and unless it is being fetched.

    With `only_if_empty` what would be gone on with stays, and `work` goes as well when nothing is left in it.
    """
    folder = _folder_of(source, work)
    with suppress(OSError), _locked(folder):
        if not only_if_empty or {path.name for path in folder.iterdir()} <= {_LOCK}:
            shutil.rmtree(folder, ignore_errors=True)
    if only_if_empty:
        with suppress(OSError):
            work.rmdir()


class _Reporter:
    """Snapshots: at once when the stage changes, else at most ten a second."""

    def __init__(self, source: SourceId, on_progress: Callable[[FetchProgress], None]) -> None:
        self._source = source
        self._on_progress = on_progress
        self._stage: Stage | None = None
        self._next = 0.0

    def __call__(
        self,
        stage: Stage,
        done: float = 0.0,
        total: float | None = None,
        speed: float | None = None,
        seconds_left: float | None = None,
    ) -> None:
        now = time.monotonic()
        if stage is self._stage and now < self._next:
            return
        self._stage, self._next = stage, now + _REPORT_SECONDS
        self._on_progress(FetchProgress(self._source, stage, done, total, speed, seconds_left))

    def transfer(self, transfer: Transfer) -> None:
        self(Stage.DOWNLOADING, transfer.done, transfer.total, transfer.speed, transfer.seconds_left)


def _finish(
    entry: Entry, media: Media, request: FetchRequest, work: Path, cancel: CancelToken, report: _Reporter
) -> Fetched:
    """Everything behind the download: nothing here asks the network."""
    try:
        audio = examine(media.path, cancel=cancel)
        blocks = _decoder(media.path, audio, cancel)
        if request.keep_original:
            for _ in _watched(blocks, Stage.CHECKING, media.announced, report):
                pass
            finished = _with_place_for_names(media.path, audio, work, cancel)
        else:
            finished = work / _CONVERTED
            watched = _watched(blocks, Stage.CONVERTING, media.announced, report)
            tags = Tags(media.labels.title, media.labels.artist, media.labels.album, media.labels.year)
            write_audio(finished, watched, blocks.rate, tags, mp3_quality=request.mp3_quality, cancel=cancel)
        _refuse_truncated(audio, blocks.seconds, media.announced)
        report(Stage.FINISHING)
        tag = tag_original if request.keep_original else tag_mp3
        tag(finished, media.labels, media.link, media.cover)
        _to_disk(finished)
        size, track = finished.stat().st_size, examine(finished).track_id
        path = _put_in_place(finished, entry.source, media.labels, request)
    except AudioError as error:
        kind = FailureKind.TRUNCATED if is_beginning(media.path) else FailureKind.NOT_AUDIO
        raise failure(kind, detail=error.title) from error
    except StorageError as error:
        if (full := _without_room(error.__cause__)) is not None:
            raise full from error
        raise
    except OSError as error:
        raise _without_room(error) or storage_error(error) from error
    return Fetched(
        source=entry.source,
        path=path,
        track=track,
        labels=media.labels,
        link=media.link,
        seconds=blocks.seconds,
        bytes=size,
        codec=audio.codec,
        damaged_packets=blocks.damaged_packets,
        has_cover=media.cover is not None,
        advice=media.advice,
    )


def _with_place_for_names(path: Path, audio: AudioFile, work: Path, cancel: CancelToken) -> Path:
    """A file that is kept as it came, or the same sound in a container in which names can be written."""
    if audio.codec == "opus" and path.suffix in _NAMELESS:
        ogg = work / _REWRAPPED
        with suppress(AudioError):
            rewrap_opus(path, ogg, cancel=cancel)
            if examine(ogg, cancel=cancel).track_id == audio.track_id:
                return ogg
    return path


def _decoder(path: Path, audio: AudioFile, cancel: CancelToken) -> AudioBlocks:
    decode = decode_mono if audio.channels == 1 else decode_stereo
    return decode(path, audio.sample_rate, cancel=cancel)


def _watched(
    blocks: AudioBlocks, stage: Stage, announced: float | None, report: _Reporter
) -> Iterator[Samples]:
    started = time.monotonic()
    for block in blocks:
        done = blocks.seconds
        rest = None
        if announced is not None and done:
            rest = max(0.0, announced - done) * (time.monotonic() - started) / done
        report(stage, done, announced, seconds_left=rest)
        yield block


def _refuse_truncated(audio: AudioFile, seconds: float, announced: float | None) -> None:
    """Compares what was decoded with what was announced, by the site or by the file itself."""
    if announced is None:
        announced = audio.exact_duration
        if audio.breaks_off:
            raise failure(FailureKind.TRUNCATED, detail="The file breaks off in the middle.")
    if announced is None and audio.codec not in _GUESSED_LENGTHS:
        announced = audio.header_duration
    if announced is None:
        return
    if seconds < announced - tolerance(announced):
        raise failure(FailureKind.TRUNCATED, detail=f"{seconds:.0f} of {announced:.0f} seconds are there.")


def _without_room(error: BaseException | None) -> DownloadError | None:
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        return failure(FailureKind.DISK_FULL)
    return None


def _to_disk(finished: Path) -> None:
    """A file that has its final name is whole, whatever happens to the machine."""
    with finished.open("rb+") as file:
        os.fsync(file.fileno())


def _put_in_place(finished: Path, source: SourceId, labels: Labels, request: FetchRequest) -> Path:
    """Where it is now: in the playlist's folder, under a name of its own."""
    try:
        request.folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise _without_room(error) or unusable(request.folder, error) from error
    named = partial(safe_name, labels.artist, labels.title, source.id, finished.suffix)
    part = f".{_folder_of(source, request.work).name}.part"
    return put_in_place(finished, request.folder, named, part, request.is_void)


def _folder_of(source: SourceId, work: Path) -> Path:
    """The digest keeps ids apart that differ in capitals alone, where the file system does not."""
    digest = hashlib.blake2b(
        f"{source.extractor}\n{source.id}".encode("utf-8", "surrogatepass"), digest_size=4
    )
    return work / f"{safe_id(source.extractor)}-{digest.hexdigest()}-{safe_id(source.id)}"


@contextmanager
def _work_folder(source: SourceId, work: Path) -> Iterator[Path]:
    """The entry's own folder, held against other processes; the lock goes with the process."""
    folder = _folder_of(source, work)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = _locked(folder)
    except BlockingIOError as error:
        raise failure(FailureKind.BUSY) from error
    except OSError as error:
        raise _without_room(error) or unusable(work.parent, error) from error
    with lock:
        yield folder


def _locked(folder: Path) -> BinaryIO:
    """The lock of an entry's folder, taken until it is closed. Raises BlockingIOError and other OSErrors."""
    with ExitStack() as undo:
        lock = undo.enter_context((folder / _LOCK).open("wb"))
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        undo.pop_all()
    return lock


def _empty(folder: Path) -> None:
    for path in folder.iterdir():
        if path.name != _LOCK:
            path.unlink(missing_ok=True)
