"""The server index against a double on loopback: keys, retries, sizes of requests, and every way to fail."""

from __future__ import annotations

import logging
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import TYPE_CHECKING, Any
from uuid import UUID

import numpy as np
import pytest
from qdrant_client import QdrantClient, models

from musicsim_tui.errors import IndexFailure, UsageError
from musicsim_tui.index.index import IndexPoint, SearchParams
from musicsim_tui.index.points import POINTS_PER_BATCH, REQUEST_BYTES
from musicsim_tui.index.retries import READ_ATTEMPTS, WRITE_ATTEMPTS
from musicsim_tui.index.server import PAYLOAD_INDEXES, ServerIndex
from musicsim_tui.track import ModelVersion, TrackId
from tests.harness.qdrant_server import VERSION, Fault, QdrantServer

if TYPE_CHECKING:
    from musicsim_tui.index.index import PayloadValue
    from musicsim_tui.track import Vectors

MODEL = ModelVersion("mn04", 1, 8)
WIDE = ModelVersion("cnn14", 1, 2048)
COLLECTION = "musicsim_mn04_v1"
KEY = "a-very-secret-key"
UPSERT = f"PUT /collections/{COLLECTION}/points"
SEARCH = f"POST /collections/{COLLECTION}/points/query"


def _vector(number: int, model: ModelVersion = MODEL) -> Vectors:
    return np.random.default_rng(number).normal(size=model.dimensions).astype(np.float32)


def _point(number: int, model: ModelVersion = MODEL, **payload: PayloadValue) -> IndexPoint:
    return IndexPoint(id=TrackId(UUID(int=number)), vector=_vector(number, model), payload=payload)


@pytest.fixture
def double() -> Iterator[QdrantServer]:
    with QdrantServer(api_key=KEY) as server:
        yield server


@pytest.fixture
def pauses() -> list[float]:
    return []


@pytest.fixture
def index(double: QdrantServer, pauses: list[float]) -> Iterator[ServerIndex]:
    with ServerIndex.open(double.url, KEY, timeout=30, pause=pauses.append) as opened:
        opened.ensure(MODEL)
        yield opened


def _failure(call: Callable[[], object]) -> IndexFailure:
    with pytest.raises(IndexFailure) as caught:
        call()
    failure = caught.value
    assert failure.title.endswith(".")
    assert failure.hint
    return failure


def test_check_gives_the_version(index: ServerIndex) -> None:
    assert index.check() == VERSION


def test_target_names_the_place_but_no_secret(double: QdrantServer) -> None:
    address = double.url.replace("http://", "http://user:pa55word@") + "/"
    with ServerIndex.open(address, KEY, prefix="other") as index:
        assert index.target == f"server:{double.url}|other"
        assert "pa55word" not in repr(index) + str(index)
        assert KEY not in repr(index) + str(index)


def test_opening_sends_nothing(double: QdrantServer) -> None:
    ServerIndex.open(double.url, KEY).close()
    assert double.requests == []


def test_collection_has_cosine_half_precision_and_indexes_before_points(
    double: QdrantServer, index: ServerIndex
) -> None:
    index.upsert(MODEL, [_point(1)])
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


def test_ensure_again_changes_nothing(double: QdrantServer, index: ServerIndex) -> None:
    before = len(double.sent("^PUT "))
    index.ensure(MODEL)
    assert len(double.sent("^PUT ")) == before


def test_ensure_adds_an_index_that_is_missing(double: QdrantServer, index: ServerIndex) -> None:
    with closing(_client(double)) as client:
        client.create_collection(
            "musicsim_mn04_v2", models.VectorParams(size=8, distance=models.Distance.COSINE)
        )
    index.ensure(ModelVersion("mn04", 2, 8))
    assert len(double.sent("PUT /collections/musicsim_mn04_v2/index")) == len(PAYLOAD_INDEXES)


def test_collection_of_somebody_else_is_refused(double: QdrantServer, index: ServerIndex) -> None:
    with closing(_client(double)) as client:
        client.create_collection(
            "musicsim_mn04_v2", models.VectorParams(size=8, distance=models.Distance.DOT)
        )
        client.create_collection(
            "musicsim_mn04_v3", {"own": models.VectorParams(size=8, distance=models.Distance.COSINE)}
        )
    for version in (2, 3):
        failure = _failure(lambda version=version: index.ensure(ModelVersion("mn04", version, 8)))  # type: ignore[misc]
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


