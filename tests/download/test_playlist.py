from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from musicsim_tui.download.failures import DownloadError, FailureKind
from musicsim_tui.download.links import Choice, Question, UndecidedLink
from musicsim_tui.download.playlist import (
    MIX_ENTRIES,
    Entry,
    Listing,
    SourceId,
    _merged,
    read_listing,
    stream_listing,
)
from musicsim_tui.download.session import SiteOptions
from musicsim_tui.jobs import Cancelled, CancelToken
from tests.harness.youtube import CHANNEL, PLAYLIST, PLAYLIST_ID

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.harness.loop_server import LoopServer
    from tests.harness.youtube import YouTube

OPTIONS = SiteOptions()


def streamed(link: str, *, choice: Choice | None = None) -> tuple[list[Entry], Listing]:
    """The entries in the order in which they came, and the last listing."""
    items = list(stream_listing(link, OPTIONS, CancelToken(), choice=choice, retry_pause=0.0))
    header, *entries, last = items
    assert isinstance(header, Listing)
    assert header.entries == ()
    assert isinstance(last, Listing)
    return [entry for entry in entries if isinstance(entry, Entry)], last


def ids(entries: Iterator[Entry] | list[Entry] | tuple[Entry, ...]) -> list[str]:
    return [entry.source.id for entry in entries]


def test_a_playlist_lists_every_entry_with_what_is_known(youtube: YouTube) -> None:
    entries, listing = streamed(PLAYLIST)

    assert ids(entries) == list(youtube.ids.values())
    assert tuple(entries) == listing.entries
    assert [entry.position for entry in entries] == list(range(1, 22))
    assert (listing.title, listing.announced, listing.received, listing.gap) == ("Mix 🎧 / Ünï", 21, 21, 0)
    assert listing.source == SourceId("youtubetab", PLAYLIST_ID)
    assert not listing.single
    assert not listing.retried
    assert listing.problem is None
    first = entries[0]
    assert first == Entry(
        source=SourceId("youtube", youtube.ids["ok_m4a"]),
        url=youtube.watch("ok_m4a"),
        title='AC/DC — Thunder ⚡ "live" <1>',
        channel="Chän 1",
        duration=3.0,
        unavailable=None,
        position=1,
    )


def test_what_cannot_be_fetched_is_known_from_the_list(youtube: YouTube) -> None:
    entries, listing = streamed(PLAYLIST)
    names = {video_id: name for name, video_id in youtube.ids.items()}

    assert {names[entry.source.id]: entry.unavailable for entry in entries if entry.unavailable} == {
        "private": FailureKind.PRIVATE,
        "deleted": FailureKind.DELETED,
        "unknown": FailureKind.DELETED,
        "live": FailureKind.LIVE,
        "upcoming": FailureKind.UPCOMING,
    }
    assert listing.seconds == sum(entry.duration or 0 for entry in entries if not entry.unavailable)


def test_pages_are_fetched_as_they_are_needed(youtube: YouTube) -> None:
    stream = stream_listing(PLAYLIST, OPTIONS, CancelToken())
    pages = []
    for item in stream:
        pages.append(len(youtube.server.sent("/browse")))
        if isinstance(item, Entry) and item.position == 7:
            break
    stream.close()

    assert pages[0] == pages[3]
    assert pages[4] == pages[3] + 1
    assert pages[7] == pages[3] + 2
    assert len(youtube.server.sent("/browse")) == pages[7]


def test_a_listing_can_be_cancelled_between_entries(youtube: YouTube) -> None:
    cancel = CancelToken()
    came: list[Entry | Listing] = []

    def read() -> None:
        for item in stream_listing(PLAYLIST, OPTIONS, cancel):
            came.append(item)
            if len(came) == 4:
                cancel.cancel()

    with pytest.raises(Cancelled):
        read()
    assert len(came) == 4


@pytest.mark.parametrize("page", [1, 3, 6])
def test_a_lost_page_is_noticed_and_read_again(youtube: YouTube, page: int) -> None:
    youtube.playlists[PLAYLIST_ID].lost = {page: 3}
    entries, listing = streamed(PLAYLIST)

    assert listing.retried
    assert listing.gap == 0
    assert ids(listing.entries) == list(youtube.ids.values())
    assert sorted(ids(entries)) == sorted(youtube.ids.values())


def test_a_page_that_stays_lost_is_a_gap_that_is_shown(youtube: YouTube) -> None:
    youtube.playlists[PLAYLIST_ID].lost = {3: 99}
    entries, listing = streamed(PLAYLIST)

    assert listing.retried
    assert (listing.announced, listing.received, listing.gap) == (21, 9, 12)
    assert len(entries) == 9


def test_an_announced_count_that_is_never_reached_is_a_gap(youtube: YouTube) -> None:
    youtube.playlists[PLAYLIST_ID].announced = 23
    _, listing = streamed(PLAYLIST)
    assert (listing.gap, listing.received, listing.retried) == (2, 21, True)


def test_a_video_that_is_there_twice_is_listed_twice(youtube: YouTube) -> None:
    twice = [youtube.ids["ok_m4a"], youtube.ids["ok_opus"], youtube.ids["ok_m4a"]]
    youtube.playlists[PLAYLIST_ID].ids = twice
    entries, listing = streamed(PLAYLIST)
    assert ids(entries) == twice
    assert listing.gap == 0


