"""What works, what does not, and how to fix it."""

from __future__ import annotations

import os
import platform
import shutil
import sys
import tempfile
from dataclasses import dataclass
from importlib import metadata
from typing import TYPE_CHECKING

from musicsim_tui.embedding.registry import all_models, describe_processor
from musicsim_tui.errors import MusicSimError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from musicsim_tui.embedding.registry import ModelInfo
    from musicsim_tui.index.index import Index
    from musicsim_tui.library.catalog import Catalog

_TIGHT_DISK_BYTES = 2e9
_HALF_BYTES = 2
_PACKAGES = ("av", "librosa", "panns-inference", "qdrant-client", "qdrant-edge-py", "torch")


@dataclass(frozen=True, slots=True)
class Check:
    """One finding. `state` is ok, warn or fail."""

    name: str
    state: str
    detail: str
    hint: str = ""


def run_check(name: str, probe: Callable[[], Check | list[Check]]) -> list[Check]:
    """A probe's findings; whatever it raises becomes a failed check, so that the others still run."""
    try:
        found = probe()
    except MusicSimError as error:
        return [Check(name, "fail", error.title, error.hint)]
    except Exception as error:  # a diagnosis must not die of what it diagnoses
        return [Check(name, "fail", f"{type(error).__name__}: {error}", "Reinstall musicsim-tui.")]
    return found if isinstance(found, list) else [found]


def check_settings(problem: str | None) -> list[Check]:
    """What is left out of the settings; nothing when all is well."""
    hint = "Mend config.toml: musicsim-tui config show tells its place and the settings."
    return [Check("settings", "warn", problem, hint)] if problem else []


def check_packages() -> Check:
    """Python, the system and the versions of the packages that matter."""
    versions = []
    for name in _PACKAGES:
        try:
            versions.append(f"{name} {metadata.version(name)}")
        except metadata.PackageNotFoundError:
            return Check("packages", "fail", f"{name} is not installed.", "Reinstall musicsim-tui.")
    python = ".".join(map(str, sys.version_info[:3]))
    return Check("packages", "ok", f"Python {python} on {platform.system()}; {', '.join(versions)}")


def check_disk(data_dir: Path) -> Check:
    """Whether the library's folder can be written, and the room on its disk."""
    existing = data_dir
    while not existing.exists() and existing != existing.parent:
        existing = existing.parent
    if not os.access(existing, os.W_OK):
        hint = "Choose another folder with MUSICSIM_DATA_DIR."
        return Check("disk", "fail", f"{existing} cannot be written.", hint)
    free = shutil.disk_usage(existing).free
    state = "ok" if free > _TIGHT_DISK_BYTES else "warn"
    hint = "" if state == "ok" else "Make room before the next ingest."
    return Check("disk", state, f"{data_dir}, {free / 1e9:.1f} GB free", hint)


def check_processor(wanted: str) -> Check:
    """What the networks run on when `wanted` is asked for. Raises ModelError when there is no such device."""
    return Check("processor", "ok", describe_processor(wanted))


def check_sound(describe_output: Callable[[], str]) -> Check:
    """Whether tracks can be heard here. Without sound everything else works, so this never fails.

    `describe_output` gives the default sound output in words, or raises MusicSimError.
    """
    try:
        return Check("sound", "ok", describe_output())
    except MusicSimError as error:
        return Check("sound", "warn", error.title, error.hint)


def check_downloads(version: str, runtime: str, advice: Sequence[str], folder: Path) -> list[Check]:
    """yt-dlp with its JavaScript runtime, and whether downloads can be put where they belong."""
    tools = f"yt-dlp {version}, {runtime or 'no JavaScript runtime'}"
    checks = [Check("downloads", "warn" if advice else "ok", tools, " ".join(advice))]
    why = _why_unusable(folder)
    if why:
        hint = "Choose another folder: download.folder in config.toml, or --dest."
        checks.append(Check("downloads", "warn", why, hint))
    return checks


def _why_unusable(folder: Path) -> str:
    """Why nothing can be put in a folder that may have to be made; empty when it can. A file without a name
    is the proof: permissions alone do not tell."""
    existing = next(place for place in (folder, *folder.parents) if os.path.lexists(place))
    if not existing.is_dir():
        return f"{existing} is no folder: nothing can be put in {folder}."
    try:
        with tempfile.TemporaryFile(dir=existing):
            return ""
    except OSError as error:
        return f"{existing} cannot be written: {error.strerror or error}."


def check_models(models_dir: Path, listening: ModelInfo | None) -> Check:
    """Which models can hear, and whether the one that listens to new tracks can, where it is known."""
    if listening is not None and not listening.installed:
        name = listening.model.name
        return Check(
            "models",
            "warn",
            f"{name}, which is to hear new tracks, is not installed",
            f"musicsim-tui models install {name}, or choose another one: musicsim-tui models use NAME",
        )
    models = all_models(models_dir)
    installed = [info.model.name for info in models if info.installed]
    networks = any(info.bytes and info.installed for info in models)
    hint = "" if networks else "musicsim-tui models install mn04 (4 MB) hears better and names sounds."
    return Check("models", "ok", f"installed: {', '.join(installed)}", hint)


def check_catalog(catalog: Catalog) -> Check:
    """What the catalog holds and how much of the disk its vectors take."""
    damage = catalog.check()
    if damage:
        return Check(
            "library",
            "fail",
            f"{catalog.path} is damaged: {damage[0]}",
            "Restore it from a backup, or move it away and run musicsim-tui ingest again.",
        )
    uses = catalog.models()
    if not uses:
        return Check("library", "ok", "empty", "musicsim-tui ingest FOLDER fills it.")
    words = ", ".join(
        f"{use.tracks:,} tracks and {use.windows:,} windows of {use.model.name} "
        f"({(use.windows + 2 * use.tracks) * use.model.dimensions * _HALF_BYTES / 1e6:,.0f} MB)"
        for use in uses
    )
    failures = len(catalog.failures())
    hint = f"{failures} files failed: musicsim-tui failures tells why." if failures else ""
    return Check("library", "warn" if failures else "ok", words, hint)


def check_index(catalog: Catalog, index: Index | None, engine: str) -> list[Check]:
    """Whether index and catalog agree."""
    if index is None:
        return [Check("index", "ok", f"{engine}, in use by another musicsim-tui that is running")]
    checks = []
    for use in catalog.models():
        found, believed = index.count(use.model), catalog.indexed_count(index.target, use.model)
        agrees = found >= believed and not catalog.unindexed_count(index.target, use.model)
        checks.append(
            Check(
                "index",
                "ok" if agrees else "warn",
                f"{engine}: {min(found, believed):,} points for {use.tracks:,} tracks of {use.model.name}",
                "" if agrees else "musicsim-tui index rebuild brings it in step.",
            )
        )
    return checks or [Check("index", "ok", f"{engine}, empty")]
