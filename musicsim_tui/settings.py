"""Settings: flag > environment > `.env` > `config.toml` > default; each value with its source."""

from __future__ import annotations

import os
import re
import tomllib
from dataclasses import dataclass, field, fields
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Any

from musicsim_tui.download_settings import FOLDER_IN_MUSIC, DownloadSettings, load_download_settings
from musicsim_tui.errors import SettingsError, UsageError
from musicsim_tui.paths import tidy_absolute

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

APP = "musicsim-tui"
LOG_LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR")
_DEVICE = re.compile(r"auto|cpu|mps|cuda(:[0-9]{1,3})?")
COLLECTION_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,99}")
"""What a collection may be called: fit for a folder and for a part of a server's address."""

ENVIRONMENT_NAMES: Mapping[str, str] = {
    "qdb_endpoint": "QDB_ENDPOINT",
    "qdb_api_token": "QDB_API_TOKEN",
    "qdb_collection": "QDB_COLLECTION",
    "data_dir": "MUSICSIM_DATA_DIR",
    "music_dir": "MUSICSIM_MUSIC_DIR",
    "model": "MUSICSIM_MODEL",
    "coverage": "MUSICSIM_COVERAGE",
    "threads": "MUSICSIM_THREADS",
    "device": "MUSICSIM_DEVICE",
    "weights_url": "MUSICSIM_WEIGHTS_URL",
    "cookies_from_browser": "MUSICSIM_COOKIES_FROM_BROWSER",
    "log_level": "MUSICSIM_LOG_LEVEL",
}
TABLES_AND_APP_KEYS = ("download", "keys", "theme", "ascii", "calm")
"""What else may stand at the top of `config.toml`."""
_MOST_THREADS = 256
"""Each may become a process that decodes: a slip of the finger must not start one for every file."""
_NUMBERS = frozenset({"coverage", "threads"})
SECRETS = frozenset({"qdb_api_token"})
ADDRESSES = frozenset({"qdb_endpoint", "weights_url"})
"""Addresses may carry a password."""
_HIDDEN = "(hidden)"
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")
_PLAIN_HOST = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[^@:/?#\s]+)(:[0-9]+)?(?=[/?#]|$)")


@dataclass(frozen=True, slots=True, repr=False)
class Settings:
    """Every setting of this run. `sources` says where each value came from."""

    data_dir: Path
    music_dir: Path
    qdb_endpoint: str | None = None
    qdb_api_token: str | None = None
    qdb_collection: str = "musicsim"
    model: str | None = None
    coverage: int | None = None
    threads: int | None = None
    device: str = "auto"
    weights_url: str | None = None
    cookies_from_browser: str | None = None
    log_level: str = "WARNING"
    sources: Mapping[str, str] = field(default_factory=dict)
    weights_dir: Path | None = None
    """Where weights are kept, when that is not the library's own folder."""
    downloads: DownloadSettings | None = None
    problem: str | None = None
    """What `config.toml` holds that is no setting or of a wrong type, and so is left out; one sentence."""

    @property
    def download(self) -> DownloadSettings:
        """How playlists are downloaded."""
        return self.downloads or DownloadSettings(self.music_dir / FOLDER_IN_MUSIC)

    @property
    def library_path(self) -> Path:
        return self.data_dir / "library.db"

    @property
    def index_dir(self) -> Path:
        return self.data_dir / "index"

    @property
    def models_dir(self) -> Path:
        return self.weights_dir or self.data_dir / "models"

    @property
    def log_path(self) -> Path:
        return self.data_dir / "musicsim.log"

    def __repr__(self) -> str:
        return f"Settings({', '.join(f'{name}={value!r}' for name, value in self.shown().items())})"

    def shown(self) -> dict[str, str | None]:
        """Every value as text, secrets hidden: fit for a screen or a report."""
        shown: dict[str, str | None] = {}
        for item in fields(self):
            if item.name not in ENVIRONMENT_NAMES:
                continue
            value = getattr(self, item.name)
            if item.name in SECRETS and value is not None:
                shown[item.name] = _HIDDEN
            elif item.name in ADDRESSES and value is not None:
                shown[item.name] = without_secrets(value)
            elif item.name == "coverage":
                shown[item.name] = "full" if value is None else str(value)
            else:
                shown[item.name] = None if value is None else str(value)
        return shown


def without_secrets(address: str) -> str:
    """An address without user and password, and without a query, which may hold a token.

    A password may hold any character: unless a plain host comes first, all before the last @ goes.
    """
    scheme = found.group() if (found := _SCHEME.match(address)) else ""
    rest = address.removeprefix(scheme)
    if "@" in rest and not _PLAIN_HOST.match(rest):
        scheme, rest = f"{scheme}{_HIDDEN}@", rest.rpartition("@")[2]
    shown, mark, _ = rest.partition("?")
    return f"{scheme}{shown}{mark and '?' + _HIDDEN}"


def config_path() -> Path:
    """Where `config.toml` lives for this user."""
    from platformdirs import user_config_path

    return user_config_path(APP, appauthor=False) / "config.toml"


def load_settings(
    flags: Mapping[str, str | None],
    *,
    environment: Mapping[str, str] | None = None,
    dotenv: Path | None = None,
    config: Path | None = None,
) -> Settings:
    """Gather the settings. `flags` maps names of fields, those of downloads as `download.NAME`, to what was
    typed; None where nothing was.

    An empty value anywhere means unset. The Qdrant token is taken only from the source the endpoint
    comes from, so that a token never travels to an address somebody else chose.
    Raises UsageError for a flag and SettingsError for all else, naming the setting and its source, when a
    value makes no sense.
    """
    table = _read_config(config or config_path())
    mistyped = _mistyped(table)
    layers = [
        ("flag", {name: value for name, value in flags.items() if value and name in ENVIRONMENT_NAMES}),
        ("environment", _by_environment_name(os.environ if environment is None else environment)),
        (".env", _by_environment_name(_read_dotenv(dotenv or Path(".env")))),
        ("config.toml", _by_setting_name(table, mistyped)),
    ]
    values: dict[str, str] = {}
    sources: dict[str, str] = {}
    for source, layer in layers:
        for name, value in layer.items():
            if name not in values:
                values[name], sources[name] = value, source
    if "qdb_api_token" in values and sources["qdb_api_token"] != sources.get("qdb_endpoint"):
        del values["qdb_api_token"], sources["qdb_api_token"]
    parsed: dict[str, Any] = {name: _parse(name, value, sources[name]) for name, value in values.items()}
    for name, default in (("data_dir", _default_data_dir), ("music_dir", _default_music_dir)):
        if name not in parsed:
            parsed[name] = default()
    typed = {name.removeprefix("download."): value for name, value in flags.items() if "." in name}
    downloads = load_download_settings(typed, table.get("download"), parsed["music_dir"])
    known = {name: sources.get(name, "default") for name in ENVIRONMENT_NAMES}
    problem = _problem(table, mistyped)
    return Settings(**parsed, sources=known, downloads=downloads, problem=problem)


def _by_environment_name(mapping: Mapping[str, str]) -> dict[str, str]:
    return {name: mapping[env] for name, env in ENVIRONMENT_NAMES.items() if mapping.get(env)}


def _read_dotenv(path: Path) -> dict[str, str]:
    if not path.is_file():
        return {}
    from dotenv import dotenv_values

    try:
        return {key: value for key, value in dotenv_values(path, interpolate=False).items() if value}
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(
            f"The settings file {path} cannot be read: {error}.", "Mend the file or move it away."
        ) from error


def _read_config(path: Path) -> dict[str, Any]:
    if not path.is_file():
        return {}
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise SettingsError(
            f"The settings file {path} cannot be read: {error}.", "Mend the file or move it away."
        ) from error


def _by_setting_name(table: Mapping[str, Any], left_out: Collection[str]) -> dict[str, str]:
    return {
        name: str(table[name])
        for name in ENVIRONMENT_NAMES
        if table.get(name, "") != "" and name not in left_out
    }


def _mistyped(table: Mapping[str, Any]) -> list[str]:
    """The settings whose value is neither text nor, where one is asked for, a number."""
    return [
        name
        for name in ENVIRONMENT_NAMES
        if name in table
        and not isinstance(table[name], str)
        and not (name in _NUMBERS and type(table[name]) is int)
    ]


def _problem(table: Mapping[str, Any], mistyped: Sequence[str]) -> str | None:
    """Never repeats a value: it may be a key that stands in the wrong line."""
    known = (*ENVIRONMENT_NAMES, *TABLES_AND_APP_KEYS)
    told = [
        f"{name} has to be {'a number, or text in quotes' if name in _NUMBERS else 'text in quotes'}"
        for name in mistyped
    ]
    for key in table:
        if key not in known:
            near = _nearest(key, known)
            told.append(f"there is no setting {key!r}" + (f" (did you mean {near}?)" if near else ""))
    return f"In config.toml, {'; '.join(told)}. What is said there is left out." if told else None


def _nearest(key: str, known: Sequence[str]) -> str | None:
    folded = key.lower()
    for name in (folded, folded.removeprefix("musicsim_")):
        if name in known:
            return name
    return next(iter(get_close_matches(folded.removeprefix("musicsim_"), known, 1)), None)


def _default_data_dir() -> Path:
    from platformdirs import user_data_path

    return user_data_path(APP, appauthor=False)


def _default_music_dir() -> Path:
    from platformdirs import user_music_path

    return user_music_path()


def _parse(name: str, text: str, source: str) -> object:
    """The value in its own type. Raises UsageError or SettingsError naming the setting and its source."""
    parser = _PARSERS.get(name)
    try:
        return parser(text) if parser else text
    except ValueError as error:
        label = f"--{name.replace('_', '-')}" if source == "flag" else ENVIRONMENT_NAMES[name]
        where = "" if source == "flag" else f" ({source})"
        kind = UsageError if source == "flag" else SettingsError
        raise kind(f"{label}{where} cannot be {text!r}.", f"{error}.") from error


def _coverage(text: str) -> int | None:
    if text.strip().lower() == "full":
        return None
    return _positive(text, "Use 'full' or a number of windows such as 8")


def _threads(text: str) -> int:
    hint = f"Use a number of threads such as 2, {_MOST_THREADS} at most"
    threads = _positive(text, hint)
    if threads > _MOST_THREADS:
        raise ValueError(hint)
    return threads


def _positive(text: str, hint: str) -> int:
    if not text.strip().isascii() or not text.strip().isdigit() or int(text) < 1:
        raise ValueError(hint)
    return int(text)


def _one_of(choices: tuple[str, ...], fold: Callable[[str], str]) -> Callable[[str], str]:
    def parse(text: str) -> str:
        if fold(text.strip()) not in choices:
            raise ValueError(f"Use one of {', '.join(choices)}")
        return fold(text.strip())

    return parse


def _device(text: str) -> str:
    if not _DEVICE.fullmatch(text.strip().lower()):
        raise ValueError("Use one of auto, cpu, mps, cuda, or a number of CUDA's such as cuda:1")
    return text.strip().lower()


def _collection(text: str) -> str:
    if not COLLECTION_NAME.fullmatch(text):
        raise ValueError("Use at most 100 letters, digits, dots, dashes and underscores")
    return text


def _folder(text: str) -> Path:
    if "\0" in text:
        raise ValueError("A path holds no NUL byte")
    try:
        return tidy_absolute(Path(text).expanduser())
    except RuntimeError as error:
        raise ValueError("There is no such user: write the path without ~") from error
    except OSError as error:
        raise ValueError("The current folder is gone: write the path from the root on") from error


_PARSERS: Mapping[str, Callable[[str], object]] = {
    "data_dir": _folder,
    "music_dir": _folder,
    "coverage": _coverage,
    "threads": _threads,
    "device": _device,
    "log_level": _one_of(LOG_LEVELS, str.upper),
    "qdb_collection": _collection,
}
