"""`musicsim-tui demo`: a library of synthesised pieces, made and searched at once."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated

import typer

from musicsim_tui.cli import output
from musicsim_tui.cli.commands.ingest import run_ingest
from musicsim_tui.cli.commands.search import print_matches, search_as_json
from musicsim_tui.cli.current import CURRENT
from musicsim_tui.cli.options import global_options
from musicsim_tui.cli.session import (
    STOPPED_BY_CTRL_C,
    ExitWith,
    current_settings,
    on_terminal,
    open_app,
    open_services,
)

_RESULTS = 8


@global_options
def demo(
    no_tui: Annotated[
        bool, typer.Option("--no-tui", help="Print a search rather than open the app.")
    ] = False,
) -> None:
    """Make a library of synthesised pieces and ask it what sounds alike."""
    from musicsim_tui.search.similar import SearchRequest
    from musicsim_tui.upkeep.demo import write_demo_music

    settings = current_settings()
    if not no_tui and not CURRENT.json and on_terminal():
        raise ExitWith(open_app(settings, demo=True))
    folder = settings.data_dir / "demo"
    own = replace(settings, data_dir=folder, weights_dir=settings.models_dir, qdb_endpoint=None)
    with open_services(own) as (services, cancel):
        output.note(f"Making a demo library in {folder}.")
        with output.progress_bar("synthesising") as publish:
            music = write_demo_music(folder / "music", publish, cancel)
        summary = run_ingest(services, cancel, [music.folder], silent=True)
        if summary.cancelled:
            raise ExitWith(STOPPED_BY_CTRL_C)
        seed = services.seed(str(music.query), services.models.searching(), cancel)
        matches = services.search(seed, SearchRequest(limit=_RESULTS), cancel)
        names_sounds = services.models.find(seed.embedding.model.name).names_sounds
    if CURRENT.json:
        output.emit({**search_as_json(seed, matches, seed.seconds), "library": str(folder)})
        return
    output.note(
        f"Heard {output.count(summary.added + summary.skipped, 'piece')} with {summary.model.name} "
        f"in {output.duration_words(summary.seconds)}."
    )
    output.say(f"What sounds like {output.plain(seed.tags.title if seed.tags else music.query.stem)}?")
    print_matches(matches, apart=True, shared=names_sounds)
    output.note("Next: musicsim-tui ingest YOUR_MUSIC_FOLDER, then musicsim-tui search ANY_SONG.")
