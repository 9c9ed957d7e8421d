"""How the app feels: `python -m tests.benchmarks.app [--quick] [--tracks N]`. Prints JSON.

The real app on a terminal of 120 by 40, over a library of generated tracks. Beside each figure stands what
Textual itself needs in the same run: an app of one field and one line.

- start: from the start of the process to the first rows, or to the first choices of an empty library;
- keys: from a key press to the writing of the frame with its rows, while a filter is typed and deleted, and
  while one scrolls, pages and jumps to either end;
- heartbeat: how late 10 ms of sleep end on the UI thread while four-minute mp3 files are heard, torch being
  imported already where it is needed;
- preview: from the key to the first sample that the sound device has, files known and device open;
- memory: resident after filtering, scrolling and a look at details.
"""

from __future__ import annotations

import argparse
import contextlib
import fcntl
import json
import os
import re
import select
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import termios
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np

from musicsim_tui.library.catalog import Catalog
from tests.benchmarks.app_library import make_library
from tests.benchmarks.material_4min import make_long_tracks
from tests.benchmarks.report import (
    MN04_WEIGHTS_FILE,
    WORK_DIR,
    against_aim,
    answer,
    find_material,
    machine,
    tell,
)

_REPOSITORY = Path(__file__).resolve().parents[2]
_CONTROL = re.compile(rb"\x1b\[[0-9;?]*[A-Za-z]")
_AIM_START_MS = {0: 500.0, 100_000: 700.0}
_AIM_KEY_MS = 50.0
_AIM_BEAT_P95_MS, _AIM_BEAT_WORST_MS = 20.0, 150.0
_AIM_PREVIEW_MS = 120.0
_AIM_MEMORY_MB = 250.0
_PATIENCE_SECONDS = 300.0


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="fewer starts, fewer files to hear")
    parser.add_argument("--tracks", type=int, default=100_000, help="in the large library (%(default)s)")
    parser.add_argument("--only", choices=("start", "keys", "heartbeat", "preview", "memory"), nargs="+")
    parser.add_argument("--work-dir", type=Path, default=WORK_DIR, help="kept between runs (%(default)s)")
    chosen = parser.parse_args()
    chosen.work_dir.mkdir(parents=True, exist_ok=True)
    wanted = chosen.only or ("start", "keys", "heartbeat", "preview", "memory")
    result: dict[str, Any] = {"benchmark": "app", "machine": machine(), "tracks": chosen.tracks}
    with tempfile.TemporaryDirectory(dir=chosen.work_dir) as folder:
        scratch = Path(folder)
        large = make_library(chosen.work_dir, chosen.tracks)
        (large / "app.json").unlink(missing_ok=True)
        if "start" in wanted:
            result["start"] = _starts(large, scratch, chosen.tracks, 5 if chosen.quick else 15)
        if {"keys", "memory"} & set(wanted):
            result["textual itself"] = _bare(scratch)
        if "keys" in wanted:
            tell("keys")
            result["keys"] = _keys(_probe(scratch, "keys", large))
        if "memory" in wanted:
            tell("memory")
            result["memory"] = _memory(_probe(scratch, "memory", large))
        if {"heartbeat", "preview"} & set(wanted):
            music = make_long_tracks(chosen.work_dir / "tracks", 6 if chosen.quick else 16)[0].parent
            result["heartbeat"] = _heartbeats(scratch, music)
        if "preview" in wanted:
            tell("preview")
            result["preview"] = _preview(_probe(scratch, "preview", scratch / "builtin"))
    answer(result)


def _starts(large: Path, scratch: Path, tracks: int, rounds: int) -> dict[str, Any]:
    """Starts by turns: an empty library, the large one, and Textual with next to nothing."""
    with Catalog.open(large / "library.db") as catalog:
        first = catalog.tracks(limit=1).rows[0].track.title
    module = [sys.executable, "-m", "musicsim_tui", "--data-dir"]
    bare = [sys.executable, "-m", "tests.benchmarks.app_probe", "bare start", "-", "-"]
    took: dict[str, list[float]] = {"empty": [], "large": [], "textual itself": []}
    for number in range(rounds + 1):
        tell(f"start {number}")
        empty = scratch / f"empty-{number}"
        turns = {
            "empty": _start([*module, str(empty)], "Find music that sounds alike", scratch),
            "large": _start([*module, str(large)], first[:12], scratch),
            "textual itself": _start(bare, "ready", scratch),
        }
        shutil.rmtree(empty, ignore_errors=True)
        if number:  # the first turn fills the caches
            for name, milliseconds in turns.items():
                took[name].append(milliseconds)
    aims = {"empty": _AIM_START_MS[0], "large": _AIM_START_MS[100_000]}
    summary: dict[str, Any] = {name: _spread(values) for name, values in took.items()}
    for name, aim in aims.items():
        summary[name]["aim_median"] = against_aim(summary[name]["median_ms"], aim, below=True)
    return summary


