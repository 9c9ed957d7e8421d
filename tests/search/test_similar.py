from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from uuid import uuid4

import numpy as np
import pytest

from musicsim_tui.audio.encode import write_audio
from musicsim_tui.errors import AudioError, UnmetRequest
from musicsim_tui.index.index import Index, SearchParams
from musicsim_tui.jobs import Cancelled, CancelToken
from musicsim_tui.library.query import parse_query
from musicsim_tui.search import ranking
from musicsim_tui.search.exact import search_catalog
from musicsim_tui.search.similar import Match, SearchRequest, Similarity
from musicsim_tui.services import Services
from musicsim_tui.track import Hit, ModelVersion, Tags, TrackId
from tests.harness.audio_files import RATE, write_long_wav, write_music
from tests.harness.audio_files import music as piece
from tests.harness.library import ingest_into, library

PIECES = 6


@pytest.fixture(scope="module")
def music(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("music")
    for seed in range(PIECES):
        tags = Tags(f"Piece {seed}", f"Ensemble {seed % 2}", year=1990 + seed)
        write_music(folder / f"{seed}.flac", seed, 21.0, tags=tags)
    return folder


@pytest.fixture(scope="module")
def services(tmp_path_factory: pytest.TempPathFactory, music: Path) -> Iterator[Services]:
    with library(tmp_path_factory.mktemp("data")) as opened:
        ingest_into(opened, music)
        yield opened


def search(services: Services, query: Path | str, request: SearchRequest | None = None) -> list[Match]:
    token = CancelToken()
    seed = services.seed(str(query), services.models.searching(), token)
    return services.search(seed, request or SearchRequest(), token)


def test_a_track_finds_every_other_track_and_not_itself(services: Services, music: Path) -> None:
    matches = search(services, music / "0.flac")
    assert [match.rank for match in matches] == list(range(1, PIECES))
    assert {match.track.title for match in matches} == {f"Piece {seed}" for seed in range(1, PIECES)}
    scores = [match.score for match in matches]
    assert scores == sorted(scores, reverse=True)
    assert all(0 <= match.likeness <= 100 for match in matches)


def test_id_and_file_of_a_track_give_the_same_answer(services: Services, music: Path) -> None:
    track_id = services.catalog.track_at(music / "2.flac")
    assert track_id is not None
    by_file = [(match.track.id, match.score) for match in search(services, music / "2.flac")]
    assert by_file == [(match.track.id, match.score) for match in search(services, str(track_id))]
    assert by_file == [(match.track.id, match.score) for match in search(services, str(track_id)[:10])]


def test_a_file_from_outside_is_heard_but_not_added(services: Services, music: Path, tmp_path: Path) -> None:
    query = tmp_path / "re-encoded.mp3"
    write_music(query, 3, 21.0)
    matches = search(services, query)
    assert matches[0].track.title == "Piece 3"
    assert matches[0].same_recording
    assert not matches[1].same_recording
    assert services.catalog.count() == PIECES


def test_no_cosine_is_above_one(services: Services, tmp_path: Path) -> None:
    """Rounded to float16, a vector of length one may be longer."""
    for number in range(PIECES):
        query = tmp_path / f"{number}.wav"
        write_music(query, number, 21.0)
        best = search(services, query)[0]
        assert best.same_recording
        assert 0.99 < best.score <= 1.0
        assert best.moment is not None
        assert best.moment.score <= 1.0


def test_the_moment_is_the_pair_of_windows_that_match(services: Services, tmp_path: Path) -> None:
    spliced = np.concatenate([piece(77, 10.0), piece(4, 10.0)])
    write_audio(tmp_path / "spliced.wav", spliced, RATE)
    match = next(m for m in search(services, tmp_path / "spliced.wav") if m.track.title == "Piece 4")
    assert match.moment is not None
    assert match.moment.query_start == 10.0
    assert match.moment.match_start in (0.0, 10.0)
    assert match.moment.score > match.score


def test_a_filter_limits_the_results(services: Services, music: Path) -> None:
    request = SearchRequest(where=parse_query("artist:ensemble year<1993"))
    assert {match.track.title for match in search(services, music / "0.flac", request)} == {
        "Piece 1",
        "Piece 2",
    }
    nothing = SearchRequest(where=parse_query("artist:nobody"))
    assert search(services, music / "0.flac", nothing) == []


@pytest.mark.parametrize("where", [None, "year>=1992"])
def test_a_filter_too_large_for_the_index_gives_the_same_answer(
    services: Services, music: Path, monkeypatch: pytest.MonkeyPatch, where: str | None
) -> None:
    request = SearchRequest(limit=2, where=parse_query(where) if where else None)
    expected = search(services, music / "0.flac", request)
    monkeypatch.setattr(ranking, "MOST_FILTER_IDS", 0)
    assert search(services, music / "0.flac", request) == expected


def test_without_an_index_the_catalog_gives_the_same_answer(services: Services, music: Path) -> None:
    seed = services.seed(str(music / "1.flac"), services.models.searching(), CancelToken())
    indexed = services.search(seed, SearchRequest(limit=3), CancelToken())
    exact = Similarity(services.catalog, None, 0.99).search(seed, SearchRequest(limit=3), CancelToken())
    assert [match.track.id for match in exact] == [match.track.id for match in indexed]
    assert [match.score for match in exact] == pytest.approx([m.score for m in indexed], abs=2e-3)


def test_missing_files_are_left_out_unless_asked_for(tmp_path: Path) -> None:
    folder = tmp_path / "music"
    folder.mkdir()
    for seed in range(3):
        write_music(folder / f"{seed}.wav", seed, 3.0)
    with library(tmp_path / "data") as services:
        ingest_into(services, folder)
        (folder / "1.wav").unlink()
        ingest_into(services)
        assert [m.track.title for m in search(services, folder / "0.wav")] == ["2"]
        request = SearchRequest(where=parse_query("missing:any"))
        assert {m.track.title for m in search(services, folder / "0.wav", request)} == {"1", "2"}


def test_silence_and_noise_are_refused_in_words(services: Services, tmp_path: Path) -> None:
    write_long_wav(tmp_path / "silence.wav", 12, frequency=0.0)
    with pytest.raises(AudioError, match="silent"):
        search(services, tmp_path / "silence.wav")
    (tmp_path / "text.mp3").write_text("words " * 1000)
    with pytest.raises(AudioError):
        search(services, tmp_path / "text.mp3")
    with pytest.raises(UnmetRequest):
        search(services, "ffffffff-0000-4000-8000-000000000000")


def test_a_search_can_be_abandoned(services: Services, music: Path) -> None:
    seed = services.seed(str(music / "1.flac"), services.models.searching(), CancelToken())
    token = CancelToken()
    token.cancel()
    with pytest.raises(Cancelled):
        services.search(seed, SearchRequest(), token)


def test_hits_the_catalog_does_not_know_are_made_up_for(services: Services, music: Path) -> None:
    class WithStrangers:
        """An index shared with another library: every other hit is not ours."""

        target = "shared"

        def __init__(self, inner: Index) -> None:
            self._inner = inner

        def search(self, model: ModelVersion, vector: np.ndarray, params: SearchParams) -> list[Hit]:
            own = self._inner.search(model, vector, replace(params, limit=params.limit))
            mixed = [hit for each in own for hit in (Hit(TrackId(uuid4()), each.score), each)]
            return mixed[: params.limit]

    index = services.engine.open()
    assert index is not None
    seed = services.seed(str(music / "1.flac"), services.models.searching(), CancelToken())
    services.catalog.mark_indexed("shared", seed.embedding.model, services.catalog.matching_ids(None))
    shared = Similarity(services.catalog, WithStrangers(index), 0.99)  # type: ignore[arg-type]
    expected = services.search(seed, SearchRequest(limit=3), CancelToken())
    found = shared.search(seed, SearchRequest(limit=3), CancelToken())
    assert [match.track.id for match in found] == [match.track.id for match in expected]


def test_exact_search_keeps_the_best_whatever_the_batches(services: Services, music: Path) -> None:
    seed = services.seed(str(music / "5.flac"), services.models.searching(), CancelToken())
    model, vector = seed.embedding.model, seed.embedding.mean
    everything = search_catalog(services.catalog, model, vector, SearchParams(limit=50), CancelToken())
    assert everything[0].id == seed.track_id
    for limit in range(1, PIECES):
        params = SearchParams(limit=limit)
        assert search_catalog(services.catalog, model, vector, params, CancelToken()) == everything[:limit]


def test_another_piece_that_sounds_the_same_is_not_the_same_recording(
    services: Services, music: Path
) -> None:
    seed = services.seed(str(music / "1.flac"), services.models.searching(), CancelToken())
    everything_alike = Similarity(services.catalog, None, -1.0)
    assert all(m.same_recording for m in everything_alike.search(seed, SearchRequest(), CancelToken()))
    longer = replace(seed, duration=seed.duration + 3)
    assert not any(m.same_recording for m in everything_alike.search(longer, SearchRequest(), CancelToken()))


def test_two_pieces_that_part_in_the_middle_are_not_the_same_recording(
    services: Services, tmp_path: Path
) -> None:
    """As pieces made of the same loops do; their means are close."""
    begins_alike = np.concatenate([piece(4, 20.0)[: 10 * RATE], piece(5, 11.0)])
    write_audio(tmp_path / "parts.wav", begins_alike[: 21 * RATE], RATE)
    close = Similarity(services.catalog, None, 0.9)
    seed = services.seed(str(tmp_path / "parts.wav"), services.models.searching(), CancelToken())
    assert not any(match.same_recording for match in close.search(seed, SearchRequest(), CancelToken()))
