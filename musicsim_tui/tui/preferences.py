"""What a person chose for the app in `config.toml`: keys, theme, plain drawing."""

from __future__ import annotations

import os
import tomllib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from musicsim_tui.settings import config_path

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

_COERCED = ("C.UTF-8", "C.utf8", "UTF-8")
"""What Python sets `LC_CTYPE` to when it finds the locale C (PEP 538)."""


@dataclass(frozen=True, slots=True)
class Preferences:
    """`keys` maps ids of the key registry to keys; `ascii` draws with ASCII only, `calm` without movement
    and with few refreshes; `problems` are sentences about entries that make no sense."""

    keys: Mapping[str, str] = field(default_factory=dict)
    theme: str | None = None
    ascii: bool = False
    calm: bool = False
    problems: tuple[str, ...] = ()


def load_preferences(path: Path | None = None, environment: Mapping[str, str] | None = None) -> Preferences:
    """Read them; what makes no sense is left out and told. Never raises.

    Without a UTF-8 locale, or on a terminal that says it is dumb, the drawing is ASCII unless asked for.
    """
    path = path or config_path()
    environment = os.environ if environment is None else environment
    problems: list[str] = []
    table: dict[str, Any] = {}
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        pass
    except (OSError, ValueError) as error:
        problems.append(f"{path} cannot be read: {error}.")
    theme = table.get("theme")
    if theme is not None and not isinstance(theme, str):
        problems.append(f"theme in {path} has to be a name in quotes.")
        theme = None
    return Preferences(
        keys=_keys(table.get("keys", {}), path, problems),
        theme=theme or None,
        ascii=_flag(table, "ascii", path, problems, default=_poor_terminal(environment)),
        calm=_flag(table, "calm", path, problems, default=False),
        problems=tuple(problems),
    )


def _keys(table: object, path: Path, problems: list[str]) -> dict[str, str]:
    if not isinstance(table, dict):
        problems.append(f"[keys] in {path} has to be a table.")
        return {}
    keys: dict[str, str] = {}
    for name, value in _entries(table):
        if isinstance(value, str) and value.strip():
            keys[name] = value.strip()
        else:
            problems.append(f"The key of {name} in {path} has to be text such as 'ctrl+f'.")
    return keys


def _entries(table: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, object]]:
    """Ids and values: a dot in an id that is not in quotes makes a table of its own."""
    for name, value in table.items():
        if isinstance(value, dict):
            yield from _entries(value, f"{above}{name}.")
        else:
            yield f"{above}{name}", value


def _flag(table: Mapping[str, Any], name: str, path: Path, problems: list[str], *, default: bool) -> bool:
    value = table.get(name, default)
    if isinstance(value, bool):
        return value
    problems.append(f"{name} in {path} has to be true or false.")
    return default


def _poor_terminal(environment: Mapping[str, str]) -> bool:
    """Whether the locale cannot carry more than ASCII, or the terminal says that it shows little."""
    locale = _locale(environment)
    wide = "utf-8" in locale.lower() or "utf8" in locale.lower()
    return environment.get("TERM") in ("linux", "dumb") or (locale in ("C", "POSIX") and not wide)


def _locale(environment: Mapping[str, str]) -> str:
    """The locale that a person has set, not the `LC_CTYPE` that Python adds to the locale C."""
    asked = {name: environment.get(name, "") for name in ("LC_ALL", "LC_CTYPE", "LANG")}
    if asked["LC_CTYPE"] in _COERCED and asked["LANG"] in ("C", "POSIX"):
        asked["LC_CTYPE"] = ""
    return asked["LC_ALL"] or asked["LC_CTYPE"] or asked["LANG"]
