from __future__ import annotations

import shutil
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from musicsim_tui.errors import IndexFailure, IndexLocked
from musicsim_tui.index import server as server_module
from musicsim_tui.index.index import IndexPoint
from musicsim_tui.index.lock import WriterLock
from musicsim_tui.index.server import ServerIndex
from musicsim_tui.jobs import Cancelled, CancelToken
from musicsim_tui.search.similar import SearchRequest
from musicsim_tui.services import Services, engine
from musicsim_tui.track import ModelVersion
from musicsim_tui.upkeep import sync
from tests.harness.audio_files import write_music
from tests.harness.library import ingest_into, library
from tests.harness.processes import wait_for
from tests.harness.qdrant_server import Fault, QdrantServer
from tests.library.samples import OTHER, embedding, heard, track_id

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
    with (
        library(tmp_path / "data", QDB_ENDPOINT=server.url, QDB_API_TOKEN=KEY) as services,
        pytest.raises(IndexFailure) as caught,
    ):
        services.engine.rebuild(lambda _: None, CancelToken())
    assert "QDB_COLLECTION" in caught.value.hint
    assert "rebuild" not in caught.value.hint


SEARCH, UPSERT, COUNT = "POST .*/points/query", "PUT .*/points$", "POST .*/points/count"


@pytest.fixture
def served(tmp_path: Path, music: Path, server: QdrantServer) -> dict[str, str]:
    """The environment of a library that is heard and indexed on the server."""
    environment = {"QDB_ENDPOINT": server.url, "QDB_API_TOKEN": KEY}
    with library(tmp_path / "data", None, **environment) as services:
        ingest_into(services, music)
        assert [(row.heard, row.indexed) for row in services.engine.status()] == [(4, 4)]
    return environment


@pytest.mark.parametrize(
    "fault",
    [
        Fault(SEARCH, times=99, status=500),
        Fault(SEARCH, times=99, status=429, headers={"Retry-After": "100"}),
        Fault(SEARCH, times=99, hang=True),
        Fault(COUNT, times=99, hang=True),
        Fault(COUNT, times=99, html=True),
    ],
)
def test_the_catalog_answers_for_a_server_that_cannot_and_says_so_once(
    tmp_path: Path,
    music: Path,
    server: QdrantServer,
    served: dict[str, str],
    fault: Fault,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(server_module, "PROMPT_SECONDS", 1.0)
    notices: list[str] = []
    with library(tmp_path / "data", notices, **served) as services:
        expected = found(services, music / "0.flac")
    server.misbehave(fault)
    asked = len(server.sent(fault.line))
    with library(tmp_path / "data", notices, **served) as services:
        for _ in range(3):
            assert found(services, music / "0.flac") == expected
        assert len(server.sent(fault.line)) == asked + 1
    (notice,) = notices
    assert "The catalog answers instead." in notice


def test_a_server_that_comes_back_is_used_again(
    tmp_path: Path, music: Path, server: QdrantServer, served: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine, "_RETRY_SECONDS", 0.0)
    notices: list[str] = []
    with library(tmp_path / "data", notices, **served) as services:
        for _ in range(2):
            server.misbehave(Fault(SEARCH, status=500))
            found(services, music / "0.flac")
            assert found(services, music / "1.flac")
    assert len(notices) == 2


def test_a_server_that_takes_no_writes_is_searched_all_the_same(
    tmp_path: Path, music: Path, server: QdrantServer, served: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine, "_POLL_SECONDS", 0.01)
    monkeypatch.setattr(engine, "_RETRY_SECONDS", 0.0)
    server.misbehave(Fault(UPSERT, times=999, status=403))
    before = len(server.sent(UPSERT))
    notices: list[str] = []
    with library(tmp_path / "data", notices, **served) as services:
        (use,) = services.catalog.models()
        services.catalog.store([heard(1, heard_as=embedding(1, use.model))])
        for round_ in (1, 2, 3):
            assert len(found(services, music / "0.flac")) == 4
            wait_for(lambda: len(server.sent(UPSERT)) > before + round_, "the sync has tried")  # noqa: B023
        assert len(server.sent(SEARCH)) == 3
    (notice,) = notices
    assert "will be indexed later" in notice


def test_what_others_hear_is_indexed_while_this_process_stays_open(
    tmp_path: Path, music: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine, "_LOCK_WAIT_SECONDS", 0.1)
    with library(tmp_path / "data") as app:
        ingest_into(app, music)
        app.engine.start_sync()
        more = tmp_path / "more"
        more.mkdir()
        for seed in range(10, 13):
            write_music(more / f"{seed}.flac", seed, 3.0)
        with library(tmp_path / "data") as cron:
            ingest_into(cron, more)
            cron.catalog.store([heard(1, heard_as=embedding(1, OTHER))])
            assert cron.engine.open() is None
        wait_for(
            lambda: (
                {row.model.name: row.indexed for row in app.engine.status()} == {"builtin": 7, "other": 1}
            ),
            "the index has what the other process heard",
        )
        app.catalog.delete_tracks([track_id(1)])
        wait_for(lambda: app.catalog.models_behind("edge|musicsim") == [], "the deleted track has left")


def syncing() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "index sync"]


