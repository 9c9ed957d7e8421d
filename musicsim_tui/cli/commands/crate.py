"""`musicsim-tui crate`: named lists of tracks, and playlists made of them."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from musicsim_tui.cli import output
from musicsim_tui.cli.arguments import refuse_empty, refuse_json_with_print0
from musicsim_tui.cli.commands.listing import track_as_json
from musicsim_tui.cli.current import CURRENT
from musicsim_tui.cli.options import global_options
from musicsim_tui.cli.output import Column
from musicsim_tui.cli.session import open_services
from musicsim_tui.errors import UnmetRequest, UsageError
from musicsim_tui.paths import is_there, tidy_path

if TYPE_CHECKING:
    from collections.abc import Sequence

    from musicsim_tui.library.catalog import Catalog
    from musicsim_tui.library.crates import CrateChange
    from musicsim_tui.track import TrackId

app = typer.Typer(help="Keep tracks in crates: lists with a name and an order.", invoke_without_command=True)

Name = Annotated[str, typer.Argument(metavar="NAME", help="The name of a crate.")]
Tracks = Annotated[
    list[str], typer.Argument(metavar="TRACK_ID...", help="Ids of tracks, or files of the library.")
]


@app.callback()
@global_options
def _default(ctx: typer.Context) -> None:
    if ctx.invoked_subcommand is None:
        _print_crates()


@app.command("list")
@global_options
def list_crates() -> None:
    """List the crates."""
    _print_crates()


@app.command("show")
@global_options
def show(
    name: Name,
    print0: Annotated[bool, typer.Option("--print0", help="Paths only, each ended by NUL.")] = False,
) -> None:
    """List the tracks of a crate, in its order."""
    refuse_json_with_print0(print0)
    with open_services() as (services, _):
        rows = services.catalog.crates.tracks(name)
    if print0:
        output.print_paths0(row.track.paths[0] for row in rows if row.track.paths)
    elif CURRENT.json:
        output.emit({"crate": name, "tracks": [track_as_json(row) for row in rows]})
    else:
        output.print_table(
            [
                Column("#", "right"),
                Column("Title", shrinks=True),
                Column("Artist", shrinks=True),
                Column("Len", "right"),
                Column("State"),
                Column("Id"),
            ],
            [
                [
                    str(place),
                    row.track.title,
                    row.track.tags.artist,
                    output.clock(row.track.duration),
                    "missing" if row.track.missing else "",
                    str(row.track.id)[:8],
                ]
                for place, row in enumerate(rows, 1)
            ],
        )
        output.say(output.count(len(rows), "track"))


@app.command("add")
@global_options
def add(
    name: Name,
    tracks: Tracks,
    at: Annotated[
        int | None, typer.Option("--at", min=1, metavar="N", help="As number N, rather than at the end.")
    ] = None,
) -> None:
    """Put tracks into a crate; one that does not exist is made."""
    with open_services() as (services, _):
        ids = _resolved(services.catalog, tracks)
        change = services.catalog.crates.add(name, ids, None if at is None else at - 1)
    new = len(change.after) - len(change.before)
    _tell(change, f"Added {output.count(new, 'track')} to {change.name!r}", len(set(ids)) - new)


@app.command("remove")
@global_options
def remove(name: Name, tracks: Tracks) -> None:
    """Take tracks out of a crate; they stay in the library."""
    with open_services() as (services, _):
        change = services.catalog.crates.remove(name, _resolved(services.catalog, tracks))
    gone = len(change.before) - len(change.after)
    _tell(change, f"Removed {output.count(gone, 'track')} from {change.name!r}")


@app.command("move")
@global_options
def move(
    name: Name,
    tracks: Tracks,
    to: Annotated[int, typer.Option("--to", min=1, metavar="N", help="The number that the first gets.")],
) -> None:
    """Move tracks within a crate."""
    with open_services() as (services, _):
        change = services.catalog.crates.move(name, _resolved(services.catalog, tracks), to - 1)
    _tell(change, f"Moved within {change.name!r}")


@app.command("rename")
@global_options
def rename(
    name: Name, new_name: Annotated[str, typer.Argument(metavar="NEW_NAME", help="What to call it.")]
) -> None:
    """Give a crate another name."""
    with open_services() as (services, _):
        kept = services.catalog.crates.rename(name, new_name)
    if CURRENT.json:
        output.emit({"crate": kept})
    else:
        output.say(f"The crate is called {output.plain(kept)!r} now.")


@app.command("delete")
@global_options
def delete(name: Name) -> None:
    """Delete a crate; its tracks stay in the library."""
    with open_services() as (services, _):
        change = services.catalog.crates.delete(name)
    _tell(change, f"Deleted the crate {change.name!r}; its tracks stay in the library")


@app.command("export")
@global_options
def export(
    name: Name,
    file: Annotated[str, typer.Argument(metavar="FILE.m3u8", help="The playlist to write; - prints it.")],
    relative: Annotated[
        bool, typer.Option("--relative", help="Paths relative to the playlist, to move both together.")
    ] = False,
    force: Annotated[bool, typer.Option("--force", help="Replace a playlist that is there.")] = False,
) -> None:
    """Write a crate as an M3U8 playlist. Tracks whose files are gone are left out."""
    from musicsim_tui.library.m3u import m3u8, write_whole

    refuse_empty(file)
    printed = file == "-"
    target = tidy_path(file)
    if printed and CURRENT.json:
        raise UsageError("Playlist and JSON cannot both be printed.", "Leave out --json, or name a file.")
    if not printed:
        _check_target(target, force=force)
    with open_services() as (services, _):
        rows = services.catalog.crates.tracks(name)
    present = [row.track for row in rows if not row.track.missing]
    beside = Path.cwd() if printed else target.absolute().parent
    content = m3u8(present, beside=beside if relative else None)
    if printed:
        output.print_bytes(content)
    else:
        write_whole(target, content)
    left_out = len(rows) - len(present)
    if CURRENT.json:
        output.emit({"crate": name, "path": str(target), "exported": len(present), "left_out": left_out})
    elif not printed:
        output.say(f"Wrote {output.count(len(present), 'track')} to {output.plain(target)}.")
    if left_out:
        output.note(f"Left out {output.count(left_out, 'track')} whose files are gone.")


def _check_target(target: Path, *, force: bool) -> None:
    if target.suffix.lower() not in (".m3u8", ".m3u"):
        raise UsageError(f"{target} does not end in .m3u8.", "M3U8 is what is written: name the file so.")
    if os.path.lexists(target) and not force:
        raise UnmetRequest(f"{target} is there already.", "Name another file, or replace it with --force.")


def _resolved(catalog: Catalog, texts: Sequence[str]) -> list[TrackId]:
    """Tracks by their ids, or by files that the library knows. Raises UnmetRequest, UsageError."""
    return [_resolve(catalog, text) for text in texts]


def _resolve(catalog: Catalog, text: str) -> TrackId:
    if not is_there(text):
        return catalog.resolve(text)
    found = catalog.track_at(tidy_path(text))
    if found is None:
        raise UnmetRequest(f"{text} is not in the library.", "Run musicsim-tui ingest with it first.")
    return found


def _tell(change: CrateChange, words: str, known: int = 0) -> None:
    if CURRENT.json:
        output.emit(
            {
                "crate": change.name,
                "before": len(change.before),
                "tracks": [str(item) for item in change.after],
            }
        )
        return
    known_words = f"; {known:,} {'was' if known == 1 else 'were'} in it already" if known else ""
    output.say(f"{output.plain(words)}{known_words}.")


def _print_crates() -> None:
    with open_services() as (services, _):
        crates = services.catalog.crates.all()
    if CURRENT.json:
        output.emit(
            {
                "crates": [
                    {
                        "name": crate.name,
                        "tracks": crate.tracks,
                        "seconds": round(crate.seconds, 3),
                        "created": round(crate.created, 3),
                    }
                    for crate in crates
                ]
            }
        )
        return
    if not crates:
        output.say("There are no crates yet: musicsim-tui crate add NAME TRACK_ID makes one.")
        return
    output.print_table(
        [Column("Crate", shrinks=True), Column("Tracks", "right"), Column("Length", "right")],
        [[crate.name, f"{crate.tracks:,}", output.clock(crate.seconds)] for crate in crates],
    )
