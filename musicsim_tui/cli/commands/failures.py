"""`musicsim-tui failures`: what could not be heard or fetched, or is flawed, why, and what to do."""

from __future__ import annotations

from musicsim_tui.cli import output
from musicsim_tui.cli.current import CURRENT
from musicsim_tui.cli.download_report import failure_as_json
from musicsim_tui.cli.options import global_options
from musicsim_tui.cli.session import open_services


@global_options
def failures() -> None:
    """List what could not be heard or fetched, why, and what to do."""
    with open_services() as (services, _):
        found = services.catalog.failures()
        heard_of = {failure.path for failure in found}
        unfetched = [entry for entry in services.catalog.playlists.failures() if entry.path not in heard_of]
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
                + [failure_as_json(entry) for entry in unfetched]
            }
        )
        return
    if not found and not unfetched:
        output.say("No failures.")
        return
    for failure in found:
        output.say(output.plain(failure.path))
        output.say(f"    {output.plain(failure.reason)} {output.plain(failure.hint)}")
    for entry in unfetched:
        output.say(output.plain(f"{entry.title}  {entry.source.url}"))
        output.say(f"    {output.plain(entry.reason)} {output.plain(entry.hint)}")
    if not all(failure.heard for failure in found):
        output.note("musicsim-tui ingest --retry-failed tries the files again.")
    if unfetched:
        output.note("musicsim-tui download --retry tries the downloads again.")
