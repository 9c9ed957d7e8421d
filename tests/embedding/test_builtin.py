from __future__ import annotations

import io
import subprocess
import sys
from typing import TYPE_CHECKING

import av
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from musicsim_tui.embedding import descriptors
from musicsim_tui.embedding.builtin import BuiltinEmbedder, load_constants
from musicsim_tui.embedding.spectra import Analysis, mel_bank
from musicsim_tui.track import ModelVersion
from tests.benchmarks.fit_builtin import fit
from tests.benchmarks.quality_sets import compose, cosines, decoded, heard, ideas, labelled_excerpts, score
from tests.harness.material import material

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from musicsim_tui.embedding.embedder import Embedder
    from musicsim_tui.track import Samples

RATE = 22_050


@pytest.fixture(scope="module")
def embedder() -> Embedder:
    return BuiltinEmbedder()


@pytest.fixture(scope="module")
def pieces() -> Samples:
    """Six generated pieces of 10 s, shape (6, samples)."""
    return np.stack([compose(idea, 0, 10.0, RATE) for idea in ideas(6, seed=3)])


@pytest.fixture(scope="module")
def long_pieces() -> Samples:
    """Five generated pieces of 30 s, shape (5, samples)."""
    return np.stack([compose(idea, 0, 30.0, RATE) for idea in ideas(5, seed=3)])


def reencoded(samples: Samples, container: str, codec: str, bit_rate: int, codec_rate: int) -> Samples:
    """Samples after a lossy codec, of the same length."""
    file = io.BytesIO()
    with av.open(file, "w", format=container) as output:
        stream = output.add_stream(codec, rate=codec_rate, layout="mono")
        assert isinstance(stream, av.AudioStream)
        stream.bit_rate = bit_rate
        frame = av.AudioFrame.from_ndarray(samples[None], format="flt", layout="mono")
        frame.sample_rate = RATE
        resampler = av.AudioResampler(format=stream.format.name, layout="mono", rate=codec_rate)
        for part in [*resampler.resample(frame), *resampler.resample(None), None]:
            output.mux(stream.encode(part))
    file.seek(0)
    resampler = av.AudioResampler(format="flt", layout="mono", rate=RATE)
    with av.open(file, "r") as source:
        parts = [part for frame in source.decode(audio=0) for part in resampler.resample(frame)]
        parts += resampler.resample(None)
    copy = np.concatenate([part.to_ndarray()[0] for part in parts])
    return np.pad(copy, (0, max(0, len(samples) - len(copy))))[: len(samples)]


def test_says_what_it_is(embedder: Embedder, pieces: Samples) -> None:
    made = embedder.embed(pieces)
    assert embedder.model == ModelVersion("builtin", 1, made.vectors.shape[1])
    assert embedder.labels == ()
    assert embedder.sample_rate == RATE
    assert made.vectors.dtype == made.sounds.dtype == np.float32
    assert made.vectors.shape[0] == len(pieces)
    assert made.sounds.shape == (len(pieces), 0)
    assert np.isfinite(made.vectors).all()


def test_an_empty_batch_gives_no_vectors(embedder: Embedder) -> None:
    made = embedder.embed(np.zeros((0, 10 * RATE), np.float32))
    assert made.vectors.shape == (0, embedder.model.dimensions)
    assert made.sounds.shape == (0, 0)


def test_is_the_same_bit_for_bit_in_another_process(
    embedder: Embedder, pieces: Samples, tmp_path: Path
) -> None:
    np.save(tmp_path / "pieces.npy", pieces)
    script = (
        "import sys, numpy as np\n"
        "from musicsim_tui.embedding.builtin import BuiltinEmbedder\n"
        "sys.stdout.buffer.write(BuiltinEmbedder().embed(np.load(sys.argv[1])).vectors.tobytes())\n"
    )
    command = [sys.executable, "-c", script, str(tmp_path / "pieces.npy")]
    answer = subprocess.run(command, capture_output=True, check=True)
    assert answer.stdout == embedder.embed(pieces).vectors.tobytes()


def test_leaves_its_input_alone(embedder: Embedder, pieces: Samples) -> None:
    before = pieces.copy()
    embedder.embed(pieces)
    np.testing.assert_array_equal(pieces, before)