def test_a_limit_is_no_gap(youtube: YouTube) -> None:
    listing = read_listing(PLAYLIST, OPTIONS, CancelToken(), limit=5)
    assert (listing.received, listing.gap, listing.limited, listing.retried) == (5, 0, True, False)


def test_a_single_video(youtube: YouTube) -> None:
    entries, listing = streamed(youtube.watch("ok_opus"))
    assert listing.single
    assert (listing.title, listing.announced, listing.gap) == ("Night Run", 1, 0)
    assert entries[0].source == SourceId("youtube", youtube.ids["ok_opus"]) == listing.source
    assert (entries[0].url, entries[0].duration) == (youtube.watch("ok_opus"), 3.0)


def test_a_video_that_cannot_be_seen_says_why(youtube: YouTube) -> None:
    with pytest.raises(DownloadError) as caught:
        read_listing(youtube.watch("private"), OPTIONS, CancelToken())
    assert caught.value.kind is FailureKind.PRIVATE


def test_a_playlist_that_is_gone_says_so(youtube: YouTube) -> None:
    with pytest.raises(DownloadError) as caught:
        read_listing("https://www.youtube.com/playlist?list=PLgone", OPTIONS, CancelToken())
    assert caught.value.kind is FailureKind.DELETED


def test_a_video_inside_a_playlist_has_to_be_decided(youtube: YouTube) -> None:
    link = f"{youtube.watch('ok_m4a')}&list={PLAYLIST_ID}"
    with pytest.raises(UndecidedLink) as caught:
        next(iter(stream_listing(link, OPTIONS, CancelToken())))
    assert caught.value.question is Question.VIDEO_OR_PLAYLIST
    assert youtube.server.requests == []

    assert ids(streamed(link, choice=Choice.VIDEO)[0]) == [youtube.ids["ok_m4a"]]


def test_the_playlist_around_a_video(youtube: YouTube) -> None:
    link = f"https://www.youtube.com/playlist?v={youtube.ids['ok_m4a']}&list={PLAYLIST_ID}"
    assert len(streamed(link, choice=Choice.LIST)[0]) == 21


def test_a_channel_with_one_tab_and_one_with_two(youtube: YouTube) -> None:
    playable = [youtube.ids["ok_m4a"], youtube.ids["ok_opus"]]
    assert ids(streamed(CHANNEL)[0]) == playable

    youtube.shorts = [youtube.ids["slow"]]
    entries, listing = streamed(CHANNEL)
    assert ids(entries) == [*playable, youtube.ids["slow"]]
    assert listing.title == "Chän 1"


def test_an_endless_mix_ends(youtube: YouTube) -> None:
    link = "https://www.youtube.com/watch?v=mix00000000&list=RDmix00000000"
    listing = read_listing(link, OPTIONS, CancelToken(), choice=Choice.LIST)
    assert (listing.received, listing.endless, listing.announced, listing.gap) == (MIX_ENTRIES, True, None, 0)
    assert len(set(ids(listing.entries))) == MIX_ENTRIES

    assert read_listing(link, OPTIONS, CancelToken(), choice=Choice.LIST, limit=7).received == 7


def test_a_feed_keeps_titles_and_lengths_and_its_guids(server: LoopServer) -> None:
    entries, listing = streamed(f"{server.url}/feed.rss")
    assert listing.title == "Föd / “feed” 🎧"
    assert [entry.title for entry in entries] == [title for title, _ in server.items]
    assert [entry.duration for entry in entries] == [3.0, 3.0, 3.0]

    server.items = [(title, path + "?token=new") for title, path in server.items]
    assert ids(streamed(f"{server.url}/feed.rss")[0]) == ids(entries)


@pytest.mark.parametrize("page", ["list.xspf", "page.html"])
def test_lists_without_ids_keep_their_entries_apart(server: LoopServer, page: str) -> None:
    entries, _ = streamed(f"{server.url}/{page}")
    assert [entry.url for entry in entries] == [server.url + path for _, path in server.items]
    assert len(set(ids(entries))) == 3
    assert ids(streamed(f"{server.url}/{page}")[0]) == ids(entries)


def test_a_file_on_the_web_is_a_list_of_one(server: LoopServer) -> None:
    entries, listing = streamed(f"{server.url}/media/a.mp3")
    assert listing.single
    assert entries[0].source == listing.source
    assert entries[0].title == "a"


def test_a_missing_runtime_is_told_with_the_listing(
    youtube: YouTube, monkeypatch: pytest.MonkeyPatch
) -> None:
    import yt_dlp

    monkeypatch.setattr(yt_dlp.YoutubeDL, "_js_runtimes", {}, raising=False)
    listing = read_listing(youtube.watch("ok_m4a"), OPTIONS, CancelToken())
    assert any("deno" in sentence for sentence in listing.advice)


sources = st.lists(st.sampled_from("abcde"), max_size=12).map("".join)


def entries_of(names: str) -> list[Entry]:
    return [
        Entry(SourceId("x", name), name, name, "", None, None, position)
        for position, name in enumerate(names, start=1)
    ]


@given(sources, sources)
def test_two_readings_lose_nothing_and_invent_nothing(first: str, second: str) -> None:
    merged = list(_merged(entries_of(first), entries_of(second)))
    assert [entry.position for entry in merged] == list(range(1, len(merged) + 1))
    for name in "abcde":
        assert ids(merged).count(name) == max(first.count(name), second.count(name))
    assert "".join(ids(merged)).startswith(second)
