"""What the benchmarks share: the material, the machine they ran on, and their answer as one JSON object."""

from __future__ import annotations

import json
import os
import platform
import sys
import tempfile
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np

from musicsim_tui.embedding.registry import describe_processor

_BESIDE_THE_CHECKOUT = Path(__file__).resolve().parents[3] / "shared" / "data"
_PACKAGES = ("av", "numpy", "torch", "librosa", "panns-inference", "bliss-audio", "qdrant-edge-py")

WORK_DIR = Path(tempfile.gettempdir()) / "musicsim-tui-benchmarks"
"""Where synthesised music and seeded weights stay between runs, unless told otherwise."""
MN04_WEIGHTS_FILE = "weights/mn04_as_mAP_432.pt"


def find_material(relative: str) -> Path | None:
    """A file or folder of the test material in `MUSICSIM_TEST_DATA`, else in `../shared/data` beside the
    checkout; None where it is not to be had."""
    path = Path(os.environ.get("MUSICSIM_TEST_DATA") or _BESIDE_THE_CHECKOUT) / relative
    return path if path.exists() else None


def keep_compiled(work_dir: Path) -> None:
    """Let every process from now on keep its compiled modules, as an installation has them."""
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    os.environ["PYTHONPYCACHEPREFIX"] = str(work_dir / "compiled")


def real_clips() -> list[Path]:
    """The excerpts of real music; none where they are not to be had."""
    folder = find_material("music/clips")
    return sorted(folder.glob("*.ogg")) if folder else []


def machine() -> dict[str, Any]:
    """What the figures depend on. `load` is the load average of the last minute: other work than this."""
    return {
        "processor": _processor_name(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "network_on": describe_processor("auto"),
        "system": platform.platform(),
        "python": platform.python_version(),
        "packages": {name: _version(name) for name in _PACKAGES},
        "load_at_start": round(os.getloadavg()[0], 2),
    }


def spread(values: list[float], digits: int = 3) -> dict[str, float]:
    """Median, least and most of some measurements."""
    return {
        "median": round(float(np.median(values)), digits),
        "least": round(min(values), digits),
        "most": round(max(values), digits),
    }


def milliseconds(seconds: list[float]) -> dict[str, float]:
    """Percentiles of some durations, in milliseconds."""
    p50, p95 = np.percentile(np.asarray(seconds) * 1000, (50, 95))
    return {"p50_ms": round(float(p50), 2), "p95_ms": round(float(p95), 2), "queries": len(seconds)}


def against_aim(value: float, aim: float, *, below: bool = False) -> dict[str, Any]:
    """A figure beside what it should be: at least `aim`, or at most."""
    reached = value <= aim if below else value >= aim
    return {"value": round(value, 3), "aim": aim, "reached": bool(reached)}


def tell(words: str) -> None:
    """What is going on, for whoever waits; standard output is for the answer."""
    print(words, file=sys.stderr, flush=True)


def answer(result: dict[str, Any]) -> None:
    print(json.dumps(result, indent=2, allow_nan=False))


def _processor_name() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor()
    return next(
        (line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "unknown"
    )


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None
