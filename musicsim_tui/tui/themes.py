"""Two themes of our own, beside those that Textual brings."""

from __future__ import annotations

from textual.theme import Theme

DARK = Theme(
    name="musicsim-dark",
    primary="#7fb4ca",
    secondary="#8aa899",
    accent="#e0af68",
    foreground="#d8dee9",
    background="#14171c",
    surface="#191d24",
    panel="#222831",
    success="#98bb6c",
    warning="#e6a75a",
    error="#e46876",
    dark=True,
)
LIGHT = Theme(
    name="musicsim-light",
    primary="#1f6f8b",
    secondary="#4f7a5d",
    accent="#9a5b00",
    foreground="#22272e",
    background="#fbfaf7",
    surface="#f3f1ec",
    panel="#e8e5dd",
    success="#4d7c2a",
    warning="#9a5b00",
    error="#b3261e",
    dark=False,
)
THEMES = (DARK, LIGHT)