@pytest.mark.parametrize("threads", [1, 2, 3])
def test_what_else_is_in_the_batch_changes_no_window(pieces: Samples, threads: int) -> None:
    embedder = BuiltinEmbedder(threads)
    together = embedder.embed(pieces).vectors
    alone = np.concatenate([embedder.embed(piece[None]).vectors for piece in pieces])
    np.testing.assert_allclose(together, alone, atol=1e-5)


@pytest.mark.parametrize("gain", [0.5, 0.01, 3.7, 1e30])
def test_gain_changes_nothing(embedder: Embedder, pieces: Samples, gain: float) -> None:
    plain = embedder.embed(pieces).vectors
    louder = embedder.embed(pieces * np.float32(gain)).vectors
    np.testing.assert_allclose(louder, plain, atol=2e-3)


def test_polarity_and_a_constant_offset_change_nothing(embedder: Embedder, pieces: Samples) -> None:
    plain = embedder.embed(pieces).vectors
    changed = embedder.embed(np.float32(0.2) - pieces).vectors
    np.testing.assert_allclose(changed, plain, atol=2e-3)


@pytest.mark.parametrize(
    "window",
    [
        np.zeros(RATE, np.float32),
        np.ones(RATE, np.float32),
        np.full(RATE, 1e-30, np.float32),
        np.eye(1, RATE, 500, dtype=np.float32)[0],
        np.full(RATE, 3e38, np.float32) * np.resize([1, -1], RATE).astype(np.float32),
        np.full(RATE, np.nan, np.float32),
        np.full(RATE, np.inf, np.float32),
        np.zeros(0, np.float32),
        np.ones(1, np.float32),
    ],
    ids=["silence", "constant", "denormal", "click", "huge", "nan", "infinite", "empty", "one sample"],
)
def test_odd_windows_give_finite_vectors(embedder: Embedder, window: Samples) -> None:
    vectors = embedder.embed(window[None]).vectors
    assert vectors.shape == (1, embedder.model.dimensions)
    assert np.isfinite(vectors).all()


_SHARED = BuiltinEmbedder()


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    length=st.integers(1, 3 * RATE),
    level=st.floats(-12, 12),
    shape=st.sampled_from(["noise", "walk", "square", "sparse", "clipped"]),
)
def test_random_signals_give_finite_vectors(seed: int, length: int, level: float, shape: str) -> None:
    rng = np.random.default_rng(seed)
    noise = rng.standard_normal(length)
    signal = {
        "noise": noise,
        "walk": np.cumsum(noise),
        "square": np.sign(np.sin(np.arange(length) * rng.uniform(0, np.pi))),
        "sparse": np.where(rng.random(length) < 1e-3, noise, 0),
        "clipped": np.clip(noise * 100, -1, 1),
    }[shape]
    vectors = _SHARED.embed((signal * 10.0**level).astype(np.float32)[None]).vectors
    assert np.isfinite(vectors).all()
    assert np.abs(vectors).max() < 10


@pytest.mark.parametrize("seconds", [1, 2, 3, 7, 25])
def test_windows_of_other_lengths_are_nearest_to_their_own_piece(
    embedder: Embedder, long_pieces: Samples, seconds: int
) -> None:
    references = embedder.embed(long_pieces[:, : 10 * RATE]).vectors
    excerpts = embedder.embed(long_pieces[:, 4 * RATE : (4 + seconds) * RATE]).vectors
    assert cosines(excerpts, references).argmax(axis=1).tolist() == [0, 1, 2, 3, 4]


