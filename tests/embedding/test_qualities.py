"""Words for what is heard: each change of a piece gets its own word, and none that is not so."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
import pytest

from musicsim_tui.embedding.builtin import BuiltinEmbedder
from musicsim_tui.embedding.qualities import QUALITIES, clear_differences, qualities
from musicsim_tui.upkeep.pieces import pieces
from tests.benchmarks.apart import measures, neighbours, tally
from tests.benchmarks.quality_sets import compose, decoded, heard, ideas, labelled_excerpts
from tests.harness import changes
from tests.harness.material import material

if TYPE_CHECKING:
    from musicsim_tui.embedding.products import Floats
    from musicsim_tui.track import Samples

    Change = Callable[[Samples], Samples]

_EMBEDDER = BuiltinEmbedder()
_OPPOSITES = {quality.more: quality.less for quality in QUALITIES}
_OPPOSITES |= {less: more for more, less in _OPPOSITES.items()}


def told_of(samples: Samples) -> Floats:
    """The qualities of a whole piece."""
    values: Floats = qualities(heard(_EMBEDDER, samples)[None])[0]
    return values


@pytest.fixture(scope="module")
def music() -> list[Samples]:
    """Fourteen pieces, synthesised in two different ways."""
    demo = [piece.render(changes.RATE).mean(axis=0) for piece in pieces()[1::5]]
    return [*demo, *(compose(idea, 0, 20.0, changes.RATE) for idea in ideas(6, seed=3))]


@pytest.fixture(scope="module")
def plain(music: list[Samples]) -> list[Floats]:
    return [told_of(piece) for piece in music]


@pytest.mark.parametrize(
    ("change", "words", "follows"),
    [
        (changes.low_passed, {"darker"}, {"calmer", "smoother"}),
        (changes.treble_raised, {"brighter"}, set()),
        (changes.bass_raised, {"more bass"}, {"darker"}),
        (changes.bass_removed, {"less bass"}, set()),
        (changes.with_bass_line, {"more bass"}, {"darker", "steadier"}),
        (changes.with_noise, {"noisier"}, set(_OPPOSITES) - {"darker", "less bass", "less steady"}),
        (changes.with_drums, {"punchier", "busier"}, {"brighter", "more bass", "noisier"}),
        (changes.compressed, {"steadier"}, {"smoother"}),
        (changes.swelling, {"less steady"}, set()),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_a_change_gets_its_own_word_and_none_that_is_not_so(
    music: list[Samples], plain: list[Floats], change: Change, words: set[str], follows: set[str]
) -> None:
    said = 0
    for before, piece in zip(plain, music, strict=True):
        after = told_of(change(piece))
        for place, quality in enumerate(QUALITIES):
            if quality.more in words:
                assert after[place] > before[place]
            if quality.less in words:
                assert after[place] < before[place]
        differences = clear_differences(before, after)
        assert set(differences) <= words | follows
        assert {_OPPOSITES[word] for word in differences} == set(clear_differences(after, before))
        said += not words.isdisjoint(differences)
    assert said > len(music) / 2


@pytest.mark.parametrize(
    "change",
    [
        lambda piece: piece,
        lambda piece: piece * np.float32(0.1),
        lambda piece: -piece,
        lambda piece: np.roll(piece, changes.RATE // 3),
        lambda piece: np.interp(np.arange(0, len(piece), 2 ** (-1 / 12)), np.arange(len(piece)), piece),
        lambda piece: piece + 1e-4 * np.random.default_rng(0).standard_normal(len(piece)),
    ],
    ids=["itself", "softer", "polarity", "shifted", "a semitone lower", "dither"],
)
def test_what_people_hardly_hear_gets_no_word(
    music: list[Samples], plain: list[Floats], change: Change
) -> None:
    for before, piece in zip(plain, music, strict=True):
        assert clear_differences(before, told_of(change(piece).astype(np.float32))) == []


def test_the_clearest_difference_comes_first() -> None:
    query = np.zeros(len(QUALITIES), np.float32)
    match = np.asarray([-1.2, 0.9, 3.0, -0.2, -2.0, 0.0], np.float32)
    assert clear_differences(query, match) == ["noisier", "calmer", "darker"]
    assert clear_differences(query, query) == []


def test_vectors_that_no_music_makes_have_finite_qualities() -> None:
    silence = _EMBEDDER.embed(np.zeros((1, changes.RATE), np.float32)).vectors
    odd = np.stack([silence[0], np.zeros_like(silence[0]), np.full_like(silence[0], 100)])
    assert np.isfinite(qualities(odd)).all()
    assert qualities(odd[:0]).shape == (0, len(QUALITIES))


def test_words_agree_with_other_measures_of_real_music() -> None:
    excerpts = labelled_excerpts(material("music/labels.csv").parent)[::4]
    samples = [decoded(excerpt.path, changes.RATE) for excerpt in excerpts]
    vectors = np.stack([heard(_EMBEDDER, each) for each in samples])
    measured = np.stack([measures(each) for each in samples])
    counts = tally(vectors, measured, neighbours(vectors, [excerpt.track for excerpt in excerpts]))
    assert counts.accuracy > 0.92
    assert 0.6 < counts.coverage < 0.9
    assert all(counts.right[word] >= 0.8 * said > 0 for word, said in counts.said.items())
