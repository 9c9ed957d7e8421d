"""Entry point of `musicsim-tui` and `python -m musicsim_tui`."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import sys
from typing import TYPE_CHECKING

from musicsim_tui.errors import STOPPED

if TYPE_CHECKING:
    from collections.abc import Iterator


def main() -> None:
    """Run the command line and leave with its exit code."""
    try:
        for name in ("stdout", "stderr"):
            if getattr(sys, name) is None:  # started with that stream closed, as daemons are
                setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115
        with _ended_by_ctrl_c():
            from musicsim_tui.cli.main import run

        run()
    except KeyboardInterrupt:
        os._exit(130)


@contextlib.contextmanager
def _ended_by_ctrl_c() -> Iterator[None]:
    """End at once, with the last word of a stopped command, while its modules load.

    A KeyboardInterrupt might be lost there: whoever calls back into Python from outside swallows it.
    """
    if signal.getsignal(signal.SIGINT) is not signal.default_int_handler:  # ignored, as under nohup
        yield
        return
    signal.signal(signal.SIGINT, lambda *_: _say_stopped_and_exit())
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def _say_stopped_and_exit() -> None:
    with contextlib.suppress(OSError, ValueError):  # nobody may be there to hear it
        if "--json" in sys.argv[1:]:
            words = {"error": {"title": STOPPED.title, "hint": STOPPED.hint}}
            print(json.dumps(words), flush=True)
        else:
            print(STOPPED.title, file=sys.stderr, flush=True)
    os._exit(130)


if __name__ == "__main__":
    main()
