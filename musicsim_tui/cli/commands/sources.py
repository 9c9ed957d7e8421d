"""`musicsim-tui sources`: the folders and playlists that are remembered."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from musicsim_tui.cli import output
from musicsim_tui.cli.arguments import refuse_empty
from musicsim_tui.cli.asking import confirmed
from musicsim_tui.cli.current import CURRENT
from musicsim_tui.cli.download_report import playlist_as_json
from musicsim_tui.cli.options import global_options
from musicsim_tui.cli.output import Column
from musicsim_tui.cli.session import open_services
from musicsim_tui.errors import UnmetRequest, UsageError
from musicsim_tui.library.playlist_records import EntryState
from musicsim_tui.paths import tidy_absolute

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from musicsim_tui.library.catalog import Catalog
    from musicsim_tui.library.playlist_records import Playlist
    from musicsim_tui.library.records import Root
    from musicsim_tui.services import Services

app = typer.Typer(help="List or forget remembered folders and playlists.", invoke_without_command=True)


@app.callback()
@global_options
def _default(ctx: typer.Context) -> None:
    if ctx.invoked_subcommand is None:
        _print_sources()


@app.command("list")
@global_options
def list_sources() -> None:
    """List the remembered folders, files and playlists."""
    _print_sources()


@app.command("forget")
@global_options
def forget(
    source: Annotated[
        str,
        typer.Argument(
            metavar="SOURCE", help="A remembered folder or file, or a playlist by its link, number or title."
        ),
    ],
    tracks: Annotated[
        bool, typer.Option("--tracks", help="Leave its tracks out as well, for prune to forget.")
    ] = False,
    files: Annotated[
        bool, typer.Option("--files", help="Of a playlist: delete the files that no other playlist has.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
) -> None:
    """Forget a folder or playlist: it is not refreshed any more. No file is touched unless told to."""
    refuse_empty(source, hint="musicsim-tui sources lists what is remembered.")
    absolute = tidy_absolute(source)
    with open_services() as (services, _):
        playlist = _playlist(services, source, absolute)
        if playlist is not None:
            _forget_playlist(services, playlist, delete_files=files, yes=yes)
            return
        if files:
            raise UsageError(
                "--files is for playlists.", "The files of a folder are yours: no command deletes them."
            )
    _forget_folder(absolute, tracks=tracks)


def _playlist(services: Services, source: str, path: Path) -> Playlist | None:
    """The playlist of that name, unless a remembered folder has it."""
    if any(root.path == path for root in services.catalog.roots()):
        return None
    try:
        return services.catalog.playlists.find(source)
    except UnmetRequest:
        if "://" in source:
            raise
        return None


def _forget_playlist(services: Services, playlist: Playlist, *, delete_files: bool, yes: bool) -> None:
    if delete_files:
        question = f"Delete the files of {output.plain(playlist.title)!r} that no other playlist has?"
        if not confirmed(question, yes=yes, command=f"musicsim-tui sources forget {playlist.id} --files"):
            output.say("Nothing forgotten.")
            return
    forgotten = services.downloads.forget(playlist.id, delete_files=delete_files)
    if CURRENT.json:
        output.emit(
            {
                "forgotten": playlist.record.link,
                "title": forgotten.title,
                "files_deleted": forgotten.files_deleted,
                "files_kept": forgotten.files_kept,
                "files_own": forgotten.files_own,
            }
        )
        return
    output.say(f"Forgot {output.plain(forgotten.title)}.")
    if forgotten.files_deleted:
        output.say(f"Deleted {output.count(forgotten.files_deleted, 'file')}.")
    if forgotten.files_own:
        why = "stays: it was" if forgotten.files_own == 1 else "stay: they were"
        output.say(
            f"{output.count(forgotten.files_own, 'file')} {why} there before, or moved or changed since."
        )
    if left := forgotten.files_kept - forgotten.files_own:
        stay = "stays where it is" if left == 1 else "stay where they are"
        output.say(f"{output.count(left, 'file')} {stay}.")


def _forget_folder(absolute: Path, *, tracks: bool) -> None:
    from musicsim_tui.library.records import FileState

    left_out = 0
    with open_services() as (services, _):
        catalog = services.catalog
        remembered = catalog.forget_root(absolute)
        known = catalog.known_files(absolute).items()
        files = _uncovered(catalog, [name for name, file in known if file.state is FileState.PRESENT])
        if not remembered and not (tracks and files):
            raise _not_remembered(absolute, catalog)
        if tracks:
            before = len(catalog.missing_ids())
            catalog.mark_missing(files)
            catalog.clear_failures(_uncovered(catalog, catalog.failed_files(absolute)))
            left_out = len(catalog.missing_ids()) - before
    if CURRENT.json:
        output.emit({"forgotten": str(absolute), "files": len(files), "tracks": left_out})
        return
    output.say(f"Forgot {output.plain(absolute)}.")
    if tracks:
        output.say(
            f"{output.count(left_out, 'track')} left out of results: musicsim-tui prune forgets what was "
            "heard of them, musicsim-tui ingest with that folder brings them back."
        )
    elif files:
        output.say(
            f"What was heard of {output.count(len(files), 'file')} stays in the library: "
            "forget again with --tracks to leave it out."
        )


def _not_remembered(path: Path, catalog: Catalog) -> UnmetRequest:
    for root in catalog.roots():
        if path.is_relative_to(root.path):
            return UnmetRequest(
                f"{path} is part of {root.path}, which is remembered as a whole.",
                f"Leave it out with musicsim-tui ingest '{root.path}' --exclude '{path.name}'.",
            )
    return UnmetRequest(f"{path} is not remembered.", "musicsim-tui sources lists what is.")


def _uncovered(catalog: Catalog, names: Iterable[bytes]) -> list[Path]:
    """Those of these files that no remembered folder holds."""
    roots = [root.path for root in catalog.roots()]
    paths = [Path(os.fsdecode(name)) for name in names]
    return [path for path in paths if not any(path.is_relative_to(root) for root in roots)]


def _print_sources() -> None:
    from musicsim_tui.ingest.plan import why_offline

    with open_services() as (services, _):
        roots = services.catalog.roots()
        offline = {root.path: why_offline(services.catalog, root.path) for root in roots}
        playlists = services.catalog.playlists.all()
    if CURRENT.json:
        output.emit(
            {
                "sources": [
                    {
                        "kind": "folder",
                        "path": str(root.path),
                        "excludes": list(root.excludes),
                        "added": root.added,
                        "scanned": root.scanned,
                        "online": offline[root.path] is None,
                        "offline": offline[root.path],
                    }
                    for root in roots
                ]
                + [{"kind": "playlist", **playlist_as_json(playlist)} for playlist in playlists]
            }
        )
        return
    if not roots and not playlists:
        output.say(
            "Nothing is remembered yet: musicsim-tui ingest FOLDER remembers a folder, "
            "musicsim-tui download URL a playlist."
        )
        return
    if roots:
        _print_folders(roots, offline)
    if roots and playlists:
        output.say("")
    if playlists:
        _print_playlists(playlists)


def _print_playlists(playlists: Sequence[Playlist]) -> None:
    output.print_table(
        [
            *(Column("No.", "right"), Column("Playlist", shrinks=True), Column("State", shrinks=True)),
            *(Column("Last looked at"), Column("Link", shrinks=True)),
        ],
        [
            [
                str(playlist.id),
                playlist.title,
                _state(playlist),
                _when(playlist.checked),
                playlist.record.link,
            ]
            for playlist in playlists
        ],
    )


def _state(playlist: Playlist) -> str:
    ready = playlist.count(EntryState.READY, EntryState.INGESTING)
    words = [f"{ready:,} of {playlist.entries:,} ready"]
    words += [
        f"{number:,} {state.value}"
        for state in (
            EntryState.WAITING,
            EntryState.PAUSED,
            EntryState.FAILED,
            EntryState.UNAVAILABLE,
            EntryState.GONE,
        )
        if (number := playlist.count(state))
    ]
    return ", ".join(words)


def _when(seconds: float | None) -> str:
    return time.strftime("%Y-%m-%d %H:%M", time.localtime(seconds)) if seconds else "never"


def _print_folders(roots: Sequence[Root], offline: Mapping[Path, str | None]) -> None:
    output.print_table(
        [Column("Path", shrinks=True), Column("State", shrinks=True), Column("Last looked at")],
        [
            [
                str(root.path),
                "online" if offline[root.path] is None else f"offline: {offline[root.path]}",
                _when(root.scanned),
            ]
            for root in roots
        ],
    )
