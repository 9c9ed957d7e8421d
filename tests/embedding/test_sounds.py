from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from musicsim_tui.embedding.sounds import (
    AUDIOSET_CLASSES,
    MINIMUM_SCORE,
    SoundTally,
    audioset_labels,
    best_sounds,
)
from musicsim_tui.track import Sound
from tests.harness.material import material


def test_the_labels_are_those_of_audioset_in_order() -> None:
    labels = audioset_labels()
    assert len(labels) == len(set(labels)) == AUDIOSET_CLASSES == 527
    assert labels[0] == "Speech"
    assert labels[1] == "Male speech, man speaking"
    assert labels[187] == "Trumpet"
    assert labels[526] == "Field recording"


def test_the_packaged_list_is_the_published_one() -> None:
    published = material("audioset/class_labels_indices.csv").read_text(encoding="utf-8").splitlines()[1:]
    assert [line.split(",", 2)[2].strip('"') for line in published] == list(audioset_labels())


def test_the_mean_ranks_and_the_strongest_window_gives_the_start() -> None:
    scores = np.array([[0.9, 0.2, 0.01], [0.1, 0.9, 0.02]], dtype=np.float32)
    starts = np.array([0.0, 10.0], dtype=np.float32)
    found = best_sounds(scores, starts, ("Piano", "Drum", "Cat"))
    assert [(sound.label, sound.start) for sound in found] == [("Drum", 10.0), ("Piano", 0.0)]
    assert [sound.score for sound in found] == pytest.approx([0.55, 0.5])


def test_silent_windows_do_not_count() -> None:
    scores = np.array([[0.9, 0.2], [0.1, 0.6]], dtype=np.float32)
    starts = np.array([0.0, 10.0], dtype=np.float32)
    found = best_sounds(scores, starts, ("Silence", "Drum"), silent=np.array([True, False]))
    assert [(sound.label, sound.start) for sound in found] == [("Drum", 10.0), ("Silence", 10.0)]
    assert best_sounds(scores, starts, ("Silence", "Drum"), silent=np.array([True, True])) == ()


def test_only_so_many_are_kept_and_equal_ones_keep_the_order_of_the_labels() -> None:
    scores = np.full((3, 4), 0.5, dtype=np.float32)
    starts = np.array([0.0, 10.0, 20.0], dtype=np.float32)
    assert best_sounds(scores, starts, tuple("abcd"), keep=2) == (Sound("a", 0.5, 0.0), Sound("b", 0.5, 0.0))
    assert best_sounds(scores, starts, tuple("abcd"), keep=0) == ()


def test_starts_may_be_a_plain_list() -> None:
    tally = SoundTally(("Piano", "Drum"))
    tally.add([0.0, 10.0], np.array([[0.2, 0.4], [0.6, 0.3]], dtype=np.float32))
    assert [(sound.label, sound.start) for sound in tally.best()] == [("Piano", 10.0), ("Drum", 0.0)]


def test_an_embedder_without_sound_names_gives_none() -> None:
    tally = SoundTally(())
    tally.add(np.zeros(2, dtype=np.float32), np.zeros((2, 0), dtype=np.float32))
    assert tally.best() == ()


def test_scores_of_another_shape_are_refused() -> None:
    with pytest.raises(ValueError, match="2 starts and 1 labels"):
        SoundTally(("Piano",)).add(np.zeros(2, dtype=np.float32), np.zeros((3, 1), dtype=np.float32))


@given(
    scores=st.lists(
        st.lists(st.floats(0, 1, width=32), min_size=3, max_size=3),
        min_size=1,
        max_size=12,
    ),
    cut=st.integers(0, 12),
)
def test_a_tally_in_parts_equals_the_whole(scores: list[list[float]], cut: int) -> None:
    table = np.array(scores, dtype=np.float32)
    starts = np.arange(len(table), dtype=np.float32) * 10
    labels = ("Piano", "Drum", "Cat")
    tally = SoundTally(labels)
    tally.add(starts[:cut], table[:cut])
    tally.add(starts[cut:], table[cut:])
    parts = tally.best()
    whole = best_sounds(table, starts, labels)
    by_label = {sound.label: sound for sound in whole}
    for sound in parts:
        column = table[:, labels.index(sound.label)]
        assert sound.score == pytest.approx(float(column.mean(dtype=np.float64)), abs=1e-6)
        assert sound.start == starts[int(column.argmax())]
        assert sound.start == by_label[sound.label].start if sound.label in by_label else True
    assert [sound.score for sound in parts] == sorted((sound.score for sound in parts), reverse=True)
    assert all(sound.score >= MINIMUM_SCORE for sound in parts)