def test_every_field_with_an_index_can_be_filtered_on(double: QdrantServer, index: ServerIndex) -> None:
    index.upsert(MODEL, [_point(1, title="Für Elise", year=1810, sounds=["Piano"])])
    with closing(_client(double)) as client:
        for field in PAYLOAD_INDEXES:
            condition = models.FieldCondition(key=field, is_empty=False)
            client.count(COLLECTION, count_filter=models.Filter(must=[condition]))
        other = models.FieldCondition(key="bitrate", is_empty=False)
        with pytest.raises(Exception, match="Index required"):
            client.count(COLLECTION, count_filter=models.Filter(must=[other]))


def test_payload_travels(double: QdrantServer, index: ServerIndex) -> None:
    index.upsert(
        MODEL, [_point(1, title="[b]x[/b]\udcff", year=None, duration=float("nan"), sounds=["Piano"])]
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


def test_batches_are_cut_by_bytes(double: QdrantServer, index: ServerIndex) -> None:
    index.ensure(WIDE)
    heavy = "x" * (REQUEST_BYTES // 5)
    index.upsert(WIDE, [_point(number, WIDE, title=heavy) for number in range(10)])
    requests = double.sent("PUT .*cnn14_v1/points")
    assert [len(request.body["points"]) for request in requests] == [4, 4, 2]
    assert all(request.size <= REQUEST_BYTES for request in requests)


def test_batches_are_cut_by_points(double: QdrantServer, index: ServerIndex) -> None:
    index.upsert(MODEL, [_point(number) for number in range(POINTS_PER_BATCH + 1)])
    assert [len(request.body["points"]) for request in double.sent(UPSERT)] == [POINTS_PER_BATCH, 1]


def test_full_batch_of_the_largest_model_fits(double: QdrantServer, index: ServerIndex) -> None:
    index.ensure(WIDE)
    index.upsert(WIDE, [_point(number, WIDE, title="Title", sounds=["Piano"]) for number in range(300)])
    requests = double.sent("PUT .*cnn14_v1/points")
    assert len(requests) == 2
    assert REQUEST_BYTES / 2 < requests[0].size <= REQUEST_BYTES


def test_one_point_larger_than_a_batch_goes_alone(double: QdrantServer, index: ServerIndex) -> None:
    giant = "x" * (REQUEST_BYTES + 1)
    index.upsert(MODEL, [_point(1), _point(2, title=giant), _point(3)])
    assert [len(request.body["points"]) for request in double.sent(UPSERT)] == [1, 1, 1]


def test_search_passes_its_parameters(double: QdrantServer, index: ServerIndex) -> None:
    index.upsert(MODEL, [_point(1), _point(2)])
    ids = [TrackId(UUID(int=number)) for number in (1, 2)]
    params = SearchParams(limit=7, exact=True, ef=99, include=frozenset(ids[:1]), exclude=frozenset(ids[1:]))
    index.search(MODEL, _vector(1), params)
    body = double.sent(SEARCH)[0].body
    assert body["params"]["hnsw_ef"] == 99
    assert body["params"]["exact"] is True
    assert body["limit"] == 7
    assert body["filter"]["must"] == {"has_id": [str(ids[0])]}
    assert body["filter"]["must_not"] == {"has_id": [str(ids[1])]}


def test_points_of_other_clients_are_passed_over(double: QdrantServer, index: ServerIndex) -> None:
    index.upsert(MODEL, [_point(1)])
    with closing(_client(double)) as client:
        client.upsert(COLLECTION, [models.PointStruct(id=5, vector=_vector(1).tolist())])
    assert list(index.ids(MODEL)) == [UUID(int=1)]
    assert [hit.id for hit in index.search(MODEL, _vector(1), SearchParams())] == [UUID(int=1)]


@pytest.mark.parametrize("key", [None, "", "wrong-key"])
def test_wrong_key(double: QdrantServer, key: str | None, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    with ServerIndex.open(double.url, key) as index:
        for call in (index.check, lambda: index.ensure(MODEL), lambda: index.upsert(MODEL, [_point(1)])):
            failure = _failure(call)
            assert "key" in failure.title
            assert "QDB_API_TOKEN" in failure.hint
            shown = f"{failure.title} {failure.hint} {failure!r} {failure} {failure.__notes__} {caplog.text}"
            assert "wrong-key" not in shown
    assert len(double.sent("GET /collections$")) == 1


def test_key_is_sent_with_each_request_and_nowhere_else(
    double: QdrantServer, index: ServerIndex, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    double.misbehave(Fault("/points", times=99, status=400))
    failure = _failure(lambda: index.upsert(MODEL, [_point(1)]))
    assert {request.api_key for request in double.requests} == {KEY}
    assert KEY not in f"{failure} {failure!r} {failure.hint} {failure.__notes__} {caplog.text}"


def test_key_that_the_server_repeats_is_hidden(index: ServerIndex, monkeypatch: pytest.MonkeyPatch) -> None:
    def echo(name: str, **_: object) -> object:
        raise ValueError(f"no access to {name} with {KEY}")

    monkeypatch.setattr(index._client, "count", echo)
    failure = _failure(lambda: index.count(MODEL))
    assert "no access" in failure.title
    assert KEY not in f"{failure.title} {failure.hint} {failure.__notes__}"


@pytest.mark.parametrize("status", [502, 503, 504, 429])
def test_passing_trouble_is_sat_out(
    double: QdrantServer, index: ServerIndex, pauses: list[float], status: int
) -> None:
    double.misbehave(Fault(UPSERT, times=3, status=status))
    index.upsert(MODEL, [_point(1)])
    assert index.count(MODEL) == 1
    assert len(pauses) == 3
    assert pauses[0] < pauses[1] < pauses[2] <= 16


def test_retry_after_is_honoured(double: QdrantServer, index: ServerIndex, pauses: list[float]) -> None:
    double.misbehave(Fault(UPSERT, status=429, headers={"Retry-After": "7"}))
    index.upsert(MODEL, [_point(1)])
    assert pauses == [7]
    assert index.count(MODEL) == 1


def test_retry_after_as_a_date_is_backed_off_from(
    double: QdrantServer, index: ServerIndex, pauses: list[float]
) -> None:
    double.misbehave(Fault(UPSERT, status=429, headers={"Retry-After": "Wed, 21 Oct 2037 07:28:00 GMT"}))
    index.upsert(MODEL, [_point(1)])
    assert len(pauses) == 1
    assert pauses[0] < 16


def test_retry_after_too_long_is_reported(
    double: QdrantServer, index: ServerIndex, pauses: list[float]
) -> None:
    double.misbehave(Fault(UPSERT, status=429, headers={"Retry-After": "3600"}))
    failure = _failure(lambda: index.upsert(MODEL, [_point(1)]))
    assert "busy" in failure.title
    assert "3600 seconds" in failure.hint
    assert pauses == []


def test_trouble_that_does_not_pass_is_reported(
    double: QdrantServer, index: ServerIndex, pauses: list[float]
) -> None:
    double.misbehave(Fault("/points", times=99, status=503))
    assert "not available" in _failure(lambda: index.upsert(MODEL, [_point(1)])).title
    assert len(double.sent(UPSERT)) == WRITE_ATTEMPTS
    assert "not available" in _failure(lambda: index.search(MODEL, _vector(1), SearchParams())).title
    assert len(double.sent(SEARCH)) == READ_ATTEMPTS
    assert len(pauses) == WRITE_ATTEMPTS + READ_ATTEMPTS - 2


def test_reset_connection_is_tried_again(double: QdrantServer, index: ServerIndex) -> None:
    double.misbehave(Fault(UPSERT, times=2, reset=True))
    index.upsert(MODEL, [_point(1)])
    assert index.count(MODEL) == 1


@pytest.mark.parametrize(
    ("status", "said"),
    [(400, "refused the request: injected"), (403, "does not allow"), (413, "so large"), (500, "injected")],
)
def test_refusals_fail_at_once(double: QdrantServer, index: ServerIndex, status: int, said: str) -> None:
    double.misbehave(Fault(UPSERT, times=99, status=status))
    assert said in _failure(lambda: index.upsert(MODEL, [_point(1)])).title
    assert len(double.sent(UPSERT)) == 1


def test_hanging_server(double: QdrantServer) -> None:
    double.misbehave(Fault("GET /collections", times=99, hang=True))
    with ServerIndex.open(double.url, KEY, timeout=1) as index:
        failure = _failure(lambda: index.ensure(MODEL))
    assert "did not answer within 1 seconds" in failure.title
    assert len(double.requests) == 1


def test_write_is_repeated_after_a_timeout(double: QdrantServer, pauses: list[float]) -> None:
    with ServerIndex.open(double.url, KEY, timeout=1, pause=pauses.append) as index:
        index.ensure(MODEL)
        double.misbehave(Fault(UPSERT, hang=True))
        index.upsert(MODEL, [_point(1)])
        assert index.count(MODEL) == 1
        assert len(pauses) == 1


def test_html_is_not_qdrant(double: QdrantServer, index: ServerIndex) -> None:
    for status in (200, 404):
        double.misbehave(Fault(".", html=True, status=status))
        assert "does not answer like Qdrant" in _failure(lambda: index.count(MODEL)).title
    double.misbehave(Fault(".", html=True))
    assert "does not answer like Qdrant" in _failure(index.check).title


def test_wrong_path_is_not_a_missing_collection(double: QdrantServer) -> None:
    with ServerIndex.open(f"{double.url}/wrong/prefix", KEY) as index:
        assert "does not answer like Qdrant" in _failure(lambda: index.count(MODEL)).title


def test_redirect_names_the_new_place_only(double: QdrantServer, index: ServerIndex) -> None:
    double.misbehave(
        Fault(".", status=301, headers={"Location": "https://me:secret@new.example.org/x?token=y"})
    )
    failure = _failure(lambda: index.count(MODEL))
    assert failure.title.endswith("says it has moved to https://new.example.org.")


@pytest.fixture
def unused_port() -> int:
    with closing(socket.socket()) as taken:
        taken.bind(("127.0.0.1", 0))
        port: int = taken.getsockname()[1]
    return port


def test_refused_connection(unused_port: int) -> None:
    with ServerIndex.open(f"http://127.0.0.1:{unused_port}", KEY) as index:
        for call in (index.check, lambda: index.ensure(MODEL), lambda: index.count(MODEL)):
            failure = _failure(call)
            assert "cannot be reached" in failure.title
            assert "QDB_ENDPOINT" in failure.hint


def test_unknown_host() -> None:
    with ServerIndex.open("http://no-such-host.invalid", None) as index:
        failure = _failure(index.check)
    assert "name is unknown" in failure.title or "cannot be reached" in failure.title


def test_tls_where_there_is_none(double: QdrantServer) -> None:
    with ServerIndex.open(double.url.replace("http:", "https:"), KEY) as index:
        failure = _failure(index.check)
    assert "TLS" in failure.title
    assert "http://" in failure.hint


def test_closing_ends_the_wait_for_a_busy_server(
    double: QdrantServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    index = ServerIndex.open(double.url, KEY)
    index.ensure(MODEL)
    asked = threading.Event()
    failures: list[IndexFailure] = []
    double.misbehave(Fault(UPSERT, times=99, status=429, headers={"Retry-After": "100"}))
    waiting = index._closed.wait

    def announced(seconds: float | None = None) -> bool:
        asked.set()
        return waiting(seconds)

    def write() -> None:
        try:
            index.upsert(MODEL, [_point(1)])
        except IndexFailure as failure:
            failures.append(failure)

    monkeypatch.setattr(index._closed, "wait", announced)
    writer = threading.Thread(target=write)
    writer.start()
    assert asked.wait(20)
    index.close()
    writer.join(20)
    assert [failure.title for failure in failures] == ["The index is closed."]


@pytest.mark.parametrize("key", ["two\nlines", "schlüssel", "a b"])
def test_key_that_cannot_be_sent(key: str) -> None:
    with pytest.raises(UsageError, match="cannot be sent") as caught:
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
