"""`musicsim-tui prune`: forget tracks whose files are gone."""

from __future__ import annotations

from typing import Annotated

import typer

from musicsim_tui.cli import output
from musicsim_tui.cli.asking import confirmed
from musicsim_tui.cli.current import CURRENT
from musicsim_tui.cli.options import global_options
from musicsim_tui.cli.session import open_services


@global_options
def prune(yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False) -> None:
    """Forget tracks whose files are gone. No file is touched."""
    with open_services() as (services, cancel):
        missing = services.missing()
        gone, spared = missing.gone, len(missing.spared)
        if spared:
            output.note(
                f"{output.count(spared, 'track')} left alone: a file is there again, or its disk is away. "
                "The next musicsim-tui ingest looks closer, but not at what a folder's --exclude leaves out."
            )
        question = f"Forget {output.count(len(gone), 'track')} whose files are gone?"
        wanted = bool(gone) and confirmed(question, yes=yes, command="musicsim-tui prune")
        removed = services.prune(gone, cancel) if wanted else 0
    if CURRENT.json:
        output.emit({"removed": removed, "spared": spared})
    else:
        output.say(f"Forgot {output.count(removed, 'track')}." if removed else "Nothing forgotten.")
