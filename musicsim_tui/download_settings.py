"""How playlists are downloaded: the table `[download]` of `config.toml`, and flags of the same names."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from musicsim_tui.errors import SettingsError, UsageError
from musicsim_tui.paths import tidy_absolute
from musicsim_tui.wording import size_words

FOLDER_IN_MUSIC = "musicsim-tui"
"""Where downloads go below the music folder, unless another folder is set."""
_LONGEST_PAUSE = 3600.0
_SIZE = re.compile(r"([0-9]+(?:\.[0-9]+)?)\s*([kmgt]?)(i?)b?", re.IGNORECASE)
_PAUSE = re.compile(r"([0-9]+(?:\.[0-9]+)?)(?:\s*(?:-|to)\s*([0-9]+(?:\.[0-9]+)?))?\s*s?", re.IGNORECASE)
_POWERS = {"": 0, "k": 1, "m": 2, "g": 3, "t": 4}


@dataclass(frozen=True, slots=True)
class DownloadSettings:
    """`folder` takes a folder for each playlist; `mp3_quality` from 0 (best) to 9; `keep_original` keeps the
    audio as the site has it; `pause` are the shortest and longest seconds between two tracks; `least_free` is
    the room in bytes that downloads leave on the disk; `yt_dlp` holds options of yt-dlp by name."""

    folder: Path
    mp3_quality: float = 2.0
    keep_original: bool = False
    pause: tuple[float, float] = (10.0, 20.0)
    least_free: int = 2_000_000_000
    yt_dlp: Mapping[str, Any] = field(default_factory=dict, repr=False)
    sources: Mapping[str, str] = field(default_factory=dict)

    def shown(self) -> dict[str, str]:
        """Every value as text. Of the options of yt-dlp only the names: a proxy may carry a password."""
        shortest, longest = self.pause
        return {
            "download.folder": str(self.folder),
            "download.mp3_quality": f"{self.mp3_quality:g}",
            "download.keep_original": "true" if self.keep_original else "false",
            "download.pause": f"{shortest:g}-{longest:g} s" if shortest != longest else f"{shortest:g} s",
            "download.least_free": size_words(self.least_free),
            "download.yt_dlp": ", ".join(sorted(self.yt_dlp)),
        }


def load_download_settings(
    flags: Mapping[str, str | None], table: object, music_dir: Path
) -> DownloadSettings:
    """Flags, by field name, before the table `[download]`, before the defaults.

    Raises UsageError for a flag and SettingsError for the table, naming the setting and its source, when a
    value makes no sense.
    """
    if table is None:
        table = {}
    if not isinstance(table, Mapping):
        raise SettingsError(
            "download in config.toml has to be a table.", "Write its settings below [download]."
        )
    unknown = sorted(set(table) - set(_PARSERS))
    if unknown:
        raise SettingsError(
            f"There is no setting download.{unknown[0]} (config.toml).", f"Use one of {', '.join(_PARSERS)}."
        )
    values: dict[str, Any] = {"folder": music_dir / FOLDER_IN_MUSIC}
    sources = {f"download.{name}": "default" for name in _PARSERS}
    for name in _PARSERS:
        if flags.get(name):
            values[name], source = _parsed(name, flags[name], "flag"), "flag"
        elif table.get(name) not in (None, ""):
            values[name], source = _parsed(name, table[name], "config.toml"), "config.toml"
        else:
            continue
        sources[f"download.{name}"] = source
    return DownloadSettings(**values, sources=sources)


def _parsed(name: str, value: object, source: str) -> object:
    try:
        return _PARSERS[name](value)
    except ValueError as error:
        kind = UsageError if source == "flag" else SettingsError
        raise kind(f"download.{name} ({source}) cannot be {value!r}.", f"{error}.") from error


def _folder(value: object) -> Path:
    if not isinstance(value, str) or "\0" in value:
        raise ValueError("Write a path in quotes")
    try:
        return tidy_absolute(Path(value).expanduser())
    except (RuntimeError, OSError) as error:
        raise ValueError("Write the path from the root on") from error


def _mp3_quality(value: object) -> float:
    hint = "Use a number from 0 (best) to 9 (smallest)"
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise ValueError(hint)
    try:
        quality = float(value)
    except ValueError as error:
        raise ValueError(hint) from error
    if not 0.0 <= quality <= 9.0:
        raise ValueError(hint)
    return quality


def _flag(value: object) -> bool:
    if isinstance(value, bool):
        return value
    if value in ("true", "false"):
        return value == "true"
    raise ValueError("Use true or false")


def _pause(value: object) -> tuple[float, float]:
    """Seconds, as one number or as the shortest and the longest."""
    hint = "Use seconds such as 15, or the shortest and the longest such as [10, 20]"
    if isinstance(value, str):
        match = _PAUSE.fullmatch(value.strip())
        if match is None:
            raise ValueError(hint)
        value = [float(part) for part in match.groups() if part is not None]
    elif isinstance(value, int | float) and not isinstance(value, bool):
        value = [value]
    numbers = list(value) if isinstance(value, list | tuple) else []
    if not 1 <= len(numbers) <= 2 or not all(type(number) in (int, float) for number in numbers):
        raise ValueError(hint)
    shortest, longest = float(numbers[0]), float(numbers[-1])
    if not 0.0 <= shortest <= longest <= _LONGEST_PAUSE:
        raise ValueError(hint)
    return shortest, longest


def _size(value: object) -> int:
    """Bytes, as a number or as text such as "2 GB"."""
    hint = 'Use a size such as "2 GB", or a number of bytes'
    if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
        return value
    match = _SIZE.fullmatch(value.strip()) if isinstance(value, str) else None
    if match is None:
        raise ValueError(hint)
    number, unit, binary = match.groups()
    return round(float(number) * float(1024 if binary else 1000) ** _POWERS[unit.lower()])


def _options(value: object) -> dict[str, Any]:
    if not isinstance(value, Mapping):
        raise ValueError("Write the options of yt-dlp below [download.yt_dlp]")
    return dict(value)


_PARSERS: Mapping[str, Callable[[object], object]] = {
    "folder": _folder,
    "mp3_quality": _mp3_quality,
    "keep_original": _flag,
    "pause": _pause,
    "least_free": _size,
    "yt_dlp": _options,
}
