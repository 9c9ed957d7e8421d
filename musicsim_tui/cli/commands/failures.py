"""`musicsim-tui failures`: what could not be heard, why, and what to do."""

from __future__ import annotations

from musicsim_tui.cli import output
from musicsim_tui.cli.options import CURRENT, global_options
from musicsim_tui.cli.session import open_services


@global_options
def failures() -> None:
    """List files that could not be heard, why, and what to do."""
    with open_services() as (services, _):
        found = services.catalog.failures()
    if CURRENT.json:
        output.emit(
            {
                "failures": [
                    {
                        "path": str(failure.path),
                        "stage": failure.stage,
                        "reason": failure.reason,
                        "hint": failure.hint,
                        "at": failure.at,
                        "attempts": failure.attempts,
                    }
                    for failure in found
                ]
            }
        )
        return
    if not found:
        output.say("No failures.")
        return
    for failure in found:
        output.say(output.plain(failure.path))
        output.say(f"    {output.plain(failure.reason)} {output.plain(failure.hint)}")
    output.note("musicsim-tui ingest --retry-failed tries them again.")
