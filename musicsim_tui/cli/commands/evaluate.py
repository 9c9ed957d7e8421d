"""`musicsim-tui eval`: how good are the results?"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from musicsim_tui.cli import output
from musicsim_tui.cli.arguments import refuse_empty
from musicsim_tui.cli.current import CURRENT
from musicsim_tui.cli.options import global_options
from musicsim_tui.cli.session import open_services


@global_options
def evaluate(
    labels: Annotated[
        str, typer.Argument(metavar="LABELS.csv", help="Columns clip, track_id, artist; clips ingested.")
    ],
) -> None:
    """Measure quality on a labelled folder that has been ingested."""
    from musicsim_tui.search.quality import read_labels

    refuse_empty(labels)
    clips = read_labels(Path(labels))
    with open_services() as (services, _):
        quality = services.measure(clips)
    values = {
        "model": quality.model,
        "queries": quality.queries,
        "artist_p_at_1": quality.artist_p_at_1,
        "artist_p_at_5": quality.artist_p_at_5,
        "same_track_at_1": quality.same_track_at_1,
        "random_p_at_1": quality.random_p_at_1,
        "hubness": quality.hubness,
    }
    if CURRENT.json:
        output.emit(values)
        return
    for name, value in values.items():
        text = "unknown" if value is None else f"{value:.3f}" if isinstance(value, float) else str(value)
        output.say(f"{name:<16} {text}")
