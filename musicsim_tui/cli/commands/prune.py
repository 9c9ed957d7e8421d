"""`musicsim-tui prune`: forget tracks whose files are gone."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from musicsim_tui.cli import output
from musicsim_tui.cli.options import CURRENT, global_options
from musicsim_tui.cli.session import open_services
from musicsim_tui.errors import UsageError


@global_options
def prune(yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False) -> None:
    """Forget tracks whose files are gone. No file is touched."""
    with open_services() as (services, cancel):
        gone = services.catalog.missing_ids()
        if gone and not yes and not _confirmed(len(gone)):
            gone = []
        removed = services.prune(gone, cancel) if gone else 0
    if CURRENT.json:
        output.emit({"removed": removed})
    else:
        output.say(f"Forgot {output.count(removed, 'track')}." if removed else "Nothing forgotten.")


def _confirmed(number: int) -> bool:
    if CURRENT.json or not sys.stdin.isatty():
        raise UsageError(
            f"{output.count(number, 'track')} would be forgotten.", "Run musicsim-tui prune --yes to do it."
        )
    return typer.confirm(f"Forget {output.count(number, 'track')} whose files are gone?")
