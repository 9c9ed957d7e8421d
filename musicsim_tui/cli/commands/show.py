"""`musicsim-tui show`: everything known about a track."""

from __future__ import annotations

import time
from typing import Annotated

import typer

from musicsim_tui.cli import output
from musicsim_tui.cli.commands.listing import track_as_json
from musicsim_tui.cli.current import CURRENT
from musicsim_tui.cli.options import global_options
from musicsim_tui.cli.session import open_services
from musicsim_tui.errors import UnmetRequest


@global_options
def show(
    track_id: Annotated[str, typer.Argument(metavar="TRACK_ID", help="An id, or the beginning of one.")],
) -> None:
    """Show everything known about a track."""
    with open_services() as (services, _):
        catalog = services.catalog
        found = catalog.resolve(track_id)
        row = catalog.track(found)
        if row is None:
            raise UnmetRequest(f"There is no track {track_id}.", "musicsim-tui list shows the ids.")
        loudness = catalog.loudness(found)
        sounds = {
            use.model.name: catalog.sounds([found], use.model).get(found, ()) for use in catalog.models()
        }
        sources = catalog.playlists.of_track(found)
        playlists = {playlist.id: playlist.title for playlist in catalog.playlists.all()} if sources else {}
    if CURRENT.json:
        value = track_as_json(row)
        value["sources"] = [
            {"url": entry.source.url, "playlist": playlists.get(entry.playlist)} for entry in sources
        ]
        value["loudness"] = loudness
        value["heard"] = {
            name: [
                {"label": sound.label, "score": round(sound.score, 4), "start": round(sound.start, 3)}
                for sound in heard
            ]
            for name, heard in sounds.items()
        }
        output.emit(value)
        return
    track = row.track
    lines = [
        ("Title", track.title),
        ("Artist", track.tags.artist),
        ("Album", track.tags.album),
        ("Year", str(track.tags.year or "")),
        ("Length", output.clock(track.duration)),
        ("Loudness", f"{loudness:.1f} dBFS (RMS)" if loudness is not None else ""),
        ("Added", time.strftime("%Y-%m-%d %H:%M", time.localtime(track.added))),
        ("Id", str(track.id)),
        ("State", "missing" if track.missing else "present"),
        ("Heard with", ", ".join(row.models)),
    ]
    lines += [("File", str(path)) for path in track.paths]
    lines += [("From", f"{entry.source.url} in {playlists.get(entry.playlist, '')}") for entry in sources]
    for name, heard in sounds.items():
        if not heard:
            lines.append((f"Sound ({name})", "none named"))
        lines += [
            (f"Sound ({name})", f"{sound.label} {sound.score:.2f}, strongest at {output.clock(sound.start)}")
            for sound in heard
        ]
    for label, text in lines:
        if text:
            output.say(f"{label + ':':<16} {output.plain(text)}")
