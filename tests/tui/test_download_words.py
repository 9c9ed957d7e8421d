"""Entries and the queue in words; and which texts are links."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from musicsim_tui.download.failures import FailureKind
from musicsim_tui.download.fetch import Stage
from musicsim_tui.download.report import LiveEntry, QueueSnapshot, QueueState
from musicsim_tui.errors import MusicSimError
from musicsim_tui.library.playlist_records import EntryState, PlaylistEntry, SourceRecord
from musicsim_tui.tui.download_words import entry_words, job_words, live_words, queue_keys, queue_words
from musicsim_tui.tui.downloading import Downloading
from musicsim_tui.tui.screens.open_box import read_link

KEYS = queue_keys({})
SOURCE = SourceRecord("youtube", "id", "https://youtu.be/id", "Title", "Channel", 60.0)
ENTRY = PlaylistEntry(1, 1, 1, SOURCE, EntryState.LISTED, False, False, 0, None, None, None, None)
UNTIL = 1_763_812_800.0
HOUR = time.strftime("%H:%M", time.localtime(UNTIL))
_LINE = 76
"""Cells of a line on a screen of 80."""


class Told:
    """A queue that was told to be in some state."""

    def __init__(self, snapshot: QueueSnapshot, *, paused: bool = False, listed_name: str = "") -> None:
        self.snapshot = snapshot
        self.paused = paused
        self.listed_name = listed_name
        self.listing = None
        self.error: MusicSimError | None = None


def told(state: QueueState = QueueState.IDLE, kind: FailureKind | None = None, **more: Any) -> Downloading:  # noqa: ANN401
    """A queue in this state, because of this failure."""
    reason, hint = (kind.title, kind.hint) if kind is not None else ("", "")
    return cast("Downloading", Told(QueueSnapshot(state, reason=reason, hint=hint, **more)))


@pytest.mark.parametrize(
    ("stage", "more", "words"),
    [
        (Stage.PAUSING, {"seconds_left": 12.0}, "waiting 0:12"),
        (Stage.ASKING, {}, "asking the site"),
        (
            Stage.DOWNLOADING,
            {"done": 43.0, "total": 100.0, "speed": 1.2e6, "seconds_left": 12.0},
            "downloading 43% 1.2 MB/s 0:12 left",
        ),
        (Stage.DOWNLOADING, {"done": 2e6, "speed": 3e4}, "downloading 2 MB 30 kB/s"),
        (Stage.CONVERTING, {"done": 30.0, "total": 60.0}, "converting 50%"),
        (Stage.CHECKING, {}, "checking"),
        (Stage.FINISHING, {}, "finishing"),
    ],
)
def test_what_is_being_done_for_an_entry(stage: Stage, more: dict[str, float], words: str) -> None:
    live = LiveEntry(ENTRY.key, "Title", stage, **more)
    assert live_words(live) == words
    assert entry_words(replace(ENTRY, state=EntryState.WAITING), live) == words
    other = replace(live, key=("youtube", "other"))
    assert entry_words(replace(ENTRY, state=EntryState.WAITING), other) == "waiting"
    for unwanted in (EntryState.PAUSED, EntryState.CANCELLED):
        assert entry_words(replace(ENTRY, state=unwanted), live) == unwanted.value


def test_every_state_of_an_entry() -> None:
    failed = replace(SOURCE, kind="region", reason="It is not there.", hint="Look.")
    texts = {
        state: entry_words(replace(ENTRY, source=failed, state=state), None)
        for state in EntryState
        if state is not EntryState.LISTED
    }
    assert texts == {
        EntryState.WAITING: "waiting: It is not there.",
        EntryState.PAUSED: "paused: It is not there.",
        EntryState.INGESTING: "ingesting",
        EntryState.READY: "ready",
        EntryState.FAILED: "failed: It is not there.",
        EntryState.UNAVAILABLE: "It is not there.",
        EntryState.CANCELLED: "cancelled",
        EntryState.GONE: "file deleted",
    }
    assert entry_words(ENTRY, None) == ""
    assert entry_words(replace(ENTRY, fresh=True), None) == "new"
    assert entry_words(replace(ENTRY, removed=True), None) == "not in the list any more"
    twin = replace(ENTRY, state=EntryState.READY, removed=True, twin=Path("/b.mp3"))
    assert entry_words(twin, None) == "ready, same sound as another file, not in the list any more"


@pytest.mark.parametrize(
    ("downloading", "words", "job"),
    [
        (told(), "", ""),
        (told(hearing=2), "hearing 2 files", "hearing 2 new"),
        (told(held=2), "2 paused · p lets one go on, P all", "2 downloads paused"),
        (
            told(held=1, hearing=1),
            "hearing 1 file · 1 paused · p lets one go on, P all",
            "hearing 1 new",
        ),
        (
            told(QueueState.RUNNING, waiting=5, ready=2, failed=1, seconds_left=600.0, hearing=1),
            "5 to come · 10 min left · hearing 1 · P pauses all",
            "fetching 3/8 · 10 min left",
        ),
        (
            told(QueueState.PAUSING, waiting=5, held=2),
            "5 to come · 2 paused · a polite pause · P pauses all",
            "fetching 0/5",
        ),
        (
            told(QueueState.STOPPED, FailureKind.BOT_CHECK, waiting=5),
            "The site takes you for a robot. P tries again, b takes a browser's cookies.",
            "downloads stopped",
        ),
        (
            told(QueueState.RESTING, FailureKind.RATE_LIMIT, waiting=5, until=UNTIL),
            f"The site was asked too often. It goes on by itself at {HOUR}; P tries now.",
            f"downloads rest until {HOUR}",
        ),
        (
            told(QueueState.NO_ROOM, FailureKind.DISK_FULL, waiting=5),
            "The disk is full. It goes on when there is room; P tries now.",
            "downloads: no room",
        ),
        (
            told(QueueState.ELSEWHERE, waiting=5),
            "Another musicsim-tui is fetching these; 5 waiting.",
            "",
        ),
    ],
)
def test_the_queue_is_told_in_one_line(downloading: Downloading, words: str, job: str) -> None:
    assert queue_words(downloading, KEYS, "·") == words
    assert len(words) <= _LINE
    assert job_words(downloading, "·", short=False) == job


def test_a_person_s_pause_and_a_broken_queue_come_first() -> None:
    paused = Told(QueueSnapshot(QueueState.RUNNING, waiting=3), paused=True)
    assert queue_words(cast("Downloading", paused), KEYS, "·") == "Paused, 3 waiting. P goes on."
    assert job_words(cast("Downloading", paused), "·", short=False) == "downloads paused"
    held = Told(QueueSnapshot(held=1), paused=True)
    assert job_words(cast("Downloading", held), "·", short=False) == "downloads paused"
    paused.error = MusicSimError("It broke.", "Mend it.")
    assert (
        queue_words(cast("Downloading", paused), KEYS, "·") == "It broke. Mend it. P starts the queue again."
    )
    assert job_words(cast("Downloading", paused), "·", short=False) == "downloads ended"
    listing = Told(QueueSnapshot(), listed_name="https://youtu.be/id")
    assert job_words(cast("Downloading", listing), "·", short=True) == "listing"


@given(
    done=st.floats(0, 1e12),
    total=st.none() | st.floats(0, 1e12),
    speed=st.none() | st.floats(0, 1e10),
    left=st.none() | st.floats(0, 1e8),
)
def test_no_progress_is_beyond_words(
    done: float, total: float | None, speed: float | None, left: float | None
) -> None:
    words = live_words(LiveEntry(ENTRY.key, "Title", Stage.DOWNLOADING, done, total, speed, left))
    assert words.startswith("downloading")
    assert len(words) < _LINE


@pytest.mark.parametrize(
    ("text", "link"),
    [
        ("https://youtu.be/abc", "https://youtu.be/abc"),
        ("  HTTP://example.org/feed.rss\n", "HTTP://example.org/feed.rss"),
        ("<https://example.org/a b>", "https://example.org/a b"),
        ("youtu.be/abc", "https://youtu.be/abc"),
        ("www.youtube.com/playlist?list=PL1", "https://www.youtube.com/playlist?list=PL1"),
        ("/music/youtu.be/abc", None),
        ("~/Music", None),
        ("song.mp3", None),
        ("https://", None),
        ("", None),
    ],
)
def test_links_are_told_from_paths(text: str, link: str | None) -> None:
    assert read_link(text) == link


@given(st.text())
def test_whatever_is_typed_is_a_link_or_is_not(text: str) -> None:
    link = read_link(text)
    assert link is None or link.lower().startswith(("http://", "https://"))
