"""The open box: a path or a link, typed or pasted. A folder is heard, a file searched, a link listed."""

from __future__ import annotations

import os
import re
import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from textual import on
from textual.widgets import Input, Static

from musicsim_tui.errors import MusicSimError, UsageError
from musicsim_tui.paths import tidy_absolute
from musicsim_tui.tui.screens.boxes import Box, frame, words
from musicsim_tui.tui.text import safe, shown
from musicsim_tui.wording import count, size_words

if TYPE_CHECKING:
    from textual.app import ComposeResult

    from musicsim_tui.ingest.survey import Survey
    from musicsim_tui.jobs import CancelToken

_LINK = re.compile(r"https?://\S", re.IGNORECASE)
_ADDRESS = re.compile(r"(?:[a-z0-9-]+\.)+[a-z]{2,}(?::\d+)?/\S", re.IGNORECASE)
"""A link as people type it: youtu.be/..., www.example.org/list."""


@dataclass(frozen=True, slots=True)
class Opened:
    """What the box was left with: something to hear, or a file to search with."""

    path: Path
    hear: bool


@dataclass(frozen=True, slots=True)
class _Look:
    """What stands at a path."""

    path: Path
    survey: Survey | None


def read_link(text: str) -> str | None:
    """The link that was typed or pasted; None for what is a path."""
    text = text.strip().strip("<>\"'")
    if _LINK.match(text):
        return text
    if _ADDRESS.match(text) and not os.path.lexists(text):
        return f"https://{text}"
    return None


def read_path(text: str) -> Path:
    """The path that was typed, pasted or dropped: in quotes, with escaped blanks, as a `file:` address.

    Raises UsageError for a link, for nothing at all, and for the home of somebody whom nobody knows.
    """
    text = text.strip()
    if _LINK.match(text):
        raise UsageError("This is a link, not a path.", "Open it with o: its tracks are listed and fetched.")
    if text.lower().startswith("file://"):
        text = unquote(urlsplit(text).path)
    elif not os.path.lexists(os.path.expanduser(text)):
        try:
            parts = shlex.split(text)
        except ValueError:
            parts = []
        if len(parts) == 1:
            text = parts[0]
    if not text or "\0" in text:
        raise UsageError("Nothing was typed.", "Type the path of a folder or a file.")
    try:
        return tidy_absolute(Path(text).expanduser())
    except RuntimeError as error:
        raise UsageError(
            f"There is no home folder {text.split(os.sep)[0]}.",
            "Check the name after ~, or type the whole path.",
        ) from error
    except OSError as error:
        raise UsageError("The current folder is gone.", "Type a path that begins with /.") from error


class OpenBox(Box[Opened | str]):
    """Type a path, look at what is there, start; the answer is a text where that is a link."""

    def __init__(self, text: str = "", picked: Path | None = None) -> None:
        """Begin with a text, or with a path that was picked, whose name may be none that can be typed."""
        super().__init__()
        self._text = text if picked is None else shown(picked)
        self._picked = picked
        self._ready: _Look | None = None
        self._starts_at_once = False

    def compose(self) -> ComposeResult:
        with frame("Open"):
            yield Input(
                self._text, placeholder="a folder to hear, a file to search with, or a link", id="path"
            )
            yield Static(id="look", markup=False)
            yield words(f"enter looks, enter again starts; {self.key('escape')} closes", classes="hint")

    @on(Input.Changed)
    def _typed(self) -> None:
        self._ready = None
        self._starts_at_once = False
        self.host.bridge.abandon("look")
        self._say("")

    @on(Input.Submitted)
    def _submitted(self, event: Input.Submitted) -> None:
        if self._ready is not None:
            self._start(self._ready)
            return
        if self.host.bridge.busy("look"):
            self._starts_at_once = True
            self._say("Looking through it; it starts as soon as that is done ...")
            return
        services = self.host.bridge.services
        text = event.value
        picked = self._picked if text == self._text else None
        link = read_link(text) if picked is None else None
        if link is not None:
            self.dismiss(link)
            return

        def work(token: CancelToken) -> _Look:
            path = picked or read_path(text)
            if not os.path.lexists(path):
                raise UsageError(f"There is no {path}.", "Check the spelling, or mount the disk it is on.")
            if not os.path.isdir(path):
                return _Look(path, None)
            return _Look(path, services.survey([path], token))

        self._say("Looking through it ...")
        self.ask("look", work, self._looked, self._failed)

    def _looked(self, look: _Look) -> None:
        if look.survey is None:
            self.dismiss(Opened(look.path, hear=False))
            return
        found = look.survey
        if not found.files and not found.known and not found.failed:
            self._starts_at_once = False
            self._say("There is no music in this folder.", trouble=True)
            return
        if self._starts_at_once:
            self._start(look)
            return
        self._ready = look
        self._say(self._survey_words(found))

    def _survey_words(self, found: Survey) -> str:
        if not found.files:
            rest = f", {found.failed:,} failed before" if found.failed else ""
            return f"Nothing new: {count(found.known, 'track')} heard already{rest}. enter looks for changes."
        hours = found.audio_seconds / 3600
        length = f"{hours:,.1f} hours" if hours >= 1 else f"{max(1, round(found.audio_seconds / 60))} min"
        known = f" {found.known:,} more are heard already." if found.known else ""
        return (
            f"{count(found.files, 'file')} to hear, about {length} of music, {size_words(found.bytes)}."
            f"{known} enter starts."
        )

    def _failed(self, error: MusicSimError) -> None:
        self._starts_at_once = False
        self._say(f"{error.title} {error.hint}", trouble=True)

    def _start(self, look: _Look) -> None:
        self.dismiss(Opened(look.path, hear=True))

    def _say(self, text: str, *, trouble: bool = False) -> None:
        line = self.query_one("#look", Static)
        line.set_class(trouble, "-trouble")
        line.update(safe(text))