@pytest.mark.parametrize(
    "changed",
    [
        lambda piece: reencoded(piece, "mp3", "libmp3lame", 64_000, 44_100),
        lambda piece: reencoded(piece, "mp3", "libmp3lame", 128_000, 44_100),
        lambda piece: reencoded(piece, "ogg", "libopus", 64_000, 48_000),
        lambda piece: np.roll(piece, RATE // 3),
        lambda piece: np.interp(np.arange(len(piece)) / 2 ** (1 / 12), np.arange(len(piece)), piece),
    ],
    ids=["mp3 64k", "mp3 128k", "opus 64k", "shifted", "a semitone lower"],
)
def test_a_changed_copy_is_nearer_than_any_other_music(
    embedder: Embedder, pieces: Samples, changed: Callable[[Samples], Samples]
) -> None:
    copies = np.stack([changed(piece) for piece in pieces]).astype(np.float32)
    cosine = cosines(embedder.embed(copies).vectors, embedder.embed(pieces).vectors)
    others = cosine[~np.eye(len(pieces), dtype=bool)]
    assert np.diag(cosine).min() > others.max() + 0.1


def test_a_reencoded_copy_counts_as_the_same_recording_and_other_music_does_not(
    embedder: Embedder, pieces: Samples
) -> None:
    copies = np.stack([reencoded(piece, "ogg", "libopus", 64_000, 48_000) for piece in pieces])
    cosine = cosines(embedder.embed(copies).vectors, embedder.embed(pieces).vectors)
    assert np.diag(cosine).min() > embedder.same_recording_cosine
    assert cosine[~np.eye(len(pieces), dtype=bool)].max() < embedder.same_recording_cosine


def test_variations_of_one_idea_lie_together(embedder: Embedder) -> None:
    different = ideas(6, seed=11)
    first, second = (
        embedder.embed(np.stack([compose(idea, variation, 10.0, RATE) for idea in different])).vectors
        for variation in (0, 1)
    )
    assert cosines(first, second).argmax(axis=1).tolist() == [0, 1, 2, 3, 4, 5]


def test_rolloff_and_crest_are_those_of_their_definitions(pieces: Samples) -> None:
    spectra = Analysis(load_constants().mel)(pieces)
    power = 10 ** (spectra.bands.astype(np.float64) / 10)
    total = power.sum(axis=2)
    rolloff = (np.cumsum(power, axis=2) < 0.85 * total[:, :, None]).mean(axis=2)
    crest = np.log(power.max(axis=2) / power.mean(axis=2))
    names = [group.name for group in descriptors.GROUPS]
    shape = sum(group.size for group in descriptors.GROUPS[: names.index("shape")])
    made = descriptors.describe(spectra)
    for place, expected in ((shape + 2, rolloff), (shape + 3, crest)):
        assert made[:, place] == pytest.approx(expected.mean(axis=1), rel=1e-3)
        assert made[:, place + 4] == pytest.approx(expected.std(axis=1), rel=1e-3)


def test_packaged_mel_bank_is_librosas() -> None:
    np.testing.assert_allclose(load_constants().mel, mel_bank(), atol=1e-6)


def test_packaged_constants_fit_the_descriptors() -> None:
    constants = load_constants()
    assert constants.centre.shape == constants.deviation.shape == (descriptors.SIZE,)
    assert constants.projection.shape == (descriptors.SIZE, descriptors.SIZE)
    assert (constants.deviation > 0).all()
    assert sum(group.share for group in descriptors.GROUPS) == pytest.approx(1)


def test_fitting_gives_each_group_its_share_of_the_length() -> None:
    rng = np.random.default_rng(0)
    mixing = rng.standard_normal((descriptors.SIZE, descriptors.SIZE))
    raw = (rng.standard_normal((600, descriptors.SIZE)) @ mixing + 5).astype(np.float32)
    centre, deviation, projection = fit(raw, np.full(600, 1 / 600))
    steps = 3 * np.tanh((raw - centre) / deviation / 3)
    squares = np.square(steps @ projection).mean(axis=0)
    start = 0
    for group in descriptors.GROUPS:
        assert squares[start : start + group.size].sum() == pytest.approx(group.share, rel=1e-3)
        start += group.size


def test_needs_neither_torch_nor_numba_nor_librosa() -> None:
    script = (
        "import sys, numpy as np\n"
        "from musicsim_tui.embedding.builtin import BuiltinEmbedder\n"
        "embedder = BuiltinEmbedder()\n"
        "embedder.embed(np.ones((1, 22050), np.float32))\n"
        "print([name for name in ('torch', 'numba', 'librosa', 'scipy.signal') if name in sys.modules])\n"
    )
    answer = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == "[]"


def test_finds_real_artists_and_tracks_well_above_chance(embedder: Embedder) -> None:
    excerpts = labelled_excerpts(material("music/labels.csv").parent)
    vectors = np.stack([heard(embedder, decoded(excerpt.path, RATE)) for excerpt in excerpts])
    scores = score(cosines(vectors, vectors), excerpts)
    assert scores.artist_at_1 >= 0.46
    assert scores.same_track_at_1 >= 0.60