def _environment(scratch: Path) -> dict[str, str]:
    """Compiled modules are kept, as an installation has them."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("MUSICSIM_", "PYTHON"))}
    return {
        **kept,
        "PYTHONPATH": str(_REPOSITORY),
        "PYTHONPYCACHEPREFIX": str(scratch.parent / "compiled"),
        "HOME": str(scratch),
        "XDG_CONFIG_HOME": str(scratch / "config"),
        "TERM": "xterm-256color",
        "LC_ALL": "C.UTF-8",
    }


class _Terminal:
    """A program on a terminal of 120 by 40."""

    def __init__(self, command: list[str], scratch: Path) -> None:
        self._ours, theirs = os.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 120, 0, 0))
        self.began = time.perf_counter()
        self.process = subprocess.Popen(
            command,
            env=_environment(scratch),
            cwd=scratch,
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            start_new_session=True,
        )
        os.close(theirs)
        self.written = bytearray()

    def read(self, seconds: float) -> bool:
        """Take in what is written; False at its end."""
        if not select.select([self._ours], [], [], seconds)[0]:
            return True
        with contextlib.suppress(OSError):  # how Linux tells that the last program has closed the terminal
            data = os.read(self._ours, 65536)
            self.written += data
            return bool(data)
        return False

    def close(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        os.close(self._ours)


def _start(command: list[str], marker: str, scratch: Path) -> float:
    """Milliseconds until the marker is written."""
    terminal = _Terminal(command, scratch)
    try:
        while marker.encode() not in _CONTROL.sub(b"", bytes(terminal.written)):
            if not terminal.read(1.0) or time.perf_counter() - terminal.began > _PATIENCE_SECONDS:
                raise RuntimeError(f"{marker!r} never came: {terminal.written[-2000:]!r}")
        return (time.perf_counter() - terminal.began) * 1000
    finally:
        terminal.process.send_signal(signal.SIGTERM)
        reader = threading.Thread(target=_drain, args=(terminal,), daemon=True)
        reader.start()
        with contextlib.suppress(subprocess.TimeoutExpired):
            terminal.process.wait(5.0)
        terminal.close()


def _drain(terminal: _Terminal) -> None:
    with contextlib.suppress(OSError, ValueError):
        while terminal.process.poll() is None and terminal.read(0.1):
            pass


def _probe(scratch: Path, what: str, data_dir: Path, *more: str) -> dict[str, Any]:
    """What the observer in the app saw."""
    out = scratch / "seen.json"
    out.unlink(missing_ok=True)
    command = [sys.executable, "-m", "tests.benchmarks.app_probe", what, str(out), str(data_dir), *more]
    terminal = _Terminal(command, scratch)
    try:
        while terminal.read(1.0):
            if time.perf_counter() - terminal.began > _PATIENCE_SECONDS:
                raise RuntimeError(f"{what} never ended: {terminal.written[-2000:]!r}")
    finally:
        terminal.close()
    if not out.exists():
        raise RuntimeError(f"{what} failed: {terminal.written[-3000:].decode('utf-8', 'replace')}")
    found: dict[str, Any] = json.loads(out.read_text(encoding="utf-8"))
    return found


def _bare(scratch: Path) -> dict[str, Any]:
    tell("textual itself")
    seen = _probe(scratch, "bare", scratch)
    return {"keys": _spread(seen["keys_ms"]), "resident_mb": round(seen["resident_mb"], 1)}


def _keys(seen: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name in ("filtering", "scrolling"):
        figures = _spread(seen[f"{name}_ms"])
        found[name] = {**figures, "aim_p95": against_aim(figures["p95_ms"], _AIM_KEY_MS, below=True)}
    return found


def _memory(seen: dict[str, Any]) -> dict[str, Any]:
    return {
        "resident_mb": against_aim(seen["resident_mb"], _AIM_MEMORY_MB, below=True),
        "peak_mb": round(seen["peak_mb"], 1),
    }


def _heartbeats(scratch: Path, music: Path) -> dict[str, Any]:
    found: dict[str, Any] = {}
    weights = find_material(MN04_WEIGHTS_FILE)
    for model in ("builtin", *(["mn04"] if weights else [])):
        tell(f"heartbeat, {model}")
        data_dir = scratch / model
        if model == "mn04" and weights is not None:
            (data_dir / "models").mkdir(parents=True)
            shutil.copy(weights, data_dir / "models")
        seen = _probe(scratch, "beat", data_dir, str(music), model)
        figures = _spread(seen["hearing_ms"])
        found[model] = {
            "heard": seen["added"],
            "at rest": _spread(seen["at_rest_ms"]),
            "hearing": figures,
            "aim_p95": against_aim(figures["p95_ms"], _AIM_BEAT_P95_MS, below=True),
            "aim_worst": against_aim(figures["worst_ms"], _AIM_BEAT_WORST_MS, below=True),
        }
    return found


def _preview(seen: dict[str, Any]) -> dict[str, Any]:
    figures = _spread(seen["warm_ms"])
    return {
        "cold_ms": round(seen["cold_ms"], 1),
        "warm": figures,
        "aim_p95": against_aim(figures["p95_ms"], _AIM_PREVIEW_MS, below=True),
    }


def _spread(values: list[float]) -> dict[str, float]:
    return {
        "median_ms": round(float(np.median(values)), 1),
        "p95_ms": round(float(np.percentile(values, 95)), 1),
        "worst_ms": round(max(values), 1),
        "count": len(values),
    }


if __name__ == "__main__":
    main()
