"""Trouble: what failed and what helps, the log, a check of every part, a report for those who help."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from textual import on
from textual.content import Content
from textual.widgets import Static

from musicsim_tui.tui.keymap import Where, bindings
from musicsim_tui.tui.screens.view import View
from musicsim_tui.tui.text import safe, shown
from musicsim_tui.tui.trouble import Trouble, gather_troubles
from musicsim_tui.tui.widgets.columns import Column
from musicsim_tui.tui.widgets.lines import Pieces
from musicsim_tui.tui.widgets.page import Page
from musicsim_tui.tui.widgets.rows import ListedRows
from musicsim_tui.tui.widgets.track_table import TrackTable
from musicsim_tui.wording import count

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from textual.app import ComposeResult
    from textual.binding import BindingType
    from textual.timer import Timer
    from textual.widget import Widget

    from musicsim_tui.errors import MusicSimError
    from musicsim_tui.jobs import CancelToken
    from musicsim_tui.upkeep.doctor import Check

PARTS = {"failures": "Failures", "log": "Log", "doctor": "Doctor", "report": "Report"}
LOG_LINES = 500
REPORT_NAME = "report.txt"
_LOG_SECONDS = 2.0
_SIGNS = {"ok": ("ok  ", "$success"), "warn": ("warn", "$warning"), "fail": ("FAIL", "$error")}
_CHECKING = "Checking every part; a large library takes a while ..."


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """What was found when every part was checked, and the report made of it."""

    checks: Sequence[Check]
    report: str


class TroubleView(View):
    """Four parts, one of them in front."""

    BINDINGS: ClassVar[list[BindingType]] = bindings(Where.TROUBLE)

    def __init__(self, id: str) -> None:  # noqa: A002 - Textual's own name
        super().__init__(id=id)
        self.part = "failures"
        self.came_from = "library"
        self._troubles: Sequence[Trouble] | None = None
        self._diagnosis: Diagnosis | None = None
        self._log: Sequence[str] | None = None
        self._looking: Timer | None = None

    def compose(self) -> ComposeResult:
        yield Pieces(id="trouble-parts")
        yield TrackTable[Trouble](
            self._columns(), lambda trouble: trouble.key, glyphs=self.host.glyphs, id="trouble-failures"
        )
        yield Static(id="trouble-words", markup=False)
        for part in ("log", "doctor", "report"):
            yield Page(id=f"trouble-{part}")

    def on_mount(self) -> None:
        self._show_part()
        self._looking = self.set_interval(_LOG_SECONDS, self._look_at_log, pause=True)

    @property
    def table(self) -> TrackTable[Trouble]:
        return self.query_one("#trouble-failures", TrackTable)

    def landing(self) -> Widget:
        return self.query_one(f"#trouble-{self.part}")

    def _page(self, part: str) -> Page:
        return self.query_one(f"#trouble-{part}", Page)

    def _columns(self) -> list[Column[Trouble]]:
        return [
            Column("name", "What", lambda trouble: shown(trouble.name), 20, 50, 2, 0, tone="strong"),
            Column("reason", "Why", lambda trouble: shown(trouble.reason), 24, 120, 3, 1),
            Column("tried", "Tried", lambda trouble: _when(trouble.at), 16, 16, 0, 2, tone="faint"),
        ]

    # Parts

    def _show_part(self) -> None:
        for part in PARTS:
            self.query_one(f"#trouble-{part}").display = part == self.part
        self.query_one("#trouble-words").display = self.part == "failures"
        failed = "" if self._troubles is None else f" {len(self._troubles):,}"
        cursor = self.host.glyphs.cursor
        pieces = [
            (part, cursor if part == self.part else " ", f"{word}{failed if part == 'failures' else ''}")
            for part, word in PARTS.items()
        ]
        line = self.query_one("#trouble-parts", Pieces)
        line.set_pieces(pieces, active=self.part)
        line.set_note(f"{self.key('trouble.next')} goes on")

    def show_part(self, part: str) -> None:
        """Bring a part to the front, as it is now."""
        self.part = part
        self._show_part()
        if self._looking is not None:
            (self._looking.resume if part == "log" else self._looking.pause)()
        self._look_up()
        self.host.land()

    def action_part(self, way: int) -> None:
        names = list(PARTS)
        self.show_part(names[(names.index(self.part) + way) % len(names)])

    @on(Pieces.Pressed, "#trouble-parts")
    def _part_pressed(self, event: Pieces.Pressed) -> None:
        event.stop()
        self.show_part(event.name)

    def shown_again(self) -> None:
        if len(self.host.config_problems) > 1 and not self.host.config_problems_seen:
            self.host.config_problems_seen = True
            self.part = "doctor"
        self.show_part(self.part)

    def catalog_changed(self) -> None:
        self._look_at_failures()

    def hearing_changed(self) -> None:
        if not self.host.hearing.running:
            self._look_at_failures()

    def escape(self) -> bool:
        self.host.show_view(self.came_from)
        return True

    def _look_up(self) -> None:
        self._look_at_failures()
        if self.part == "log":
            self._look_at_log()
        elif self.part in ("doctor", "report") and self._diagnosis is None:
            self._diagnose()

    # Failures

    def _look_at_failures(self) -> None:
        services = self.host.bridge.services
        self.host.bridge.ask(
            "troubles",
            lambda _token: gather_troubles(services.catalog),
            self._take_troubles,
            self._cannot_look,
        )

    def _take_troubles(self, troubles: Sequence[Trouble]) -> None:
        if troubles == self._troubles:
            return
        self._troubles = troubles
        self._show_part()
        self.table.show(ListedRows(troubles), keep=True, note="Nothing has failed.")
        self._describe()

    def _cannot_look(self, error: MusicSimError) -> None:
        self.query_one("#trouble-words", Static).update(
            Content.assemble(safe(error.title, "bold $error"), "\n", safe(error.hint))
        )

    @on(TrackTable.Highlighted)
    def _describe(self) -> None:
        """Everything about the failure at the cursor."""
        trouble = self.table.row_at_cursor
        words = self.query_one("#trouble-words", Static)
        if trouble is None:
            words.update("")
            return
        tried = f"tried {'once' if trouble.attempts == 1 else f'{trouble.attempts:,} times'}"
        retry = self.key("trouble.retry")
        state = f"{tried}; {retry} tries again"
        if trouble.heard:
            state = f"heard as it is; {retry} hears it again if it has changed"
        words.update(
            Content.assemble(
                safe(trouble.place, "bold"),
                "\n",
                safe(trouble.reason),
                "\n",
                safe(trouble.hint),
                "\n",
                (state, "$foreground-muted"),
            )
        )

    def action_retry(self) -> None:
        """Try the failure at the cursor again; in the other parts, look again."""
        trouble = self.table.row_at_cursor
        if self.part != "failures":
            self._diagnosis = None
            self._look_up()
        elif trouble is not None:
            self._retry([trouble], all_of_them=False)

    def action_retry_all(self) -> None:
        if self._troubles:
            self._retry(self._troubles, all_of_them=True)

    def _retry(self, troubles: Sequence[Trouble], *, all_of_them: bool) -> None:
        paths = [trouble.path for trouble in troubles if trouble.path is not None]
        entries = [trouble.entry for trouble in troubles if trouble.entry is not None]
        if entries:
            self.host.fetch_again(entries)
        if not paths:
            return
        if self.host.hearing.running:
            self.host.say("Music is being heard; wait until that is done, then try again.", trouble=True)
            return
        self.host.hear(() if all_of_them else paths, retry_failed=True)
        self.host.say(f"Trying {count(len(paths), 'file')} again.")

    # The log

    def _look_at_log(self) -> None:
        from musicsim_tui.upkeep.report import log_tail

        if self.host.view_name == self.id and self.part == "log":
            path = self.host.bridge.services.settings.log_path
            self.host.bridge.ask("log", lambda _token: log_tail(path, LOG_LINES), self._take_log)

    def _take_log(self, lines: Sequence[str]) -> None:
        if lines != self._log:
            self._log = lines
            path = self.host.bridge.services.settings.log_path
            text = Content("\n").join(safe(line) for line in lines)
            self._page("log").show(text if lines else safe(f"Nothing is in {path} yet."), at_end=True)

    # The doctor and the report

    def _diagnose(self) -> None:
        services = self.host.bridge.services
        self._page("doctor").show(self._with_config(Content(_CHECKING)))
        self._page("report").show(Content(_CHECKING))

        def work(token: CancelToken) -> Diagnosis:
            checks = services.diagnose()
            token.check()
            return Diagnosis(checks, services.report(checks))

        self.host.bridge.ask("doctor", work, self._take_diagnosis)

    def _take_diagnosis(self, diagnosis: Diagnosis) -> None:
        self._diagnosis = diagnosis
        self._page("doctor").show(self._with_config(_checks_text(diagnosis.checks)))
        key = self.key("trouble.copy")
        head = (
            f"{key} copies this report for somebody who helps. It has no token, no name of yours, no path of"
            " your home folder; read it before you send it."
        )
        lines = [Content.styled(head, "$foreground-muted"), Content("")]
        lines += [safe(line) for line in diagnosis.report.split("\n")]
        self._page("report").show(Content("\n").join(lines))

    def _with_config(self, rest: Content) -> Content:
        """What the app leaves out of `config.toml` stands before the checks."""
        sign, style = _SIGNS["warn"]
        lines = [
            Content.assemble((sign, style), "  ", ("config.toml", "bold"), ": ", safe(problem))
            for problem in self.host.config_problems
        ]
        return Content("\n").join([*lines, rest])

    def action_copy(self) -> None:
        """Copy what failed by its path or link; in the other parts, the report."""
        if self.part == "failures":
            trouble = self.table.row_at_cursor
            if trouble is not None:
                self.host.copy_place(trouble.place)
        elif self._diagnosis is None:
            self.host.say("The report is not ready yet.")
            self._look_up_report()
        else:
            self._copy_report(self._diagnosis.report)

    def _look_up_report(self) -> None:
        if not self.host.bridge.busy("doctor"):
            self._diagnose()

    def _copy_report(self, report: str) -> None:
        path = self.host.bridge.services.settings.data_dir / REPORT_NAME
        self.host.copy_to_clipboard(report)

        def work(_token: CancelToken) -> str:
            return _save(path, report)

        self.host.bridge.ask("report", work, self.host.say)


def _save(path: Path, report: str) -> str:
    """Keep the report in a file, for terminals that do not take what is copied; what to tell of it."""
    try:
        path.write_text(report, encoding="utf-8", errors="replace")
    except OSError as error:
        return f"Copied. It cannot be kept in {path}: {error.strerror or error}."
    return f"Copied, and kept in {path}"


def _checks_text(checks: Sequence[Check]) -> Content:
    lines = []
    for check in checks:
        sign, style = _SIGNS.get(check.state, (f"{check.state:<4}", "$foreground"))
        lines.append(
            Content.assemble((sign, style), "  ", safe(check.name, "bold"), ": ", safe(check.detail))
        )
        if check.hint:
            lines.append(Content.assemble("      ", safe(check.hint, "$foreground-muted")))
    return Content("\n").join(lines)


def _when(at: float | None) -> str:
    return "" if at is None else time.strftime("%Y-%m-%d %H:%M", time.localtime(at))
