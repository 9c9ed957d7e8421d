"""How fast music is heard: `python -m tests.benchmarks.ingest [--quick]`. Prints JSON.

The real `Services.ingest`, catalog and index included, with each model, over real clips and over synthesised
4-minute mp3 files; by turns with the naive pipeline (librosa, panns_inference over whole tracks, one insert
at a time into a local Qdrant) and with bliss over the same files. Everybody's model is loaded, and has been
used once, before the clock starts. Beside them stand the stages that bound us: nothing but decoding, on as
many processors, and nothing but the embedder.

There is no Cnn14 checkpoint in the test material: cnn14 and the naive pipeline run one with seeded weights,
on which speed does not depend. Needs the extras `benchmark` and `test`, and quiet cores.
"""

from __future__ import annotations

import argparse
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import TYPE_CHECKING, Any

from musicsim_tui.audio.decode import decode_mono
from musicsim_tui.embedding.panns import has_bfloat16
from tests.benchmarks import bliss, contestants
from tests.benchmarks.contest import Contestant, hold
from tests.benchmarks.material_4min import make_long_tracks
from tests.benchmarks.naive import make_checkpoint, naive_pipeline
from tests.benchmarks.report import (
    MN04_WEIGHTS_FILE,
    WORK_DIR,
    answer,
    find_material,
    keep_compiled,
    machine,
    real_clips,
    tell,
)

if TYPE_CHECKING:
    from tests.benchmarks.contest import Results

_COVERAGE = 8
_RATES = {"builtin": 22_050, "mn04": 32_000, "cnn14": 32_000}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="few files, few rounds: for a first look")
    parser.add_argument("--rounds", type=int, help="rounds that count, default 3")
    parser.add_argument("--tracks", type=int, help="4-minute tracks for the light models, default 32")
    parser.add_argument("--clips", type=int, help="real clips, default all")
    parser.add_argument(
        "--only", choices=("light", "deep"), help="builtin, mn04 and bliss, or cnn14 and naive"
    )
    parser.add_argument("--work-dir", type=Path, default=WORK_DIR, help="kept between runs (%(default)s)")
    chosen = parser.parse_args()
    chosen.work_dir.mkdir(parents=True, exist_ok=True)
    keep_compiled(chosen.work_dir)
    tracks = make_long_tracks(chosen.work_dir / "tracks", chosen.tracks or (6 if chosen.quick else 32))
    clips = real_clips()[: chosen.clips or (40 if chosen.quick else None)]
    result: dict[str, Any] = {"benchmark": "ingest", "machine": machine()}
    if not clips:
        result["skipped"] = "no real clips: set MUSICSIM_TEST_DATA to a folder that has music/clips"
    for name, files in (("real clips", clips), ("4-minute tracks", tracks)):
        if files:
            result[name] = _measure(name, files, chosen)
    answer(result)


def _measure(name: str, files: list[Path], chosen: argparse.Namespace) -> dict[str, Any]:
    measured: dict[str, Any] = {}
    if chosen.only != "deep":
        rounds = chosen.rounds or (2 if chosen.quick else 3)
        measured["light"] = _light(name, files, rounds, chosen.work_dir)
    if chosen.only != "light":
        rounds = chosen.rounds or (1 if chosen.quick else 3)
        few = files[: len(files) // 8] if name == "4-minute tracks" else files
        measured["deep"] = _deep(name, few or files[:1], rounds, chosen.work_dir)
    return measured


def _light(name: str, files: list[Path], rounds: int, work_dir: Path) -> dict[str, Any]:
    """builtin and mn04 beside bliss."""
    models = ["builtin"] + (["mn04"] if find_material(MN04_WEIGHTS_FILE) else [])
    rivals = [
        Contestant("bliss", partial(bliss.one_after_the_other, files)),
        Contestant("bliss, a process for each core", partial(bliss.on_every_core, files)),
    ]
    results = _hold(f"{name}, light", models, rivals, files, rounds, work_dir, Path())
    aims = {"builtin": 2.0, "mn04": 1.2}
    return {
        **_told(results),
        "ratios": {
            f"{model} / {rival.name}": results.ratio(model, rival.name, aims[model])
            for model in models
            for rival in rivals
        },
        "share_of_what_decoding_alone_allows": _shares(results, models),
    }


def _deep(name: str, files: list[Path], rounds: int, work_dir: Path) -> dict[str, Any]:
    """cnn14 beside the naive pipeline with the same weights."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as elsewhere:
        checkpoint = elsewhere.submit(make_checkpoint, work_dir).result()
    folder = _folder_of(files, work_dir)
    rivals = [
        Contestant(
            f"cnn14, {_COVERAGE} windows",
            partial(contestants.ingest, "cnn14", folder, work_dir, checkpoint, _COVERAGE),
        ),
        Contestant("naive", partial(naive_pipeline, files, checkpoint, work_dir)),
    ]
    results = _hold(f"{name}, deep", ["cnn14"], rivals, files, rounds, work_dir, checkpoint)
    ratios = {"cnn14 / naive": results.ratio("cnn14", "naive", 4.0 if has_bfloat16("cpu") else 2.0)}
    if name == "4-minute tracks":  # a clip has no eight windows
        ratios[f"cnn14, {_COVERAGE} windows / naive"] = results.ratio(rivals[0].name, "naive", 10.0)
    return {
        "cnn14_weights": "seeded: the published checkpoint is not in the test material",
        **_told(results),
        "ratios": ratios,
        "share_of_what_decoding_alone_allows": _shares(results, ["cnn14"]),
    }


def _hold(
    what: str,
    models: list[str],
    rivals: list[Contestant],
    files: list[Path],
    rounds: int,
    work_dir: Path,
    checkpoint: Path,
) -> Results:
    folder = _folder_of(files, work_dir)
    audio_seconds = sum(
        len(block) / 8000 for path in files for block in decode_mono(path, 8000)
    )  # the rate does not matter
    tell(f"{what}: {len(files)} files, {audio_seconds:.0f} s")
    ours = [
        Contestant(model, partial(contestants.ingest, model, folder, work_dir, checkpoint))
        for model in models
    ]
    decoding = [
        Contestant(_decoding(rate), partial(contestants.decode, rate, files))
        for rate in sorted({_RATES[model] for model in models})
    ]
    hearing = [
        Contestant(_hearing(model), partial(contestants.hear, model, files, checkpoint, audio_seconds))
        for model in models
    ]
    return hold([*ours, *rivals, *decoding, *hearing], rounds, len(files), audio_seconds)


def _told(results: Results) -> dict[str, Any]:
    return {
        "files": results.tracks,
        "audio_seconds": round(results.audio_seconds),
        "rows": results.rows(),
    }


def _shares(results: Results, models: list[str]) -> dict[str, float]:
    return {model: results.share(model, _decoding(_RATES[model])) for model in models}


def _decoding(rate: int) -> str:
    return f"only decoding at {rate} Hz"


def _hearing(model: str) -> str:
    return f"only hearing with {model}"


def _folder_of(files: list[Path], work_dir: Path) -> Path:
    """A folder with links to just these files."""
    folder = work_dir / f"chosen-{len(files)}{files[0].suffix}"
    folder.mkdir(exist_ok=True)
    for link in folder.iterdir():
        link.unlink()
    for path in files:
        (folder / path.name).symlink_to(path)
    return folder


if __name__ == "__main__":
    main()
