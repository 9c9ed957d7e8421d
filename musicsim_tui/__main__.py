"""Entry point of `musicsim-tui` and `python -m musicsim_tui`.

Imports next to nothing by itself: until `main` runs, a Ctrl-C ends in a traceback.
"""

from __future__ import annotations

import os
import sys

from musicsim_tui.errors import STOPPED


def main() -> None:
    """Run the command line and leave with its exit code.

    While the modules load a handler ends the process: a KeyboardInterrupt might be lost there, where code
    from outside calls back into Python.
    """
    try:
        import signal

        for name in ("stdout", "stderr"):
            if getattr(sys, name) is None:  # started with that stream closed, as daemons are
                setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115
        heeds = signal.getsignal(signal.SIGINT) is signal.default_int_handler  # not so under nohup
        if heeds:
            signal.signal(signal.SIGINT, lambda *_: _end_as_stopped())
        from musicsim_tui.cli.main import load, run

        load(sys.argv[1:])
        if heeds:
            signal.signal(signal.SIGINT, signal.default_int_handler)
    except KeyboardInterrupt:
        _end_as_stopped()
    try:
        run()
    except KeyboardInterrupt:
        os._exit(130)


def _end_as_stopped() -> None:
    """What the command line does for a later Ctrl-C, without any module that may be half loaded."""
    as_json = "--json" in sys.argv[1:]
    words = f'{{"error": {{"title": "{STOPPED.title}", "hint": "{STOPPED.hint}"}}}}'
    stream = sys.stdout if as_json else sys.stderr
    try:
        stream.write(f"{words if as_json else STOPPED.title}\n")
        stream.flush()
    finally:  # nobody may be there to hear it
        os._exit(130)


if __name__ == "__main__":
    main()
