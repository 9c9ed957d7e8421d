"""How much memory an ingest takes: `python -m tests.benchmarks.memory [--quick]`. Prints JSON.

Peak resident memory of a process that ingests one 3-hour mp3, and of another that ingests ten of 4 minutes,
with builtin and with mn04. It must not grow with the length of a file: the two are to be within 100 MB of
each other. Helper processes (decoders, index) are told apart, by the largest.
"""

from __future__ import annotations

import argparse
import resource
import sys
import tempfile
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from tests.benchmarks import contestants
from tests.benchmarks.material_4min import make_long_mix, make_long_tracks
from tests.benchmarks.report import (
    MN04_WEIGHTS_FILE,
    WORK_DIR,
    against_aim,
    answer,
    find_material,
    machine,
    tell,
)

_AIM_MB = 100
_UNIT = 1 if sys.platform == "darwin" else 1024
"""Bytes in which `getrusage` counts memory."""


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="half an hour instead of three, once each")
    parser.add_argument("--rounds", type=int, help="runs of each, default 3")
    parser.add_argument("--work-dir", type=Path, default=WORK_DIR, help="kept between runs (%(default)s)")
    chosen = parser.parse_args()
    hours = 0.5 if chosen.quick else 3.0
    tell(f"synthesising {hours:g} hours of music, unless they are there")
    mix = make_long_mix(chosen.work_dir / f"mix-{hours:g}h" / "mix.mp3", hours)
    tracks = make_long_tracks(chosen.work_dir / "ten", 10)
    models = ["builtin"] + (["mn04"] if find_material(MN04_WEIGHTS_FILE) else [])
    result: dict[str, Any] = {"benchmark": "memory", "machine": machine(), "hours": hours}
    for model in models:
        rounds: dict[str, list[tuple[float, float]]] = {"one long file": [], "ten short files": []}
        for _ in range(chosen.rounds or (1 if chosen.quick else 3)):
            for name, folder in (("one long file", mix.parent), ("ten short files", tracks[0].parent)):
                with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as elsewhere:
                    peaks = elsewhere.submit(_peaks, model, folder, chosen.work_dir).result()
                tell(f"  {model}, {name}: {peaks[0]:.0f} MB, helpers {peaks[1]:.0f} MB")
                rounds[name].append(peaks)
        result[model] = _summary(rounds)
    answer(result)


def _peaks(model: str, folder: Path, work_dir: Path) -> tuple[float, float]:
    """Peak memory in MB of this process after an ingest, and of the largest process that it had."""
    with tempfile.TemporaryDirectory(dir=work_dir) as scratch:
        contestants.ingest(model, folder, Path(scratch), Path())()
    own, helpers = (
        resource.getrusage(who).ru_maxrss * _UNIT / 1e6
        for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    )
    return own, helpers


def _summary(rounds: dict[str, list[tuple[float, float]]]) -> dict[str, Any]:
    own = {name: max(peak for peak, _ in peaks) for name, peaks in rounds.items()}
    helpers = {name: max(peak for _, peak in peaks) for name, peaks in rounds.items()}
    apart = abs(own["one long file"] - own["ten short files"])
    return {
        "peak_mb": {name: round(peak, 1) for name, peak in own.items()},
        "largest_helper_mb": {name: round(peak, 1) for name, peak in helpers.items()},
        "apart_mb": against_aim(apart, _AIM_MB, below=True),
    }


if __name__ == "__main__":
    main()
