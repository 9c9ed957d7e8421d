"""The server index on a double: what is sent, how much of it, and what nobody else may see."""

from __future__ import annotations

from contextlib import closing
from typing import Any
from uuid import UUID

import pytest
from qdrant_client import QdrantClient, models

from musicsim_tui.errors import SettingsError
from musicsim_tui.index.index import SearchParams
from musicsim_tui.index.points import POINTS_PER_BATCH, REQUEST_BYTES
from musicsim_tui.index.server import PAYLOAD_INDEXES, ServerIndex
from musicsim_tui.track import ModelVersion, TrackId
from tests.harness.qdrant_server import VERSION, QdrantServer
from tests.index.served import (
    COLLECTION,
    KEY,
    MODEL,
    SEARCH,
    UPSERT,
    WIDE,
    failure_of,
    point_with,
    vector_for,
)


def test_check_gives_the_version(served: ServerIndex) -> None:
    assert served.check() == VERSION


def test_target_names_the_place_but_no_secret(double: QdrantServer) -> None:
    address = double.url.replace("http://", "http://user:pa55word@") + "/"
    with ServerIndex.open(address, KEY, prefix="other") as index:
        assert index.target == f"server:{double.url}|other"
        assert "pa55word" not in repr(index) + str(index)
        assert KEY not in repr(index) + str(index)


