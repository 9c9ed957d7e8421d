"""`musicsim-tui doctor`: what works, what does not, how to fix it."""

from __future__ import annotations

from musicsim_tui.cli import output
from musicsim_tui.cli.options import CURRENT, global_options
from musicsim_tui.cli.session import ExitWith, open_services


@global_options
def doctor() -> None:
    """Check every part: what works, what does not, how to fix it."""
    with open_services(diagnosing=True) as (services, _):
        checks = services.diagnose()
    if CURRENT.json:
        output.emit(
            {
                "checks": [
                    {"name": check.name, "state": check.state, "detail": check.detail, "hint": check.hint}
                    for check in checks
                ]
            }
        )
    else:
        for check in checks:
            output.say(f"{check.state:<5} {check.name}: {output.plain(check.detail)}")
            if check.hint:
                output.say(f"      {output.plain(check.hint)}")
    if any(check.state == "fail" for check in checks):
        raise ExitWith(1)
