"""What is being heard: live while it happens, the remembered folders when nothing does."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, ClassVar

from textual.containers import VerticalScroll
from textual.content import Content
from textual.widgets import Static

from musicsim_tui.tui.keymap import BY_ID, Where, bindings, main_key
from musicsim_tui.tui.screens.view import View
from musicsim_tui.tui.text import cells, fit, safe, shown
from musicsim_tui.tui.widgets.waveform import outline
from musicsim_tui.wording import clock, count, duration_words

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from textual.app import ComposeResult
    from textual.binding import BindingType
    from textual.widget import Widget

    from musicsim_tui.ingest.report import IngestProgress, IngestSummary
    from musicsim_tui.library.records import Failure, Root
    from musicsim_tui.tui.hearing import Hearing, HearingState

_MOST_FAILURES = 50
_GRAPH_ROWS = 3


def job_words(hearing: Hearing, dot: str) -> str:
    """The job in half a line, for the bottom of every screen."""
    if not hearing.running:
        return ""
    state = hearing.state
    if hearing.stopping:
        return "stopping; what is finished is kept"
    if state is None or (state.step and state.heard is None):
        return "getting ready" if state is None or not state.step else state.step.split(" and ")[0]
    heard = state.heard
    if heard is None or state.step:
        return "updating the search"
    left = f"{dot} {duration_words(heard.seconds_left)} left" if heard.seconds_left is not None else ""
    verb = "paused" if hearing.paused else "hearing"
    failed = f"{dot} {heard.failed} failed" if heard.failed else ""
    return " ".join(part for part in (f"{verb} {heard.done:,}/{heard.total:,}", left, failed) if part)


class IngestView(View):
    """The job, its pace and its failures; or what can be started."""

    BINDINGS: ClassVar[list[BindingType]] = bindings(Where.INGEST)

    def __init__(self, id: str) -> None:  # noqa: A002 - Textual's own name
        super().__init__(id=id)
        self._roots: Sequence[Root] = ()
        self._offline: Sequence[Path] = ()
        self._failures: Sequence[Failure] = ()
        self._failed_seen = -1

    def compose(self) -> ComposeResult:
        with VerticalScroll(id="ingest-page"):
            yield Static(id="ingest-head", markup=False)
            yield Static(id="ingest-live", markup=False)
            yield Static(id="ingest-failures", markup=False)
            yield Static(id="ingest-roots", markup=False)

    def on_mount(self) -> None:
        self._draw()

    def landing(self) -> Widget:
        return self.query_one("#ingest-page")

    def shown_again(self) -> None:
        self._look_up()
        self._draw()

    def catalog_changed(self) -> None:
        self._look_up()

    def hearing_changed(self) -> None:
        hearing = self.host.hearing
        heard = hearing.state.heard if hearing.state is not None else None
        failed = heard.failed if heard is not None else 0
        if not hearing.running or failed != self._failed_seen or not self._roots:
            self._failed_seen = failed
            self._look_up()
        self._draw()

    def on_resize(self) -> None:
        self._draw()

    def _look_up(self) -> None:
        catalog = self.host.bridge.services.catalog

        def take(found: tuple[list[Root], list[Failure]]) -> None:
            self._roots, failures = found
            self._failures = sorted(failures, key=lambda failure: -failure.at)
            self._draw()

        self.host.bridge.ask("folders", lambda _token: (catalog.roots(), catalog.failures()), take)

    def set_offline(self, roots: Sequence[Path]) -> None:
        """These folders cannot be reached."""
        self._offline = roots
        self._draw()

    # Drawing

    def _draw(self) -> None:
        if not self.is_mounted or self.host.view_name != self.id:
            return
        hearing = self.host.hearing
        width = max(40, self.size.width - 6)
        head, live = self.query_one("#ingest-head", Static), self.query_one("#ingest-live", Static)
        state = hearing.state
        if hearing.running:
            head.update(self._running_head(hearing))
            live.update(self._live(state, width))
        else:
            head.update(self._idle_head(hearing))
            live.update("")
        live.display = hearing.running
        self._draw_failures(width)
        self._draw_roots(width)

    def _running_head(self, hearing: Hearing) -> Content:
        if hearing.stopping:
            return Content.styled("Stopping. What is finished is kept.", "bold")
        state = hearing.state
        if hearing.paused and state is not None and state.heard is not None:
            if state.heard.decoding:
                return Content.styled("Pausing. What is begun is finished first.", "bold $primary")
            return Content.assemble(
                ("Paused. ", "bold $primary"),
                "What is finished is kept; ",
                (self.key("pause"), "$accent"),
                " goes on.",
            )
        words = state.step if state is not None and state.step else "Hearing your music"
        return Content.styled(words[:1].upper() + words[1:], "bold $primary")

    def _idle_head(self, hearing: Hearing) -> Content:
        if hearing.error is not None:
            return Content.assemble(safe(hearing.error.title, "bold $error"), "\n", safe(hearing.error.hint))
        if hearing.summary is not None:
            return Content.assemble(
                ("Done. " if not hearing.summary.cancelled else "Stopped. ", "bold $primary"),
                _summary_words(hearing.summary),
            )
        keys = {name: main_key(BY_ID[name], self.host.keys) for name in ("folder", "open", "rescan")}
        return Content.assemble(
            ("Nothing is being heard.\n\n", "bold"),
            (keys["folder"], "$accent"),
            " picks a folder to hear, ",
            (keys["open"], "$accent"),
            " takes a typed or pasted path, ",
            (keys["rescan"], "$accent"),
            " looks for what is new.",
        )

    def _live(self, state: HearingState | None, width: int) -> Content:
        heard = state.heard if state is not None else None
        if state is None or heard is None:
            return Content("")
        glyphs = self.host.glyphs
        share = heard.done / heard.total if heard.total else 1.0
        figures = f"{heard.done:,} of {heard.total:,}"
        room = width - cells(figures) - 2
        bar = glyphs.bar(share, room)
        lines = [
            Content.assemble(
                (bar, "$primary"), (glyphs.track * (room - cells(bar)), "$surface-lighten-2"), f"  {figures}"
            ),
            Content(_figures(heard, glyphs.dot)),
            Content(""),
        ]
        if len(state.paces) > 1:
            graph = outline(state.paces[-width:], min(width, len(state.paces)), _GRAPH_ROWS, glyphs)
            label = f"{max(state.paces):,.0f}x realtime at most"
            lines += [Content.styled(line, "$secondary") for line in graph]
            lines += [Content.styled(label, "$foreground-muted"), Content("")]
        if heard.decoding:
            lines.append(Content.styled("Reading now", "$foreground-muted"))
            lines += [
                Content(f"  {fit(shown(name), width - 2, ellipsis=glyphs.ellipsis)}")
                for name in heard.decoding
            ]
        return Content("\n").join(lines)

    def _draw_failures(self, width: int) -> None:
        target = self.query_one("#ingest-failures", Static)
        failures = self._failures
        if self.host.hearing.running:
            failures = [failure for failure in failures if failure.at >= self.host.hearing.started - 1]
        target.display = bool(failures)
        if not failures:
            return
        lines = [Content.styled(_failures_title(failures), "bold $warning")]
        for failure in failures[:_MOST_FAILURES]:
            lines.append(Content(f"  {fit(shown(failure.path.name), width - 2)}"))
            lines.append(
                Content.styled(f"    {shown(failure.reason)} {shown(failure.hint)}", "$foreground-muted")
            )
        if len(failures) > _MOST_FAILURES:
            lines.append(
                Content.styled(f"  and {len(failures) - _MOST_FAILURES:,} more", "$foreground-muted")
            )
        target.update(Content("\n").join(lines))

    def _draw_roots(self, width: int) -> None:
        target = self.query_one("#ingest-roots", Static)
        target.display = bool(self._roots) or not self.host.hearing.running
        lines = [Content.styled("Remembered folders", "bold $primary")]
        for root in self._roots:
            when = _when(root, offline=root.path in self._offline)
            path = fit(shown(root.path), max(10, width - cells(when) - 4), ellipsis=self.host.glyphs.ellipsis)
            lines.append(Content.assemble(f"  {path}  ", (when, "$foreground-muted")))
        if not self._roots:
            lines.append(Content.styled("  none yet", "$foreground-muted"))
        target.update(Content("\n").join(lines))

    # Actions

    def action_cancel_job(self) -> None:
        self.host.hearing.cancel()

    def action_pause_job(self) -> None:
        if self.host.hearing.running:
            self.host.hearing.toggle_pause()
        else:
            self.host.say("Nothing is being heard.")

    def action_retry(self) -> None:
        if self._failures or not self.host.hearing.running:
            self.host.hear((), retry_failed=True)


def _failures_title(failures: Sequence[Failure]) -> str:
    flawed = sum(failure.heard for failure in failures)
    unheard = len(failures) - flawed
    words = [f"{count(unheard, 'file')} could not be heard"] if unheard else []
    if flawed:
        words.append(f"{count(flawed, 'file')} heard with a flaw")
    return ", ".join(words)


def _figures(heard: IngestProgress, dot: str) -> str:
    parts = [f"{heard.realtime_factor:,.0f}x realtime", f"{clock(heard.audio_seconds)} of music heard"]
    if heard.seconds_left is not None:
        parts.append(f"{duration_words(heard.seconds_left)} left")
    parts.append(f"{heard.added:,} added")
    if heard.failed:
        parts.append(f"{heard.failed:,} failed")
    return f" {dot} ".join(parts)


def _summary_words(summary: IngestSummary) -> str:
    words = [
        f"{count(summary.added, 'track')} added in {duration_words(summary.seconds)}, "
        f"{summary.skipped:,} known already, {summary.failed:,} failed."
    ]
    if summary.missing:
        words.append(f"{gone_words(summary.missing)} in the Library.")
    words += [f"{shown(path)} is offline: nothing under it was touched." for path, _ in summary.offline]
    return "\n".join(words)


def gone_words(files: int) -> str:
    """How many files are gone, and where their tracks are still seen."""
    verb, them = ("is", "it") if files == 1 else ("are", "them")
    return f"{count(files, 'file')} {verb} gone from the disk; missing:any shows {them}"


def _when(root: Root, *, offline: bool) -> str:
    if offline:
        return "offline"
    if root.scanned is None:
        return "not looked through yet"
    return f"looked through {time.strftime('%Y-%m-%d %H:%M', time.localtime(root.scanned))}"
