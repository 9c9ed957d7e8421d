"""musicsim-tui: find music that sounds alike, from the terminal."""

from __future__ import annotations

__version__ = "0.1.0"
