"""How good the results are: `python -m tests.benchmarks.quality`. Prints JSON.

The labelled clips of the test material go through `musicsim-tui ingest` and `musicsim-tui eval`, as
processes, with mn04 and with builtin; bliss analyses the same clips and is scored by the same rules: by
Euclidean distance, as its documentation has it, and by the cosine of descriptors that are scaled by the
set's own deviations, which does better.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from tests.benchmarks import bliss
from tests.benchmarks.quality_sets import cosines, labelled_excerpts, score
from tests.benchmarks.report import (
    MN04_WEIGHTS_FILE,
    against_aim,
    answer,
    find_material,
    machine,
    tell,
)

if TYPE_CHECKING:
    from musicsim_tui.track import Vectors
    from tests.benchmarks.quality_sets import Excerpt

_AIMS = {
    "mn04": {"artist_p_at_1": 0.63, "same_track_at_1": 0.66},
    "builtin": {"artist_p_at_1": 0.46, "same_track_at_1": 0.60},
}
_SAME = {"artist_p_at_1": "artist_at_1", "same_track_at_1": "same_track_at_1"}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="changes nothing: this takes half a minute")
    parser.parse_args()
    music, weights = find_material("music"), find_material(MN04_WEIGHTS_FILE)
    result: dict[str, Any] = {"benchmark": "quality", "machine": machine()}
    if music is None:
        answer({**result, "skipped": "no labelled clips: set MUSICSIM_TEST_DATA to a folder with music/"})
        return
    rival = _scores_of_bliss(labelled_excerpts(music))
    best = {figure: max(scores[name] for scores in rival.values()) for figure, name in _SAME.items()}
    for model in ["builtin"] + (["mn04"] if weights else []):
        measured = _through_the_command_line(model, music, weights)
        result[model] = {
            **measured,
            "aims": {figure: against_aim(measured[figure], aim) for figure, aim in _AIMS[model].items()},
            "above_bliss": {figure: round(measured[figure] - theirs, 3) for figure, theirs in best.items()},
        }
    answer({**result, "bliss": rival})


def _through_the_command_line(model: str, music: Path, weights: Path | None) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as data_dir:
        if model == "mn04":
            _musicsim(data_dir, model, "models", "install", "mn04", "--from", str(weights))
        _musicsim(data_dir, model, "ingest", str(music / "clips"))
        return _musicsim(data_dir, model, "eval", str(music / "labels.csv"))


def _musicsim(data_dir: str, model: str, *arguments: str) -> dict[str, Any]:
    """The final object that a command prints."""
    tell(f"  {model}: {arguments[0]}")
    command = [sys.executable, "-m", "musicsim_tui", "--data-dir", data_dir, "--model", model, *arguments]
    done = subprocess.run([*command, "--json", "--quiet"], capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{' '.join(arguments)}: {done.stdout}{done.stderr}")
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def _scores_of_bliss(excerpts: list[Excerpt]) -> dict[str, dict[str, float]]:
    tell("  bliss")
    analyses = bliss.analyse([excerpt.path for excerpt in excerpts])
    steps = (analyses - analyses.mean(axis=0)) / analyses.std(axis=0)
    similarities = {
        "euclidean distance": -_distances(analyses),
        "cosine in the set's deviations": cosines(steps, steps),
    }
    return {
        name: {figure: round(value, 4) for figure, value in asdict(score(each, excerpts)).items()}
        for name, each in similarities.items()
    }


def _distances(rows: Vectors) -> Vectors:
    distances: Vectors = np.linalg.norm(rows[:, None] - rows[None], axis=2)
    return distances


if __name__ == "__main__":
    main()
