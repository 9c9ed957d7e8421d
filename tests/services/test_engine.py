from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from musicsim_tui.errors import IndexFailure
from musicsim_tui.index.server import ServerIndex
from musicsim_tui.jobs import Cancelled, CancelToken
from musicsim_tui.search.similar import SearchRequest
from musicsim_tui.services import Services
from musicsim_tui.track import ModelVersion
from musicsim_tui.upkeep import sync
from tests.harness.audio_files import write_music
from tests.harness.library import ingest_into, library
from tests.harness.qdrant_server import QdrantServer

KEY = "s3cr3t-key"


@pytest.fixture
def server() -> Iterator[QdrantServer]:
    with QdrantServer(api_key=KEY) as double:
        yield double


@pytest.fixture
def music(tmp_path: Path) -> Path:
    folder = tmp_path / "music"
    folder.mkdir()
    for seed in range(4):
        write_music(folder / f"{seed}.flac", seed, 3.0)
    return folder


def found(services: Services, query: Path) -> list[str]:
    token = CancelToken()
    seed = services.seed(str(query), services.models.searching(), token)
    return [match.track.title for match in services.search(seed, SearchRequest(), token)]


def test_an_existing_library_pointed_at_a_server_just_works(
    tmp_path: Path, music: Path, server: QdrantServer
) -> None:
    with library(tmp_path / "data") as embedded:
        ingest_into(embedded, music)
        expected = found(embedded, music / "0.flac")
    notices: list[str] = []
    endpoint = {"QDB_ENDPOINT": server.url, "QDB_API_TOKEN": KEY}
    with library(tmp_path / "data", notices, **endpoint) as served:
        assert found(served, music / "0.flac") == expected
    with library(tmp_path / "data", notices, **endpoint) as served:
        assert [(row.heard, row.indexed) for row in served.engine.status()] == [(4, 4)]
        assert found(served, music / "0.flac") == expected
    assert notices == []


def test_ingest_goes_on_when_the_server_is_away_and_catches_up_later(
    tmp_path: Path, music: Path, server: QdrantServer
) -> None:
    notices: list[str] = []
    endpoint = {"QDB_ENDPOINT": "http://127.0.0.1:9", "QDB_API_TOKEN": KEY}
    with library(tmp_path / "data", notices, **endpoint) as away:
        summary = ingest_into(away, music)
        assert summary.added == 4
        assert len(notices) == 1
        assert "127.0.0.1:9" in notices[0]
        with pytest.raises(IndexFailure):
            away.engine.status()
    with library(tmp_path / "data", QDB_ENDPOINT=server.url, QDB_API_TOKEN=KEY) as back:
        ingest_into(back)
        assert [(row.heard, row.indexed) for row in back.engine.status()] == [(4, 4)]


@pytest.mark.parametrize("indexed_before", [False, True])
def test_a_wrong_key_is_one_clear_sentence_and_the_catalog_answers(
    tmp_path: Path, music: Path, server: QdrantServer, indexed_before: bool
) -> None:
    with library(tmp_path / "data") as embedded:
        ingest_into(embedded, music)
        expected = found(embedded, music / "0.flac")
    if indexed_before:
        with library(tmp_path / "data", QDB_ENDPOINT=server.url, QDB_API_TOKEN=KEY) as accepted:
            ingest_into(accepted)
    notices: list[str] = []
    with library(tmp_path / "data", notices, QDB_ENDPOINT=server.url, QDB_API_TOKEN="wr0ng-key") as refused:
        assert found(refused, music / "0.flac") == expected
        with pytest.raises(IndexFailure) as caught:
            refused.engine.rebuild(lambda _: None, CancelToken())
    assert len(notices) == 1
    assert "wr0ng-key" not in str(caught.value) + caught.value.hint + notices[0]


def test_a_deleted_index_comes_back_by_itself(tmp_path: Path, music: Path) -> None:
    with library(tmp_path / "data") as services:
        ingest_into(services, music)
        expected = found(services, music / "0.flac")
    shutil.rmtree(tmp_path / "data" / "index")
    with library(tmp_path / "data") as services:
        assert found(services, music / "0.flac") == expected
    with library(tmp_path / "data") as services:
        assert [(row.heard, row.indexed) for row in services.engine.status()] == [(4, 4)]


def test_a_damaged_index_still_answers_and_is_rebuilt_on_demand(tmp_path: Path, music: Path) -> None:
    with library(tmp_path / "data") as services:
        ingest_into(services, music)
        expected = found(services, music / "0.flac")
    damaged = 0
    for path in (tmp_path / "data" / "index").rglob("*"):
        if path.is_file() and path.suffix in (".json", ".mmap", ".dat", ".bin") and path.stat().st_size:
            path.write_bytes(b"garbage")
            damaged += 1
    assert damaged
    notices: list[str] = []
    with library(tmp_path / "data", notices) as services:
        assert found(services, music / "0.flac") == expected
        assert services.engine.rebuild(lambda _: None, CancelToken()) == {"builtin": 4}
    assert any("rebuild" in notice for notice in notices)
    notices.clear()
    with library(tmp_path / "data", notices) as services:
        assert found(services, music / "0.flac") == expected
    assert notices == []


def interrupt_rebuild(services: Services) -> None:
    """Stop a rebuild after two tracks."""
    token = CancelToken()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sync, "_BATCH", 1)
        with pytest.raises(Cancelled):
            services.engine.rebuild(lambda snapshot: token.cancel() if snapshot.done == 2 else None, token)


def test_an_interrupted_rebuild_goes_on(tmp_path: Path, music: Path) -> None:
    with library(tmp_path / "data") as services:
        ingest_into(services, music)
        interrupt_rebuild(services)
        assert [row.indexed for row in services.engine.status()] == [2]
        assert services.engine.rebuild(lambda _: None, CancelToken()) == {"builtin": 4}
        assert [row.indexed for row in services.engine.status()] == [4]


def test_a_rebuild_starts_over_when_what_an_interrupted_one_left_is_damaged(
    tmp_path: Path, music: Path
) -> None:
    with library(tmp_path / "data") as services:
        ingest_into(services, music)
        interrupt_rebuild(services)
    for path in (tmp_path / "data" / "index").rglob("*.json"):
        path.write_bytes(b"garbage")
    with library(tmp_path / "data") as services:
        assert services.engine.rebuild(lambda _: None, CancelToken()) == {"builtin": 4}
        assert [row.indexed for row in services.engine.status()] == [4]


def test_a_collection_of_other_dimensions_on_a_server_asks_for_another_name(
    tmp_path: Path, music: Path, server: QdrantServer
) -> None:
    with library(tmp_path / "data") as embedded:
        ingest_into(embedded, music)
    with ServerIndex.open(server.url, KEY) as somebody:
        somebody.ensure(ModelVersion("builtin", 1, 7))
    with library(tmp_path / "data", QDB_ENDPOINT=server.url, QDB_API_TOKEN=KEY) as services:
        with pytest.raises(IndexFailure) as caught:
            services.engine.rebuild(lambda _: None, CancelToken())
    assert "QDB_COLLECTION" in caught.value.hint
    assert "rebuild" not in caught.value.hint


def test_while_another_process_holds_the_index_the_catalog_answers(tmp_path: Path, music: Path) -> None:
    with library(tmp_path / "data") as holder:
        ingest_into(holder, music)
        expected = found(holder, music / "0.flac")
        with library(tmp_path / "data") as second:
            assert second.engine.open() is None
            assert found(second, music / "0.flac") == expected
