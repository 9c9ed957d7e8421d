from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from musicsim_tui.errors import UnmetRequest
from musicsim_tui.search.likeness import LikenessScale, likeness_scale
from musicsim_tui.search.moments import best_moment
from musicsim_tui.search.quality import measure_quality, read_labels
from musicsim_tui.search.reasons import shared_sounds
from musicsim_tui.search.vectors import unit
from musicsim_tui.track import Embedding, ModelVersion, Sound
from tests.library.samples import SMALL, embedding, heard

finite = st.floats(-1e3, 1e3, width=32)


@given(arrays.arrays(np.float32, (3, 4), elements=finite))
def test_rows_become_directions(rows: np.ndarray) -> None:
    lengths = np.linalg.norm(unit(rows), axis=1)
    assert np.isfinite(lengths).all()
    big = np.linalg.norm(rows, axis=1) > 1e-3
    assert lengths[big] == pytest.approx(1.0, abs=1e-4)


@given(
    st.floats(-1, 1),
    st.floats(0.001, 2),
    st.lists(st.floats(-1, 1), min_size=2, max_size=8),
)
def test_likeness_rises_with_the_score_and_stays_in_its_scale(
    zero: float, width: float, scores: list[float]
) -> None:
    scale = LikenessScale(zero, zero + width)
    values = [scale.likeness(score) for score in sorted(scores)]
    assert values == sorted(values)
    assert all(0 <= value <= 100 for value in values)
    assert scale.likeness(zero) == 0
    assert scale.likeness(zero + width) == 100


def test_the_best_moment_is_the_earliest_pair_of_highest_cosine() -> None:
    model = ModelVersion("m", 1, 2)
    windows = np.array([[1, 0], [0, 1], [0, 1]], dtype=np.float16)
    query = Embedding(
        model, None, windows.mean(axis=0).astype(np.float32), windows, np.array([0, 10, 20], np.float32)
    )
    match = np.array([[1, 1], [0, 2]], dtype=np.float16)
    moment = best_moment(query, match, np.array([30, 40], np.float32))
    assert moment is not None
    assert (moment.query_start, moment.match_start) == (10.0, 40.0)
    assert moment.score == pytest.approx(1.0)
    assert best_moment(query, match[:0], np.array([], np.float32)) is None


def test_shared_sounds_are_those_strong_in_both() -> None:
    query = (Sound("Music", 0.9, 0), Sound("Piano", 0.6, 0), Sound("Flute", 0.5, 0), Sound("Drum", 0.1, 0))
    match = (Sound("Music", 0.9, 0), Sound("Drum", 0.9, 0), Sound("Piano", 0.5, 0))
    assert [(reason.label, reason.query, reason.match) for reason in shared_sounds(query, match)] == [
        ("Piano", 0.6, 0.5),
        ("Drum", 0.1, 0.9),
    ]


def test_the_scale_comes_from_the_library_and_follows_its_growth(tmp_path: Path) -> None:
    from musicsim_tui.library.catalog import Catalog

    with Catalog.open(tmp_path / "library.db") as catalog:
        assert likeness_scale(catalog, SMALL, 0.9) == LikenessScale(0.0, 0.9)
        catalog.set_meta("likeness:small:1", None)
        catalog.store([heard(number) for number in range(10)])
        scale = likeness_scale(catalog, SMALL, 0.9)
        assert likeness_scale(catalog, SMALL, 0.5) == scale
        catalog.store([heard(number) for number in range(10, 40)])
        assert likeness_scale(catalog, SMALL, 0.5) != scale


def at_angles(*degrees: float) -> np.ndarray:
    """Directions in a plane, shape (angles, 4): their cosines are those of the angles between them."""
    angles = np.deg2rad(degrees)
    return np.stack([np.cos(angles), np.sin(angles), 0 * angles, 0 * angles], axis=1).astype(np.float32)


def test_zero_is_the_median_pair_of_tracks_and_hundred_that_of_windows_of_one_track(tmp_path: Path) -> None:
    """Means 30, 60 and 90 degrees apart; the two windows of each track 20, 30 and 40 degrees apart."""
    from musicsim_tui.library.catalog import Catalog

    with Catalog.open(tmp_path / "library.db") as catalog:
        for number, (middle, apart) in enumerate([(0, 20), (60, 30), (90, 40)]):
            windows = at_angles(middle - apart / 2, middle + apart / 2)
            starts = np.array([0, 10], np.float32)
            hearing = Embedding(SMALL, None, windows.mean(axis=0), windows.astype(np.float16), starts)
            catalog.store([heard(number, heard_as=hearing)])
        scale = likeness_scale(catalog, SMALL, 0.99)
    assert scale.zero == pytest.approx(np.cos(np.deg2rad(60)), abs=2e-3)
    assert scale.hundred == pytest.approx(np.cos(np.deg2rad(30)), abs=2e-3)
    assert scale.likeness(np.cos(np.deg2rad(60.5))) == 0
    assert scale.likeness(np.cos(np.deg2rad(29.5))) == 100
    assert scale.likeness((scale.zero + scale.hundred) / 2) == 50


def labelled(tmp_path: Path, rows: list[tuple[str, str, str]]) -> Path:
    path = tmp_path / "labels.csv"
    lines = ["clip,track_id,artist", *(",".join(row) for row in rows)]
    path.write_text("\n".join(lines))
    return path


def test_quality_follows_its_protocol(tmp_path: Path) -> None:
    """Four artists in four corners, four tracks each, two clips a track: everything is found."""
    from dataclasses import replace

    from musicsim_tui.library.catalog import Catalog

    corners = np.eye(4, dtype=np.float32)
    rows, tracks = [], []
    for number in range(32):
        artist, track = number // 8, number // 2
        vector = corners[artist] + 0.01 * np.float32(track % 4) * corners[(artist + 1) % 4]
        plain = embedding(number)
        tracks.append(
            replace(
                heard(number, str(tmp_path / f"{number}.wav")),
                embedding=Embedding(SMALL, None, vector, vector[None].astype(np.float16), plain.starts[:1]),
            )
        )
        rows.append((f"{number}.wav", f"t{track}", f"a{artist}"))
    with Catalog.open(tmp_path / "library.db") as catalog:
        catalog.store(tracks)
        quality = measure_quality(catalog, SMALL, read_labels(labelled(tmp_path, rows)))
    assert quality.queries == 32
    assert quality.artist_p_at_1 == 1.0
    assert quality.artist_p_at_5 == 1.0
    assert quality.same_track_at_1 == 1.0
    assert quality.random_p_at_1 == pytest.approx(6 / 30)
    assert quality.hubness is not None


def test_quality_refuses_what_it_cannot_measure(tmp_path: Path) -> None:
    from musicsim_tui.library.catalog import Catalog

    path = labelled(tmp_path, [("a.wav", "t", "x"), ("b.wav", "t", "x")])
    with Catalog.open(tmp_path / "library.db") as catalog, pytest.raises(UnmetRequest, match="0 of 2 clips"):
        measure_quality(catalog, SMALL, read_labels(path))
    path.write_text("name,artist\nx,y\n")
    with pytest.raises(UnmetRequest, match="no column 'clip'"):
        read_labels(path)
    with pytest.raises(UnmetRequest, match="There is no file"):
        read_labels(tmp_path / "nothing.csv")
    path.write_bytes(b"clip,track_id,artist\n\xff\xfe,\xff,\n")
    with pytest.raises(UnmetRequest, match="cannot be read"):
        read_labels(path)
