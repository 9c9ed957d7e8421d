"""`musicsim-tui search`: what sounds like this?"""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from musicsim_tui.cli import output
from musicsim_tui.cli.arguments import refuse_empty, refuse_json_with_print0
from musicsim_tui.cli.commands.listing import note_unheard_sounds
from musicsim_tui.cli.current import CURRENT
from musicsim_tui.cli.options import global_options
from musicsim_tui.cli.output import Column
from musicsim_tui.cli.session import open_services
from musicsim_tui.errors import UnmetRequest
from musicsim_tui.paths import is_there

if TYPE_CHECKING:
    from collections.abc import Sequence

    from musicsim_tui.search.seed import Seed
    from musicsim_tui.search.similar import Match
    from musicsim_tui.services import Services

_BAR_CELLS = 10


@global_options
def search(
    query: Annotated[str, typer.Argument(metavar="FILE|TRACK_ID", help="Any audio file, or a track's id.")],
    limit: Annotated[int, typer.Option("--limit", min=1, metavar="N", help="How many results.")] = 10,
    where: Annotated[
        str | None, typer.Option("--where", metavar="QUERY", help="Only tracks like artist:skiff len>2:00.")
    ] = None,
    explain: Annotated[
        bool, typer.Option("--explain", help="Say what each result shares, and what sets it apart.")
    ] = False,
    exact: Annotated[bool, typer.Option("--exact", help="Compare with every vector, no shortcuts.")] = False,
    ef: Annotated[
        int | None, typer.Option("--ef", min=1, metavar="N", help="Search width of a server's HNSW graph.")
    ] = None,
    print0: Annotated[bool, typer.Option("--print0", help="Paths only, each ended by NUL.")] = False,
) -> None:
    """Rank the library by how much it sounds like a file or a track."""
    from musicsim_tui.library.query import parse_query
    from musicsim_tui.search.similar import SearchRequest

    refuse_json_with_print0(print0)
    refuse_empty(query)
    _check_file_name(query)
    request = SearchRequest(limit, parse_query(where) if where else None, exact=exact, ef=ef)
    started = time.monotonic()
    with open_services() as (services, cancel):
        model = services.models.searching()
        seed = services.seed(query, model, cancel)
        note_unheard_sounds(services, request.where)
        matches = services.search(seed, request, cancel)
        seconds = time.monotonic() - started
        if print0:
            output.print_paths0(match.track.paths[0] for match in matches if match.track.paths)
        elif CURRENT.json:
            output.emit(search_as_json(seed, matches, seconds))
        else:
            print_matches(matches, apart=explain, shared=explain and _names_sounds(services, model.name))


def _check_file_name(query: str) -> None:
    """What looks like a file's name is none of a track. Raises UnmetRequest when there is no such file."""
    looks_like_one = os.sep in query or Path(query).suffix
    if looks_like_one and not is_there(query):
        raise UnmetRequest(
            f"There is no file {query}.", "Check the spelling, or give the id of a track: musicsim-tui list."
        )


def _names_sounds(services: Services, model: str) -> bool:
    if services.models.find(model).names_sounds:
        return True
    output.note(f"{model} names no sounds, so it cannot say which ones are shared: mn04 and cnn14 can.")
    return False


def search_as_json(seed: Seed, matches: Sequence[Match], seconds: float) -> dict[str, Any]:
    """The answer as the command line's contract has it."""
    origin = {"id": str(seed.track_id)} if seed.path is None else {"path": str(seed.path)}
    return {
        "model": seed.embedding.model.name,
        "seeds": [{**origin, "weight": 1.0}],
        "seconds": round(seconds, 4),
        "results": [_match_as_json(match) for match in matches],
    }


def _match_as_json(match: Match) -> dict[str, Any]:
    tags, moment = match.track.tags, match.moment
    return {
        "rank": match.rank,
        "id": str(match.track.id),
        "score": round(match.score, 6),
        "likeness": match.likeness,
        "same_recording": match.same_recording,
        "title": match.track.title,
        "artist": output.known(tags.artist),
        "album": output.known(tags.album),
        "duration": round(match.track.duration, 3),
        "paths": [str(path) for path in match.track.paths],
        "moment": None
        if moment is None
        else {
            "query_start": round(moment.query_start, 3),
            "match_start": round(moment.match_start, 3),
            "score": round(moment.score, 6),
        },
        "reasons": [
            {
                "kind": reason.kind,
                "label": reason.label,
                "query": round(reason.query, 4),
                "match": round(reason.match, 4),
            }
            for reason in match.reasons
        ],
        "apart": output.known(match.apart),
    }


def print_matches(matches: Sequence[Match], *, apart: bool, shared: bool) -> None:
    """The results as a table, with what sets each apart, and below it the sounds that each shares."""
    if not matches:
        output.say("Nothing found.")
        return
    columns = [
        Column("#", "right"),
        Column("Likeness"),
        Column("Title", shrinks=True),
        Column("Artist", shrinks=True),
        Column("Moment"),
        *([Column("Apart", shrinks=True)] if apart else []),
    ]
    output.print_table(columns, [_row(match, apart=apart) for match in matches])
    if shared:
        output.say("Both sound of")
        for match in matches:
            sounds = ", ".join(reason.label for reason in match.reasons)
            output.say(f"{match.rank:>2}  {output.plain(sounds) or 'nothing that has a name'}")


def _row(match: Match, *, apart: bool) -> list[str]:
    bar = output.bar(match.likeness / 100, _BAR_CELLS)
    likeness = "same recording" if match.same_recording else f"{match.likeness:>3} {bar}"
    moment = match.moment
    return [
        str(match.rank),
        likeness,
        match.track.title,
        match.track.tags.artist,
        f"{output.clock(moment.query_start)} = {output.clock(moment.match_start)}" if moment else "",
        *([match.apart] if apart else []),
    ]
