"""How the app ends: at a key, at a signal, by mistake."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from musicsim_tui.errors import MusicSimError
from musicsim_tui.tui.actions import OPEN_DEMO, DemoWanted
from musicsim_tui.tui.fetching import FetchingActions
from musicsim_tui.tui.palette import Palette
from musicsim_tui.tui.state import AppState, StateFile

if TYPE_CHECKING:
    from collections.abc import Iterable

    from textual.app import SystemCommand
    from textual.screen import Screen

log = logging.getLogger(__name__)

_TERMINAL_SECONDS = 2.0
"""How often it is seen whether the terminal is still there."""
_STDIN = 0


class Ending(FetchingActions):
    """Leaving: what is remembered, what is asked, what is told."""

    state_file: StateFile
    heeds_signals = False
    """Whether it has the process, and its signals, to itself."""
    failure: MusicSimError | None = None
    """What ended the app, for whoever gives the terminal back: what Textual prints itself goes to the log."""
    _drawn = False
    """Whether there is a screen to lose."""
    began = False
    """Whether the library has been drawn, and what was not finished goes on."""
    _state: AppState
    _asked_to_leave = False

    def action_leave(self) -> None:
        cut = [
            word
            for word, cuts in (("fetched", self.downloading.cuts), ("heard", self.hearing.running))
            if cuts
        ]
        if not cut:
            self.leave()
            return
        if self._asked_to_leave:
            return
        from musicsim_tui.tui.screens.question import Question

        question = Question(
            f"Quit while music is {' and '.join(cut)}?",
            "What is finished is kept; the rest goes on at the next start.",
            "Quit",
            "Stay",
        )
        self._asked_to_leave = True

        def take(sure: bool | None) -> None:
            self._asked_to_leave = False
            if sure:
                self.leave()

        self.push_screen(question, take)

    async def action_quit(self) -> None:
        self.action_leave()

    def action_help_quit(self) -> None:
        self.say(f"{self.key('quit')} quits")

    def leave(self, *, result: str | None = None, code: int = 0) -> None:
        """Remember where we are, ask every job to end, give the terminal back.

        A signal may come before there is a screen to remember: whoever leaves leaves, whatever falls over.
        """
        self.leaving = True
        for step in (self.remember, self.preview.stop, self.crate.flush, self.bridge.runner.cancel_all):
            try:
                step()
            except Exception:
                log.exception("while leaving")
        self.exit(result, return_code=code)

    def on_demo_wanted(self, _message: DemoWanted) -> None:
        self.leave(result=OPEN_DEMO)

    def remember(self, *, at_once: bool = False) -> None:
        """Keep in the state file where we are, and what is not finished.

        It is written on another thread, for there may be very many marks; before this returns when there may
        be no time left, `at_once`. Before there is a screen, nothing is new.
        """
        if not self._drawn:
            return
        listing = self.main.library.listing
        state = replace(
            self._state,
            view=self.view_name,
            filter=listing.filter,
            sort=listing.sort,
            descending=listing.descending,
            theme=self.theme,
            volume=self.preview.volume,
            crate=self.crate.name,
        )
        if self.main.is_complete:
            search = self.main.search
            state = replace(
                state,
                trail=tuple(query.as_text() for query in search.trail),
                trail_at=search.at,
                playlist=self.downloads.wanted,
            )
        if self.began:
            unfinished = self.hearing.unfinished
            state = replace(
                state,
                unfinished=None if unfinished is None else tuple(map(str, unfinished)),
                paused=self.hearing.paused,
                downloads_paused=self.downloading.paused,
            )
        tracks, entries = self.marks.tracks, self.entry_marks.keys
        write = self.state_file.writing(
            lambda: replace(state, marks=tuple(map(str, tracks)), entry_marks=tuple(map(str, entries)))
        )
        if at_once or self.leaving:
            write()
        else:
            self.bridge.ask("state", lambda _token: write(), lambda _kept: None)

    def open_crate(self, name: str) -> None:
        super().open_crate(name)
        self.remember()

    def catch_signals(self) -> None:
        """Let signals end the app as its key does, from before it draws: the terminal is given back."""
        if not self.heeds_signals:
            return
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, partial(self.leave, code=128 + number))
        loop.add_signal_handler(signal.SIGHUP, self._hang_up)
        self.set_interval(_TERMINAL_SECONDS, self._look_at_terminal)

    def _look_at_terminal(self) -> None:
        """Not every terminal that goes away sends a signal: one that controls no session sends none."""
        if not os.isatty(_STDIN):
            self._hang_up()

    def _hang_up(self) -> None:
        """Leave without the terminal where it is gone: writing to it would wait for ever."""
        if os.isatty(_STDIN):
            self.leave(code=128 + signal.SIGHUP)
            return
        from musicsim_tui.tui.run import end_at_once

        self.remember(at_once=True)
        end_at_once(self, 128 + signal.SIGHUP)

    def action_command_palette(self) -> None:
        """Open the palette over a view: what it offers is done there, not in a box."""
        if self.screen is self.main:
            self.push_screen(Palette())

    def get_system_commands(self, screen: Screen[object]) -> Iterable[SystemCommand]:
        for command in super().get_system_commands(screen):
            if command.title == "Theme":
                yield command

    def _handle_exception(self, error: Exception) -> None:
        """What falls over while the app ends, as a view does that is mounted at this moment, changes neither
        the exit code nor what the person reads."""
        if self.leaving:
            log.error("while leaving", exc_info=error)
            self._close_messages_no_wait()
        else:
            super()._handle_exception(error)

    def _fatal_error(self) -> None:
        """What nobody foresaw: words for the person, the traceback for the log."""
        log.exception("unexpected")
        try:
            self.remember(at_once=True)
        except Exception:  # what broke may be what is to be remembered
            log.exception("the state cannot be kept")
        self.failure = MusicSimError(
            "Something unexpected went wrong in the app.",
            "What was finished is kept. The log has the details; musicsim-tui doctor helps.",
        )
        self.panic()