def test_closing_ends_a_sync_that_waits_for_a_busy_server_without_a_word(
    tmp_path: Path, music: Path, server: QdrantServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine, "_CATCH_UP_SECONDS", 0.1)
    with library(tmp_path / "data") as services:
        ingest_into(services, music)
    notices: list[str] = []
    server.misbehave(Fault(UPSERT, times=99, status=429, headers={"Retry-After": "100"}))
    with library(tmp_path / "data", notices, QDB_ENDPOINT=server.url, QDB_API_TOKEN=KEY) as services:
        assert found(services, music / "0.flac")
        wait_for(lambda: bool(server.sent(UPSERT)), "the sync writes")
        assert len(syncing()) == 1
    assert syncing() == []
    assert notices == []


def test_an_interrupted_search_does_not_wait_for_the_sync(
    tmp_path: Path, music: Path, server: QdrantServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine, "_CATCH_UP_SECONDS", 1000.0)
    with library(tmp_path / "data") as services:
        ingest_into(services, music)
    server.misbehave(Fault(UPSERT, times=99, status=503))
    with library(tmp_path / "data", QDB_ENDPOINT=server.url, QDB_API_TOKEN=KEY) as services:
        token = CancelToken()
        seed = services.seed(str(music / "0.flac"), services.models.searching(), token)
        services.search(seed, SearchRequest(), token)
        token.cancel()
    assert syncing() == []


def test_one_process_at_a_time_writes_to_a_server(
    tmp_path: Path, music: Path, server: QdrantServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine, "_LOCK_WAIT_SECONDS", 0.1)
    notices: list[str] = []
    writing = WriterLock(tmp_path / "data" / "server-index.lock")
    assert writing.acquire()
    with library(tmp_path / "data", notices, QDB_ENDPOINT=server.url, QDB_API_TOKEN=KEY) as services:
        assert ingest_into(services, music).added == 4
        assert server.sent(UPSERT) == []
        with pytest.raises(IndexLocked):
            services.engine.rebuild(lambda _: None, CancelToken())
        writing.release()
        ingest_into(services)
        assert [(row.heard, row.indexed) for row in services.engine.status()] == [(4, 4)]
    assert notices == []


@pytest.mark.parametrize("line", [COUNT, UPSERT])
def test_a_server_that_stumbles_during_an_ingest_is_tried_again(
    tmp_path: Path, music: Path, server: QdrantServer, monkeypatch: pytest.MonkeyPatch, line: str
) -> None:
    monkeypatch.setattr(engine, "_RETRY_SECONDS", 0.0)
    with library(tmp_path / "data") as services:
        ingest_into(services, music)
    notices: list[str] = []
    server.misbehave(Fault(line, status=500))
    with library(tmp_path / "data", notices, QDB_ENDPOINT=server.url, QDB_API_TOKEN=KEY) as services:
        model = services.models.listening().model
        services.engine.begin_ingest(model, CancelToken())
        services.engine.push_new(model)
        services.engine.push_new(model)
        assert [(row.heard, row.indexed) for row in services.engine.status()] == [(4, 4)]
    assert len(notices) == 1


def test_points_of_others_are_not_ours(tmp_path: Path, server: QdrantServer, served: dict[str, str]) -> None:
    with library(tmp_path / "data", None, **served) as services:
        (use,) = services.catalog.models()
        with ServerIndex.open(server.url, KEY) as other:
            vector = np.ones(use.model.dimensions, np.float32)
            other.upsert(use.model, [IndexPoint(track_id(number), vector, {}) for number in range(9)])
        assert [(row.heard, row.indexed) for row in services.engine.status()] == [(4, 4)]


def test_the_engine_keeps_its_log_in_the_data_folder(tmp_path: Path, music: Path) -> None:
    with library(tmp_path / "data") as services:
        ingest_into(services, music)
    assert (tmp_path / "data" / "index.log").is_file()
