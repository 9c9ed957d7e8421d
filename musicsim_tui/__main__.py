"""Entry point of `musicsim-tui` and `python -m musicsim_tui`."""

from __future__ import annotations

import os
import sys


def main() -> None:
    """Run the command line and leave with its exit code."""
    try:
        for name in ("stdout", "stderr"):
            if getattr(sys, name) is None:  # started with that stream closed, as daemons are
                setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115
        from musicsim_tui.cli.main import run

        run()
    except KeyboardInterrupt:
        os._exit(130)


if __name__ == "__main__":
    main()
