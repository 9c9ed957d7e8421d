"""A library that downloads from sites on loopback, impatiently."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from musicsim_tui.jobs import CancelToken
from musicsim_tui.library.playlist_records import EntryState, PlaylistEntry
from musicsim_tui.services import Services
from musicsim_tui.settings import load_settings
from tests.harness.youtube import PLAYLIST_ID, Playlist

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from musicsim_tui.download.report import Opened
    from musicsim_tui.settings import Settings
    from tests.harness.youtube import YouTube

PLAYABLE = ("ok_m4a", "ok_opus", "slow")


def config_of(
    folder: Path, *, pause: str = "0", least_free: str = "0", timeout: str = "2", more: str = ""
) -> str:
    """A `config.toml` with which nothing is waited for, and downloads go to `folder/Music`. `more` are other
    lines about them."""
    return (
        f'[download]\nfolder = "{folder / "Music"}"\npause = {pause}\nleast_free = {least_free}\n{more}'
        "[download.yt_dlp]\nretries = 1\n"
        f"socket_timeout = {timeout}\n"
    )


def impatient(
    folder: Path, *, pause: str = "0", least_free: str = "0", timeout: str = "2", more: str = ""
) -> Settings:
    """The settings of a library in `folder/data`."""
    config = folder / "config.toml"
    config.write_text(config_of(folder, pause=pause, least_free=least_free, timeout=timeout, more=more))
    return load_settings(
        {"data_dir": str(folder / "data"), "model": "builtin"},
        environment={},
        dotenv=folder / "nowhere",
        config=config,
    )


@contextmanager
def downloading(
    folder: Path, *, pause: str = "0", least_free: str = "0", more: str = ""
) -> Iterator[Services]:
    """The services of a library in `folder/data`."""
    services = Services(impatient(folder, pause=pause, least_free=least_free, more=more))
    try:
        yield services
    finally:
        services.close()


def list_only(youtube: YouTube, *names: str, playlist: str = PLAYLIST_ID, title: str = "Mix") -> str:
    """Make a playlist of these videos, by the names of the scenario; its link."""
    youtube.playlists[playlist] = Playlist(title, [youtube.ids[name] for name in names])
    return f"https://www.youtube.com/playlist?list={playlist}"


def opened(services: Services, link: str) -> Opened:
    """Open a link."""
    return services.downloads.open(link, CancelToken())


def states(services: Services, playlist: int) -> list[EntryState]:
    """The states of all entries, in the list's order."""
    return [entry.state for entry in services.catalog.playlists.entries(playlist)]


def entry_of(services: Services, key: str) -> PlaylistEntry:
    """The entry of a video, by its id."""
    return next(
        entry
        for playlist in services.catalog.playlists.all()
        for entry in services.catalog.playlists.entries(playlist.id)
        if entry.source.source_id == key
    )
