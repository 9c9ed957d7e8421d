from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from musicsim_tui.index.edge import EdgeIndex
from musicsim_tui.index.index import Index, IndexPoint
from musicsim_tui.index.server import ServerIndex
from musicsim_tui.jobs import Cancelled, CancelToken
from musicsim_tui.library.catalog import Catalog
from musicsim_tui.upkeep import sync
from musicsim_tui.upkeep.doctor import check_index
from musicsim_tui.upkeep.sync import push, reconcile
from tests.harness.qdrant_server import Fault, QdrantServer
from tests.library.samples import SMALL, embedding, heard, track_id

TRACKS = range(1, 11)


@pytest.fixture
def catalog(tmp_path: Path) -> Iterator[Catalog]:
    with Catalog.open(tmp_path / "library.db") as opened:
        opened.store([heard(number) for number in TRACKS])
        yield opened


@pytest.fixture
def double() -> Iterator[QdrantServer]:
    with QdrantServer() as server:
        yield server


@pytest.fixture
def served(catalog: Catalog, double: QdrantServer) -> Iterator[Index]:
    """An index on a server that has everything."""
    with ServerIndex.open(double.url, None) as index:
        push(catalog, index, SMALL, CancelToken())
        yield index


@pytest.fixture
def own(catalog: Catalog, tmp_path: Path) -> Iterator[Index]:
    """An embedded index that has everything."""
    with EdgeIndex.open(tmp_path / "index") as index:
        push(catalog, index, SMALL, CancelToken())
        yield index


def add_strangers(index: Index, numbers: range) -> None:
    index.upsert(SMALL, [IndexPoint(track_id(number), embedding(number).mean, {}) for number in numbers])


def test_points_of_others_on_a_server_are_neither_counted_nor_listed(
    catalog: Catalog, double: QdrantServer, served: Index
) -> None:
    add_strangers(served, range(100, 150))
    assert reconcile(catalog, served, SMALL, CancelToken()) == 0
    assert double.sent("/scroll") == []
    assert served.count(SMALL) == 60
    (finding,) = check_index(catalog, served, "server")
    assert (finding.state, "10 points for 10 tracks" in finding.detail) == ("ok", True)


def test_points_lost_among_those_of_others_are_missed(catalog: Catalog, served: Index) -> None:
    add_strangers(served, range(100, 150))
    served.delete(SMALL, [track_id(3)])
    assert reconcile(catalog, served, SMALL, CancelToken()) == 1
    assert [entry.track_id for entry in catalog.unindexed(served.target, SMALL)] == [track_id(3)]


def test_lost_points_are_brought_again(catalog: Catalog, own: Index) -> None:
    own.delete(SMALL, [track_id(3), track_id(5)])
    assert reconcile(catalog, own, SMALL, CancelToken(), own=True) == 2
    assert push(catalog, own, SMALL, CancelToken()) == 2
    assert own.count(SMALL) == len(TRACKS)


def test_strangers_in_an_index_of_ones_own_are_removed(catalog: Catalog, own: Index) -> None:
    add_strangers(own, range(100, 150))
    catalog.store([heard(11)])
    add_strangers(own, range(11, 12))  # of a run that was killed before it could mark it
    assert reconcile(catalog, own, SMALL, CancelToken(), own=True) == 0
    assert set(own.ids(SMALL)) == {track_id(number) for number in range(1, 12)}


def test_a_vector_without_direction_keeps_nothing_else_from_the_index(
    catalog: Catalog, own: Index, caplog: pytest.LogCaptureFixture
) -> None:
    nowhere = replace(embedding(11), mean=np.zeros(SMALL.dimensions, np.float32))
    catalog.store([heard(11, heard_as=nowhere), heard(12)])
    assert push(catalog, own, SMALL, CancelToken()) == 1
    assert str(track_id(11)) in caplog.text
    assert set(own.ids(SMALL)) == {track_id(number) for number in (*TRACKS, 12)}
    assert catalog.models_behind(own.target) == []
    assert reconcile(catalog, own, SMALL, CancelToken(), own=True) == 0
    catalog.store([heard(11)])
    assert push(catalog, own, SMALL, CancelToken()) == 1
    assert own.count(SMALL) == 12


def test_cancelling_ends_a_push_between_two_batches(
    catalog: Catalog, double: QdrantServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sync, "_BATCH", 4)
    token = CancelToken()
    with ServerIndex.open(double.url, None, pause=token.wait) as index:
        with pytest.raises(Cancelled):
            push(catalog, index, SMALL, token, publish=lambda _: token.cancel())
        assert catalog.indexed_count(index.target, SMALL) == index.count(SMALL) == 4
        double.misbehave(Fault("PUT .*/points$", times=99, status=429, headers={"Retry-After": "100"}))
        with pytest.raises(Cancelled):
            push(catalog, index, SMALL, token)
