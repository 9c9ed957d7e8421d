"""Wiring: the one place that turns settings into working parts."""

from __future__ import annotations

from musicsim_tui.services.services import Services

__all__ = ["Services"]
