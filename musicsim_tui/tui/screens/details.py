"""Everything known about a track."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from textual.binding import Binding
from textual.containers import VerticalScroll
from textual.content import Content
from textual.widgets import Static

from musicsim_tui.tui.screens.boxes import Box, frame, words
from musicsim_tui.tui.text import shown
from musicsim_tui.tui.widgets.waveform import outline
from musicsim_tui.wording import clock

if TYPE_CHECKING:
    from textual.app import ComposeResult
    from textual.binding import BindingType

    from musicsim_tui.jobs import CancelToken
    from musicsim_tui.library.catalog import Catalog
    from musicsim_tui.library.records import TrackRow
    from musicsim_tui.track import Sound, TrackId
    from musicsim_tui.tui.glyphs import Glyphs

_LABEL_CELLS = 12
_BAR_CELLS = 12
_MOST_SOUNDS = 8
_WAVE_ROWS = 3
_LONGEST_NAME = 200


@dataclass(frozen=True, slots=True)
class TrackFacts:
    """What the catalog knows of a track: its row, its outline, and what each model heard in it."""

    row: TrackRow
    waveform: bytes
    loudness: float | None
    sounds: dict[str, tuple[Sound, ...]]


def gather(catalog: Catalog, track: TrackId) -> TrackFacts | None:
    """The facts of a track; None when it has gone. Raises CatalogError."""
    row = catalog.track(track)
    if row is None:
        return None
    return TrackFacts(
        row,
        catalog.waveform(track) or b"",
        catalog.loudness(track),
        {use.model.name: catalog.sounds([track], use.model).get(track, ()) for use in catalog.models()},
    )


class DetailsScreen(Box[None]):
    """Tags, outline, sounds and files of a track."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("i,q,enter", "close", "Close", show=False)]

    def __init__(self, track: TrackId) -> None:
        super().__init__()
        self._track = track

    def compose(self) -> ComposeResult:
        with frame("Details"):
            with VerticalScroll(id="details-text"):
                yield Static(Content("Looking it up"), id="facts")
            yield words("escape closes", classes="hint")

    def on_mount(self) -> None:
        catalog = self.host.bridge.services.catalog

        def work(_token: CancelToken) -> TrackFacts | None:
            return gather(catalog, self._track)

        self.host.bridge.ask("details", work, self._show)

    def _show(self, facts: TrackFacts | None) -> None:
        if not self.is_mounted:
            return
        target = self.query_one("#facts", Static)
        if facts is None:
            target.update(Content("This track has left the library meanwhile."))
        else:
            width = max(20, self.query_one("#details-text").size.width - 4)
            target.update(facts_text(facts, width, self.host.glyphs))


def facts_text(facts: TrackFacts, width: int, glyphs: Glyphs) -> Content:
    """The facts as a page of text, the outline `width` cells wide."""
    track = facts.row.track
    tags = track.tags
    lines = [Content.styled(_short(track.title), "bold $primary")]
    by = f" {glyphs.dot} ".join(_short(part) for part in (tags.artist, tags.album, tags.year) if part)
    if by:
        lines.append(Content(by))
    if facts.waveform:
        lines.append(Content(""))
        lines += [
            Content.styled(line, "$secondary") for line in outline(facts.waveform, width, _WAVE_ROWS, glyphs)
        ]
    lines.append(Content(""))
    pairs = [
        ("Length", clock(track.duration)),
        ("Loudness", f"{facts.loudness:.1f} dB" if facts.loudness is not None else ""),
        ("Added", time.strftime("%Y-%m-%d %H:%M", time.localtime(track.added))),
        ("Heard with", ", ".join(facts.row.models)),
        ("State", "every file is missing" if track.missing else ""),
    ]
    lines += [_pair(label, text) for label, text in pairs if text]
    for number, path in enumerate(track.paths):
        lines.append(
            _pair(
                "Files" if len(track.paths) > 1 and not number else "File" if not number else "", shown(path)
            )
        )
    for name, sounds in facts.sounds.items():
        lines += [Content(""), Content.styled(f"Sounds that {name} hears", "bold $primary")]
        if not sounds:
            why = "It knows no names of sounds." if name == "builtin" else "None stands out."
            lines.append(Content.styled(why, "$foreground-muted"))
        for sound in sounds[:_MOST_SOUNDS]:
            bar = glyphs.bar(sound.score, _BAR_CELLS)
            lines.append(
                Content.assemble(
                    f"{shown(sound.label)[:30]:<30} ",
                    (f"{bar:<{_BAR_CELLS}}", "$secondary"),
                    (
                        f"  {round(100 * sound.score):>3}%  strongest at {clock(sound.start)}",
                        "$foreground-muted",
                    ),
                )
            )
    return Content("\n").join(lines)


def _short(text: object) -> str:
    """A few lines at most: what is longer is damage, not a name."""
    line = shown(text)
    return line if len(line) <= _LONGEST_NAME else f"{line[:_LONGEST_NAME]} ..."


def _pair(label: str, text: str) -> Content:
    return Content.assemble((f"{label:<{_LABEL_CELLS}}", "$foreground-muted"), text)
