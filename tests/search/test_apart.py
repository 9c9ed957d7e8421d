"""What sets results apart: by the built-in model's descriptors, by sounds, and where neither can tell."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from musicsim_tui.embedding.builtin import BuiltinEmbedder
from musicsim_tui.embedding.versions import BUILTIN
from musicsim_tui.jobs import CancelToken
from musicsim_tui.library.catalog import Catalog
from musicsim_tui.search.seed import seed_from_track
from musicsim_tui.search.similar import SearchRequest, Similarity
from musicsim_tui.track import Embedding, Sound
from tests.harness.changes import CHANGES, low_passed, piece, write_changes
from tests.harness.library import ingest_into, library
from tests.library.samples import OTHER, embedding, heard, track_id

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from musicsim_tui.services import Services
    from musicsim_tui.track import ModelVersion, Samples


def apart_by_title(services: Services, query: str) -> dict[str, str]:
    """What sets each result apart, by its title."""
    seed = services.seed(query, services.models.searching(), CancelToken())
    matches = services.search(seed, SearchRequest(limit=20), CancelToken())
    return {match.track.title: match.apart for match in matches}


def test_each_change_of_a_piece_is_told_in_its_word(tmp_path: Path) -> None:
    original = write_changes(tmp_path / "music")
    expected = {title: word for title, (_, word) in CHANGES.items()}
    with library(tmp_path / "data") as services:
        ingest_into(services, tmp_path / "music")
        assert apart_by_title(services, str(original)) == {**expected, "copy": ""}
        outside = original.rename(tmp_path / "outside.flac")
        ingest_into(services)
        assert apart_by_title(services, str(outside)) == {**expected, "copy": ""}
        back = apart_by_title(services, str(tmp_path / "music" / "low-passed.flac"))
        assert back["copy"] == "brighter"


@pytest.fixture
def catalog(tmp_path: Path) -> Iterator[Catalog]:
    with Catalog.open(tmp_path / "library.db") as opened:
        yield opened


def apart_by_number(catalog: Catalog, model: ModelVersion, numbers: range) -> list[str]:
    """What sets tracks apart from track 1, in the order of their numbers."""
    seed = seed_from_track(catalog, track_id(1), model)
    matches = Similarity(catalog, None, 0.99).search(seed, SearchRequest(limit=20), CancelToken())
    words = {match.track.id: match.apart for match in matches}
    return [words[track_id(number)] for number in numbers]


def test_a_sound_that_only_one_has_sets_apart(catalog: Catalog) -> None:
    sounds = [
        {"Music": 0.9, "Piano": 0.5, "Violin, fiddle": 0.2},
        {"Piano": 0.5, "Violin, fiddle": 0.2},
        {"Piano": 0.5, "Violin, fiddle": 0.2, "Rock music": 0.4, "Drum": 0.2},
        {"Violin, fiddle": 0.2, "Organ": 0.1},
        {"Piano": 0.4, "Drum": 0.3},
        {"Piano": 0.5, "Drum": 0.1},
    ]
    for number, scores in enumerate(sounds, start=1):
        named = tuple(Sound(label, score, 0.0) for label, score in scores.items())
        catalog.store([heard(number, heard_as=embedding(number, OTHER), sounds=named)])
    assert apart_by_number(catalog, OTHER, range(2, 7)) == ["", "rock", "no piano", "drum", "no violin"]


def test_where_sounds_tell_nothing_the_descriptors_do_of_tracks_that_have_them(catalog: Catalog) -> None:
    plain, dull = as_builtin_hears(piece()), as_builtin_hears(low_passed(piece()))
    drum = (Sound("Drum", 0.5, 0.0),)
    for number, sounds in enumerate(((), (), drum, ()), start=1):
        catalog.store([heard(number, heard_as=embedding(number, OTHER), sounds=sounds)])
    assert apart_by_number(catalog, OTHER, range(2, 5)) == ["", "drum", ""]
    catalog.store([heard(number, heard_as=dull) for number in (2, 3)])
    assert apart_by_number(catalog, OTHER, range(2, 5)) == ["", "drum", ""]
    catalog.store([heard(1, heard_as=plain)])
    assert apart_by_number(catalog, OTHER, range(2, 5)) == ["darker", "drum", ""]
    catalog.drop_model(BUILTIN)
    assert apart_by_number(catalog, OTHER, range(2, 5)) == ["", "drum", ""]


def as_builtin_hears(samples: Samples) -> Embedding:
    vectors = BuiltinEmbedder().embed(samples[None]).vectors
    return Embedding(BUILTIN, None, vectors[0], vectors.astype(np.float16), np.zeros(1, np.float32))
