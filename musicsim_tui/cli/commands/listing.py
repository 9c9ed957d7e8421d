"""`musicsim-tui list`: the tracks of the library."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING, Annotated, Any

import typer

from musicsim_tui.cli import output
from musicsim_tui.cli.arguments import refuse_json_with_print0
from musicsim_tui.cli.current import CURRENT
from musicsim_tui.cli.options import global_options
from musicsim_tui.cli.output import Column
from musicsim_tui.cli.session import open_services

if TYPE_CHECKING:
    from collections.abc import Sequence

    from musicsim_tui.library.query import Query
    from musicsim_tui.library.records import TrackRow
    from musicsim_tui.services import Services


@global_options
def list_tracks(
    where: Annotated[
        str | None, typer.Option("--where", metavar="QUERY", help="Only tracks like artist:skiff len>2:00.")
    ] = None,
    sort: Annotated[
        str,
        typer.Option("--sort", metavar="KEY", help="artist, title, album, len, year, added; -KEY reverses."),
    ] = "artist",
    limit: Annotated[int, typer.Option("--limit", min=0, metavar="N", help="How many tracks.")] = 100,
    offset: Annotated[int, typer.Option("--offset", min=0, metavar="N", help="Leave out the first N.")] = 0,
    print0: Annotated[bool, typer.Option("--print0", help="Paths only, each ended by NUL.")] = False,
) -> None:
    """List the tracks of the library."""
    from musicsim_tui.library.query import parse_query

    refuse_json_with_print0(print0)
    query = parse_query(where) if where else None
    with open_services() as (services, _):
        note_unheard_sounds(services, query)
        page = services.catalog.tracks(
            query,
            sort=sort.removeprefix("-"),
            descending=sort.startswith("-"),
            limit=limit,
            offset=offset,
        )
    if print0:
        output.print_paths0(row.track.paths[0] for row in page.rows if row.track.paths)
    elif CURRENT.json:
        output.emit({"total": page.total, "tracks": [track_as_json(row) for row in page.rows]})
    else:
        output.print_table(
            [
                Column("Title", shrinks=True),
                Column("Artist", shrinks=True),
                Column("Len", "right"),
                Column("Sounds", shrinks=True),
                Column("Id"),
            ],
            [
                [
                    row.track.title,
                    row.track.tags.artist,
                    output.clock(row.track.duration),
                    ", ".join(sound.label for sound in row.sounds[:2]),
                    str(row.track.id)[:8],
                ]
                for row in page.rows
            ],
        )
        output.say(f"{len(page.rows):,} of {output.count(page.total, 'track')}")


def note_unheard_sounds(services: Services, query: Query | None) -> None:
    """Say which sounds of a query nobody can have heard: no model that has heard the library names any, or no
    model at all names such a one."""
    if query is None or not query.sounds:
        return
    names = sorted({use.model.name for use in services.catalog.models()})
    if any(services.models.find(name).names_sounds for name in names):
        _note_unknown_sounds(query.sounds)
    elif names:
        output.note(
            f"{' and '.join(names)}, which heard this library, knows no names of sounds, so sound: finds "
            "nothing: mn04 and cnn14 name them."
        )


def _note_unknown_sounds(asked: Sequence[str]) -> None:
    from musicsim_tui.embedding.sounds import audioset_labels
    from musicsim_tui.library.folding import fold

    known = [fold(label) for label in audioset_labels()]
    for sound in dict.fromkeys(asked):
        if not any(sound in label for label in known):
            near = difflib.get_close_matches(sound, known, n=1)
            guess = f" Did you mean {near[0]}?" if near else ""
            output.note(f'No sound is called "{sound}".{guess}')


def track_as_json(row: TrackRow) -> dict[str, Any]:
    """A track as `list` and `show` print it."""
    track = row.track
    return {
        "id": str(track.id),
        "title": track.title,
        "artist": output.known(track.tags.artist),
        "album": output.known(track.tags.album),
        "year": track.tags.year,
        "duration": round(track.duration, 3),
        "added": round(track.added, 3),
        "missing": track.missing,
        "paths": [str(path) for path in track.paths],
        "sounds": [{"label": sound.label, "score": round(sound.score, 4)} for sound in row.sounds],
        "models": list(row.models),
    }
