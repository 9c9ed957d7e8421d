"""Measures the built-in embedder beside bliss: `python -m tests.benchmarks.measure_builtin DATA`.

Prints how good neighbours are on the labelled excerpts of DATA, also with constants fitted on other artists'
music only; what common changes do to the vector; and the time for a 4-minute track. Run it with one thread
(`OMP_NUM_THREADS=1`); bliss takes those it likes.
"""

from __future__ import annotations

import argparse
import io
import tempfile
import time
from dataclasses import astuple
from pathlib import Path
from typing import TYPE_CHECKING

import av
import bliss_audio
import numpy as np

from musicsim_tui.audio.decode import decode_mono
from musicsim_tui.audio.windows import cut_windows
from musicsim_tui.embedding import descriptors, spectra
from musicsim_tui.embedding.builtin import BuiltinEmbedder, load_constants, standardised
from tests.benchmarks.fit_builtin import fit
from tests.benchmarks.quality_sets import Scores, cosines, decoded, heard, labelled_excerpts, score

if TYPE_CHECKING:
    from collections.abc import Callable

    from musicsim_tui.embedding.products import Floats
    from musicsim_tui.track import Samples, Vectors
    from tests.benchmarks.quality_sets import Excerpt

_RATE = spectra.SAMPLE_RATE
_SPLITS = 10
_TRACK_SECONDS = 240


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    excerpts = labelled_excerpts(parser.parse_args().data / "music")
    samples = [decoded(excerpt.path, _RATE) for excerpt in excerpts]
    embedder = BuiltinEmbedder()
    vectors = np.stack([heard(embedder, each) for each in samples])
    print("builtin", score(cosines(vectors, vectors), excerpts))
    print("bliss  ", score(_bliss_similarity(excerpts), excerpts))
    _print_held_out(excerpts, samples, vectors)
    _print_changes(embedder, excerpts, samples)
    _print_speed(embedder, samples)


def _print_held_out(excerpts: list[Excerpt], samples: list[Samples], packaged: Vectors) -> None:
    """Scores inside random halves of the artists, with the packaged constants and with the other half's.

    Both halves of a comparison are new to the constants, so that being new draws no two excerpts together.
    """
    analysis = spectra.Analysis(load_constants().mel)
    raw = [
        descriptors.describe(analysis(np.stack([window.samples for window in cut_windows([each], _RATE)])))
        for each in samples
    ]
    rng = np.random.default_rng(0)
    artists = sorted({excerpt.artist for excerpt in excerpts})
    with_packaged, with_other_half = [], []
    for _ in range(_SPLITS):
        order = rng.permutation(artists)
        held_out = np.full((len(excerpts), len(excerpts)), -1, np.float32)
        inside = held_out.copy()
        for half in (order[::2], order[1::2]):
            mine = np.asarray([excerpt.artist in half for excerpt in excerpts])
            block = np.ix_(mine, mine)
            vectors = _with_constants_of([rows for rows, own in zip(raw, mine, strict=True) if not own], raw)
            held_out[block] = cosines(vectors[mine], vectors[mine])
            inside[block] = cosines(packaged[mine], packaged[mine])
        with_packaged.append(astuple(score(inside, excerpts)))
        with_other_half.append(astuple(score(held_out, excerpts)))
    print("half the artists, packaged constants     ", Scores(*np.mean(with_packaged, axis=0).tolist()))
    print("half the artists, the other's constants  ", Scores(*np.mean(with_other_half, axis=0).tolist()))


def _with_constants_of(fitted: list[Floats], raw: list[Floats]) -> Vectors:
    """Track vectors of all raw descriptors, with constants fitted on some."""
    weights = np.concatenate([np.full(len(rows), 1 / len(rows) / len(fitted)) for rows in fitted])
    centre, deviation, projection = fit(np.concatenate(fitted), weights)
    return np.stack([(standardised(rows, centre, deviation) @ projection).mean(axis=0) for rows in raw])


def _bliss_similarity(excerpts: list[Excerpt]) -> Vectors:
    """Cosine in the set's own deviations: the best of cosine and distance, raw and standardised."""
    analyses = np.asarray([bliss_audio.Song(str(excerpt.path)).analysis for excerpt in excerpts], np.float32)
    steps = (analyses - analyses.mean(axis=0)) / analyses.std(axis=0)
    return cosines(steps, steps)


