"""A report for somebody who helps: what works, how it is set, what failed, without what is private."""

from __future__ import annotations

import getpass
import os
import re
import time
from collections import Counter
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from musicsim_tui.errors import MusicSimError
from musicsim_tui.settings import ENVIRONMENT_NAMES, SECRETS
from musicsim_tui.wording import plain

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from musicsim_tui.library.catalog import Catalog
    from musicsim_tui.settings import Settings
    from musicsim_tui.upkeep.doctor import Check

HIDDEN = "(hidden)"
LOG_LINES = 100
"""A report has to fit into what a terminal takes for the clipboard: some tens of kilobytes."""
_LONGEST_LINE = 300
_MOST_KINDS = 20
_TAIL_BYTES = 256 * 1024
_LEAST_NAME = 3

_USER_FOLDER = re.compile(r"(?P<above>/(?:home|Users)/|\\Users\\)[^/\\\s'\":]+")
_CREDENTIALS = re.compile(r"://[^/\s'\"]*@")
_QUERY = re.compile(r"(?P<address>[a-z][a-z0-9+.-]*://[^\s?'\"<>]+)\?[^\s'\"<>]+", re.IGNORECASE)
_BEARER = re.compile(r"\b(?P<word>bearer|basic)\s+[^\s'\",]+", re.IGNORECASE)
_NAMED_SECRET = re.compile(
    r"(?P<name>(?:token|api[-_]?key|passw(?:or)?d|secret|authorization|cookies?)['\"]?\s*[:=]\s*['\"]?)"
    r"[^\s'\",;&]+",
    re.IGNORECASE,
)


class Redaction:
    """Takes out of a text what is nobody else's business: secrets, the home folder, the person's name."""

    def __init__(self, secrets: Iterable[str], home: Path, user: str = "") -> None:
        spelled = {part for secret in secrets if secret for part in (secret, quote(secret, safe=""))}
        self._secrets = sorted(spelled, key=len, reverse=True)
        folders = {str(home), os.path.realpath(home)}
        folders |= {quote(folder) for folder in folders}
        self._homes = [
            re.compile(rf"{re.escape(folder)}(?![\w.-])")
            for folder in sorted(folders, key=len, reverse=True)
            if len(folder) > 1
        ]
        self._user = (
            re.compile(rf"(?<=[/\\]){re.escape(user)}(?=[/\\]|\b)") if len(user) >= _LEAST_NAME else None
        )

    def __call__(self, text: str) -> str:
        for secret in self._secrets:
            text = text.replace(secret, HIDDEN)
        text = _CREDENTIALS.sub(f"://{HIDDEN}@", text)
        text = _QUERY.sub(rf"\g<address>?{HIDDEN}", text)
        text = _BEARER.sub(rf"\g<word> {HIDDEN}", text)
        text = _NAMED_SECRET.sub(rf"\g<name>{HIDDEN}", text)
        for home in self._homes:
            text = home.sub("~", text)
        text = _USER_FOLDER.sub(r"\g<above>(user)", text)
        return self._user.sub("(user)", text) if self._user is not None else text


def redaction_for(settings: Settings) -> Redaction:
    """What to take out for the person who runs this program."""
    try:
        user = getpass.getuser()
    except (KeyError, OSError):  # a user without a name
        user = ""
    return Redaction(_secrets(settings), _home(), user)


def _home() -> Path:
    try:
        return Path.home()
    except RuntimeError:  # a user without a home folder
        return Path(os.sep)


def _secrets(settings: Settings) -> list[str]:
    values = [str(getattr(settings, name)) for name in SECRETS if getattr(settings, name)]
    return values + [value for name in SECRETS if (value := os.environ.get(ENVIRONMENT_NAMES[name]))]


def log_tail(path: Path, lines: int) -> list[str]:
    """The last lines of the log, each fit to be shown; none where there is no log."""
    try:
        with path.open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(0, size - _TAIL_BYTES))
            content = file.read(_TAIL_BYTES)
    except OSError:
        return []
    found = content.decode("utf-8", errors="replace").split("\n")
    if size > _TAIL_BYTES:
        found = found[1:]  # its beginning was cut off
    return [plain(line.expandtabs(4)) for line in found if line.strip()][-lines:]


def write_report(settings: Settings, checks: Sequence[Check], catalog: Callable[[], Catalog]) -> str:
    """The report as text, without what `Redaction` takes out. Never raises."""
    redact = redaction_for(settings)
    parts = [
        _heading(),
        "",
        "Checks",
        *_checked(checks),
        "",
        "Settings",
        *_set(settings),
        "",
        "Failures",
        *_failed(catalog),
        "",
        f"Log, its last {LOG_LINES} lines",
        *(f"  {line[:_LONGEST_LINE]}" for line in log_tail(settings.log_path, LOG_LINES) or ["empty"]),
    ]
    return "\n".join(redact(plain(line)) for line in parts) + "\n"


def _heading() -> str:
    try:
        version = metadata.version("musicsim-tui")
    except metadata.PackageNotFoundError:
        version = "of unknown version"
    when = time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime())
    terminal = " ".join(os.environ.get(name, "") for name in ("TERM", "COLORTERM", "LANG")).split()
    return f"musicsim-tui {version}, {when}, terminal {' '.join(terminal) or 'unknown'}"


def _checked(checks: Sequence[Check]) -> Iterable[str]:
    for check in checks:
        yield f"  {check.state:<5} {check.name}: {check.detail}"
        if check.hint:
            yield f"        {check.hint}"


def _set(settings: Settings) -> Iterable[str]:
    for name, value in settings.shown().items():
        if value is not None:
            yield f"  {ENVIRONMENT_NAMES[name]} = {value} ({settings.sources.get(name, 'default')})"


def _failed(catalog: Callable[[], Catalog]) -> Iterable[str]:
    """Failures by kind: names of files and titles stay out."""
    try:
        found = catalog()
        kinds = Counter(
            f"{failure.stage}: {_without(failure.reason, failure.path)} ({failure.path.suffix or 'a folder'})"
            for failure in found.failures()
        )
        kinds.update(f"fetch: {entry.source.reason}" for entry in found.playlists.failures())
    except MusicSimError as error:
        return [f"  not known: {error.title}"]
    lines = [f"  {number} x {kind}" for kind, number in kinds.most_common(_MOST_KINDS)]
    rest = len(kinds) - len(lines)
    return [*lines, f"  and {rest} other kinds"] if rest > 0 else lines or ["  none"]


def _without(reason: str, path: Path) -> str:
    """The reason without the names of its file; a name that is an ordinary word goes only where it is quoted
    or part of a path."""
    for name in (str(path), path.name):
        reason = reason.replace(name, "(file)") if len(name) > len(path.stem) else reason
    if not path.stem:
        return reason
    stem = re.escape(path.stem)
    if path.stem.isalnum():
        quoted = rf"(?<=['\"\u2018\u201c/\\]){stem}(?=['\"\u2019\u201d/\\.])"
        return re.sub(quoted, "(file)", reason)
    return re.sub(rf"(?<!\w){stem}(?!\w)", "(file)", reason)
