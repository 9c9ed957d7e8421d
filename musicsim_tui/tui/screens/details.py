"""Everything known about a track."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from textual import on
from textual.containers import Vertical
from textual.content import Content
from textual.widgets import Input, Static

from musicsim_tui.tui.keymap import Where, bindings
from musicsim_tui.tui.screens.boxes import Box, frame, words
from musicsim_tui.tui.text import safe, shown
from musicsim_tui.tui.widgets.page import Page
from musicsim_tui.tui.widgets.waveform import outline
from musicsim_tui.wording import clock

if TYPE_CHECKING:
    from textual.app import ComposeResult
    from textual.binding import BindingType

    from musicsim_tui.errors import MusicSimError
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
_EDITABLE = ("artist", "title")


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
    """Tags, outline, sounds and files of a track; artist and title can be changed, in its files too."""

    BINDINGS: ClassVar[list[BindingType]] = bindings(Where.DETAILS)

    def __init__(self, track: TrackId) -> None:
        super().__init__()
        self._track = track
        self._tags: dict[str, str] | None = None

    def compose(self) -> ComposeResult:
        with frame("Details"):
            yield Page("Looking it up", id="details-text")
            with Vertical(id="edit"):
                for name in _EDITABLE:
                    yield words(name.title())
                    yield Input(id=f"edit-{name}")
            yield Static(id="edit-said", markup=False)
            yield words(
                f"{self.key('escape')} closes; {self.key('details.edit')} changes artist and title",
                classes="hint",
            )

    def on_mount(self) -> None:
        self.query_one("#edit").display = False
        self._look_up()

    def _look_up(self) -> None:
        catalog = self.host.bridge.services.catalog

        def work(_token: CancelToken) -> TrackFacts | None:
            return gather(catalog, self._track)

        self.ask("details", work, self._show)

    def _show(self, facts: TrackFacts | None) -> None:
        page = self.query_one(Page)
        if facts is None:
            self._tags = None
            page.show(Content("This track has left the library meanwhile."))
        else:
            track = facts.row.track
            self._tags = {"artist": shown(track.tags.artist), "title": shown(track.title)}
            width = max(20, page.size.width - 4)
            page.show(facts_text(facts, width, self.host.glyphs))

    # Editing

    @property
    def _editing(self) -> bool:
        return any(fields.display for fields in self.query("#edit"))

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if action in ("edit", "done") and self._editing:
            return False  # the fields take these keys
        return super().check_action(action, parameters)

    def action_done(self) -> None:
        self.dismiss(None)

    def action_edit(self) -> None:
        if self._tags is None:
            return
        for name, text in self._tags.items():
            self.query_one(f"#edit-{name}", Input).value = text
        self.query_one("#edit").display = True
        self._say("enter writes both into the file, tab goes from one to the other")
        self.set_focus(self.query_one("#edit-artist"))

    @on(Input.Submitted)
    def _save(self) -> None:
        before = self._tags or {}
        typed = {name: self.query_one(f"#edit-{name}", Input).value for name in _EDITABLE}
        artist, title = (typed[name] if typed[name] != before.get(name) else None for name in _EDITABLE)
        if artist is None and title is None:
            self._close_fields()
            return
        services, track = self.host.bridge.services, self._track

        def work(token: CancelToken) -> TrackRow:
            return services.edit_tags(track, token, title=title, artist=artist)

        self._say("Writing it into the file ...")
        self.host.bridge.ask("edit", work, self._saved, self._not_saved)

    def _saved(self, _row: TrackRow) -> None:
        self.host.tracks_changed()
        if not self.has_ended:
            self._close_fields()
            self._say("Written into the file.")
            self._look_up()

    def _not_saved(self, error: MusicSimError) -> None:
        if not self.has_ended:
            self._say(f"{error.title} {error.hint}", trouble=True)
        else:
            self.host.tell_trouble(error)

    def _close_fields(self) -> None:
        self.query_one("#edit").display = False
        self._say("")
        self.set_focus(self.query_one(Page))

    def _say(self, text: str, *, trouble: bool = False) -> None:
        line = self.query_one("#edit-said", Static)
        line.set_class(trouble, "-trouble")
        line.update(safe(text))

    def action_close(self) -> None:
        if self._editing:
            self._close_fields()
        else:
            super().action_close()


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
