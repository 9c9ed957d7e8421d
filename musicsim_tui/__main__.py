"""Entry point of `musicsim-tui` and `python -m musicsim_tui`."""

from __future__ import annotations


def main() -> None:
    """Run the command line and leave with its exit code."""
    from musicsim_tui.cli.main import run

    run()


if __name__ == "__main__":
    main()