def test_loopback_is_reached_past_a_proxy(double: QdrantServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    with ServerIndex.open(double.url, KEY) as index:
        assert index.check() == VERSION


def test_opening_sends_nothing(double: QdrantServer) -> None:
    ServerIndex.open(double.url, KEY).close()
    assert double.requests == []


def test_collection_has_cosine_half_precision_and_indexes_before_points(
    double: QdrantServer, served: ServerIndex
) -> None:
    served.upsert(MODEL, [point_with(1)])
    (creation,) = double.sent(rf"PUT /collections/{COLLECTION}$")
    assert creation.body["vectors"] == {
        "size": 8,
        "distance": "Cosine",
        "datatype": "float16",
        "on_disk": False,
    }
    writes = [request.line for request in double.sent("^PUT ")]
    assert writes[-1] == UPSERT
    created = [request.body for request in double.sent("PUT .*/index$")]
    assert {(body["field_name"], body["field_schema"]) for body in created} == set(PAYLOAD_INDEXES.items())


def test_ensure_again_changes_nothing(double: QdrantServer, served: ServerIndex) -> None:
    before = len(double.sent("^PUT "))
    served.ensure(MODEL)
    assert len(double.sent("^PUT ")) == before


def test_ensure_adds_an_index_that_is_missing(double: QdrantServer, served: ServerIndex) -> None:
    with closing(_client(double)) as client:
        client.create_collection(
            "musicsim_mn04_v2", models.VectorParams(size=8, distance=models.Distance.COSINE)
        )
    served.ensure(ModelVersion("mn04", 2, 8))
    assert len(double.sent("PUT /collections/musicsim_mn04_v2/index")) == len(PAYLOAD_INDEXES)


def test_collection_of_somebody_else_is_refused(double: QdrantServer, served: ServerIndex) -> None:
    with closing(_client(double)) as client:
        client.create_collection(
            "musicsim_mn04_v2", models.VectorParams(size=8, distance=models.Distance.DOT)
        )
        client.create_collection(
            "musicsim_mn04_v3", {"own": models.VectorParams(size=8, distance=models.Distance.COSINE)}
        )
    for version in (2, 3):
        failure = failure_of(lambda version=version: served.ensure(ModelVersion("mn04", version, 8)))  # type: ignore[misc]
        assert "was not made by musicsim-tui" in failure.title


def test_collection_made_by_another_at_the_same_moment(
    double: QdrantServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    with ServerIndex.open(double.url, KEY) as index, closing(_client(double)) as client:
        creating = index._client.create_collection

        def slower(name: str, **options: Any) -> bool:  # noqa: ANN401
            client.create_collection(name, **options)
            return creating(name, **options)

        monkeypatch.setattr(index._client, "create_collection", slower)
        index.ensure(MODEL)
        assert index.count(MODEL) == 0


def _client(double: QdrantServer) -> QdrantClient:
    return QdrantClient(url=double.url, headers={"api-key": KEY}, check_compatibility=False)


def test_every_field_with_an_index_can_be_filtered_on(double: QdrantServer, served: ServerIndex) -> None:
    served.upsert(MODEL, [point_with(1, title="Für Elise", year=1810, sounds=["Piano"])])
    with closing(_client(double)) as client:
        for field in PAYLOAD_INDEXES:
            condition = models.FieldCondition(key=field, is_empty=False)
            client.count(COLLECTION, count_filter=models.Filter(must=[condition]))
        other = models.FieldCondition(key="bitrate", is_empty=False)
        with pytest.raises(Exception, match="Index required"):
            client.count(COLLECTION, count_filter=models.Filter(must=[other]))


def test_payload_travels(double: QdrantServer, served: ServerIndex) -> None:
    served.upsert(
        MODEL, [point_with(1, title="[b]x[/b]\udcff", year=None, duration=float("nan"), sounds=["Piano"])]
    )
    (request,) = double.sent(UPSERT)
    (point,) = request.body["points"]
    assert point["payload"] == {
        "title": "[b]x[/b]\ufffd",
        "year": None,
        "duration": None,
        "sounds": ["Piano"],
    }
    assert "wait=true" in request.query


def test_batches_are_cut_by_bytes(double: QdrantServer, served: ServerIndex) -> None:
    served.ensure(WIDE)
    heavy = "x" * (REQUEST_BYTES // 5)
    served.upsert(WIDE, [point_with(number, WIDE, title=heavy) for number in range(10)])
    requests = double.sent("PUT .*cnn14_v1/points")
    assert [len(request.body["points"]) for request in requests] == [4, 4, 2]
    assert all(request.size <= REQUEST_BYTES for request in requests)


def test_batches_are_cut_by_points(double: QdrantServer, served: ServerIndex) -> None:
    served.upsert(MODEL, [point_with(number) for number in range(POINTS_PER_BATCH + 1)])
    assert [len(request.body["points"]) for request in double.sent(UPSERT)] == [POINTS_PER_BATCH, 1]


def test_full_batch_of_the_largest_model_fits(double: QdrantServer, served: ServerIndex) -> None:
    served.ensure(WIDE)
    served.upsert(WIDE, [point_with(number, WIDE, title="Title", sounds=["Piano"]) for number in range(300)])
    requests = double.sent("PUT .*cnn14_v1/points")
    assert len(requests) == 2
    assert REQUEST_BYTES / 2 < requests[0].size <= REQUEST_BYTES


def test_one_point_larger_than_a_batch_goes_alone(double: QdrantServer, served: ServerIndex) -> None:
    giant = "x" * (REQUEST_BYTES + 1)
    served.upsert(MODEL, [point_with(1), point_with(2, title=giant), point_with(3)])
    assert [len(request.body["points"]) for request in double.sent(UPSERT)] == [1, 1, 1]


def test_search_passes_its_parameters(double: QdrantServer, served: ServerIndex) -> None:
    served.upsert(MODEL, [point_with(1), point_with(2)])
    ids = [TrackId(UUID(int=number)) for number in (1, 2)]
    params = SearchParams(limit=7, exact=True, ef=99, include=frozenset(ids[:1]), exclude=frozenset(ids[1:]))
    served.search(MODEL, vector_for(1), params)
    body = double.sent(SEARCH)[0].body
    assert body["params"]["hnsw_ef"] == 99
    assert body["params"]["exact"] is True
    assert body["params"]["quantization"]["ignore"] is True
    assert body["limit"] == 7
    assert body["filter"]["must"] == {"has_id": [str(ids[0])]}
    assert body["filter"]["must_not"] == {"has_id": [str(ids[1])]}


@pytest.mark.parametrize(("limit", "compared"), [(1, 100), (10, 100), (200, 400)])
def test_codes_find_more_than_is_asked_for_to_compare(
    double: QdrantServer, served: ServerIndex, limit: int, compared: int
) -> None:
    served.upsert(MODEL, [point_with(1)])
    served.search(MODEL, vector_for(1), SearchParams(limit))
    created = double.sent(f"PUT /collections/{COLLECTION}$")[0].body
    assert created["quantization_config"] == {"scalar": {"type": "int8", "always_ram": True}}
    assert created["vectors"]["datatype"] == "float16"
    asked = double.sent(SEARCH)[0].body["params"]["quantization"]
    assert asked == {"ignore": False, "rescore": True, "oversampling": compared / limit}


def test_points_of_other_clients_are_passed_over(double: QdrantServer, served: ServerIndex) -> None:
    served.upsert(MODEL, [point_with(1)])
    with closing(_client(double)) as client:
        client.upsert(COLLECTION, [models.PointStruct(id=5, vector=vector_for(1).tolist())])
    assert list(served.ids(MODEL)) == [UUID(int=1)]
    assert [hit.id for hit in served.search(MODEL, vector_for(1), SearchParams())] == [UUID(int=1)]


@pytest.mark.parametrize("key", ["two\nlines", "schlüssel", "a b"])
def test_key_that_cannot_be_sent(key: str) -> None:
    with pytest.raises(SettingsError, match="cannot be sent") as caught:
        ServerIndex.open("http://localhost:6333", key)
    assert key not in f"{caught.value} {caught.value.hint}"


def test_password_in_the_address_is_sent_as_basic_authentication(double: QdrantServer) -> None:
    address = double.url.replace("http://", "http://user:pa55%20word@")
    with ServerIndex.open(address, KEY) as index:
        assert index.check() == VERSION
    assert "Basic dXNlcjpwYTU1IHdvcmQ=" in {request.authorization for request in double.requests}


def test_key_over_plain_http_is_warned_of_without_the_key(caplog: pytest.LogCaptureFixture) -> None:
    ServerIndex.open("http://qdrant.example.org:6333", KEY).close()
    assert "unencrypted" in caplog.text
    assert KEY not in caplog.text