def _print_changes(embedder: BuiltinEmbedder, excerpts: list[Excerpt], samples: list[Samples]) -> None:
    """Cosines over pieces of about 40 s, the two excerpts of each track joined."""
    by_track: dict[str, list[Samples]] = {}
    for excerpt, each in zip(excerpts, samples, strict=True):
        by_track.setdefault(excerpt.track, []).append(each)
    pieces = [np.concatenate(both) for both in by_track.values() if len(both) == 2]
    vectors = np.stack([heard(embedder, piece) for piece in pieces])
    others = cosines(vectors, vectors)[~np.eye(len(pieces), dtype=bool)]
    print(f"{len(pieces)} pieces; different ones, 50/95/99/99.9 %:", _percentiles(others, (50, 95, 99, 99.9)))
    changes: dict[str, Callable[[Samples], Samples]] = {
        "mp3 128k": lambda piece: _reencoded(piece, "mp3", "libmp3lame", 128_000, 44_100),
        "mp3 64k": lambda piece: _reencoded(piece, "mp3", "libmp3lame", 64_000, 44_100),
        "opus 64k": lambda piece: _reencoded(piece, "ogg", "libopus", 64_000, 48_000),
        "trimmed by 3 s": lambda piece: piece[3 * _RATE :],
        "6 dB softer": lambda piece: piece * np.float32(0.5),
        "a semitone lower and slower": _slowed_by_a_semitone,
    }
    for name, change in changes.items():
        changed = np.stack([heard(embedder, change(piece)) for piece in pieces])
        own = np.diag(cosines(changed, vectors))
        print(f"{name}, lowest/5/10/50 %:", _percentiles(own, (0, 5, 10, 50)))


def _percentiles(values: Vectors, shares: tuple[float, ...]) -> str:
    return " ".join(f"{value:.3f}" for value in np.percentile(values, shares))


def _slowed_by_a_semitone(piece: Samples) -> Samples:
    ratio = 2 ** (1 / 12)
    places = np.arange(int(len(piece) * ratio)) / ratio
    return np.interp(places, np.arange(len(piece)), piece).astype(np.float32)


def _reencoded(piece: Samples, container: str, codec: str, bit_rate: int, codec_rate: int) -> Samples:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "piece"
        path.write_bytes(_encoded(piece, container, codec, bit_rate, codec_rate))
        return decoded(path, _RATE)


def _encoded(piece: Samples, container: str, codec: str, bit_rate: int, codec_rate: int) -> bytes:
    file = io.BytesIO()
    with av.open(file, "w", format=container) as output:
        stream = output.add_stream(codec, rate=codec_rate, layout="mono")
        assert isinstance(stream, av.AudioStream)
        stream.bit_rate = bit_rate
        frame = av.AudioFrame.from_ndarray(piece[None], format="flt", layout="mono")
        frame.sample_rate = _RATE
        resampler = av.AudioResampler(format=stream.format.name, layout="mono", rate=codec_rate)
        for part in [*resampler.resample(frame), *resampler.resample(None), None]:
            output.mux(stream.encode(part))
    return file.getvalue()


def _print_speed(embedder: BuiltinEmbedder, samples: list[Samples]) -> None:
    """Best of five for one 4-minute mono mp3 of 44.1 kHz, 192 kbit/s."""
    track = np.concatenate(samples)[: _TRACK_SECONDS * _RATE]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "track.mp3"
        path.write_bytes(_encoded(track, "mp3", "libmp3lame", 192_000, 44_100))
        windows = [window.samples for window in cut_windows([track], _RATE)]
        size = embedder.batch_size
        batches = [np.stack(windows[start : start + size]) for start in range(0, len(windows), size)]
        hearing = _best(lambda: [embedder.embed(batch) for batch in batches])
        decoding = _best(lambda: list(cut_windows(decode_mono(path, _RATE), _RATE)))
        bliss = _best(lambda: bliss_audio.Song(str(path)))
    for name, (wall, cpu) in (("hearing", hearing), ("decoding", decoding), ("bliss, all", bliss)):
        print(
            f"{name}: {wall:.3f} s, {cpu:.3f} core-seconds, {_TRACK_SECONDS / cpu:.0f} times real time a core"
        )
    ours = decoding[1] + hearing[1]
    print(f"bliss / (decoding + hearing) in core-seconds: {bliss[1] / ours:.2f}")


def _best(work: Callable[[], object]) -> tuple[float, float]:
    """Least wall time and least processor time of all threads."""
    walls, cpus = [], []
    for _ in range(5):
        wall, cpu = time.perf_counter(), time.process_time()
        work()
        walls.append(time.perf_counter() - wall)
        cpus.append(time.process_time() - cpu)
    return min(walls), min(cpus)


if __name__ == "__main__":
    main()
