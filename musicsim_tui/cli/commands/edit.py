"""`musicsim-tui edit`: artist and title of a track, written into its files."""

from __future__ import annotations

from typing import Annotated

import typer

from musicsim_tui.cli import output
from musicsim_tui.cli.commands.listing import track_as_json
from musicsim_tui.cli.current import CURRENT
from musicsim_tui.cli.options import global_options
from musicsim_tui.cli.session import open_services
from musicsim_tui.errors import UsageError


@global_options
def edit(
    track_id: Annotated[str, typer.Argument(metavar="TRACK_ID", help="An id, or the beginning of one.")],
    title: Annotated[str | None, typer.Option("--title", help="The new title; '' removes it.")] = None,
    artist: Annotated[str | None, typer.Option("--artist", help="The new artist; '' removes it.")] = None,
) -> None:
    """Write artist and title into the tags of a track's files. Its sound stays as it is."""
    if title is None and artist is None:
        raise UsageError("There is nothing to change.", "Give --title or --artist, or both.")
    with open_services() as (services, cancel):
        track = services.catalog.resolve(track_id)
        row = services.edit_tags(track, cancel, title=title, artist=artist)
    if CURRENT.json:
        output.emit(track_as_json(row))
        return
    names = " - ".join(filter(None, (row.track.tags.artist, row.track.title)))
    output.say(f"{output.plain(names)}: written into {output.count(len(row.track.paths), 'file')}.")
