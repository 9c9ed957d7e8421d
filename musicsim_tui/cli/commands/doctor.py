"""`musicsim-tui doctor`: what works, what does not, how to fix it."""

from __future__ import annotations

from typing import Annotated

import typer

from musicsim_tui.cli import output
from musicsim_tui.cli.current import CURRENT
from musicsim_tui.cli.noise import only_our_words
from musicsim_tui.cli.options import global_options
from musicsim_tui.cli.session import ExitWith, open_services


@global_options
def doctor(
    report: Annotated[
        bool,
        typer.Option("--report", help="Print a report for somebody who helps, without what is private."),
    ] = False,
) -> None:
    """Check every part: what works, what does not, how to fix it."""
    with open_services(diagnosing=True) as (services, _), only_our_words():
        checks = services.diagnose()
        text = services.report(checks) if report else ""
    if CURRENT.json:
        output.emit(
            {
                "checks": [
                    {"name": check.name, "state": check.state, "detail": check.detail, "hint": check.hint}
                    for check in checks
                ],
                **({"report": text} if report else {}),
            }
        )
    elif report:
        output.say(text.rstrip("\n"))
    else:
        for check in checks:
            output.say(f"{check.state:<5} {check.name}: {output.plain(check.detail)}")
            if check.hint:
                output.say(f"      {output.plain(check.hint)}")
    if any(check.state == "fail" for check in checks):
        raise ExitWith(1)
