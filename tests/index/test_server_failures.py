"""Every way a server can fail: which are sat out, and what is said of the others."""

from __future__ import annotations

import contextlib
import logging
import socket
import threading
from contextlib import closing

import httpx
import pytest

from musicsim_tui.errors import IndexFailure
from musicsim_tui.index.index import SearchParams
from musicsim_tui.index.retries import PROMPT, WRITING
from musicsim_tui.index.server import CONNECT_SECONDS, PROMPT_SECONDS, ServerIndex, _connect_promptly
from musicsim_tui.jobs import Cancelled, CancelToken
from tests.harness.qdrant_server import Fault, QdrantServer
from tests.index.served import KEY, MODEL, SEARCH, UPSERT, failure_of, point_with, vector_for


@pytest.mark.parametrize("key", [None, "", "wrong-key"])
def test_wrong_key(double: QdrantServer, key: str | None, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    with ServerIndex.open(double.url, key) as index:
        for call in (index.check, lambda: index.ensure(MODEL), lambda: index.upsert(MODEL, [point_with(1)])):
            failure = failure_of(call)
            assert "key" in failure.title
            assert "QDB_API_TOKEN" in failure.hint
            shown = f"{failure.title} {failure.hint} {failure!r} {failure} {failure.__notes__} {caplog.text}"
            assert "wrong-key" not in shown
    assert len(double.sent("GET /collections$")) == 1


def test_key_is_sent_with_each_request_and_nowhere_else(
    double: QdrantServer, served: ServerIndex, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    double.misbehave(Fault("/points", times=99, status=400))
    failure = failure_of(lambda: served.upsert(MODEL, [point_with(1)]))
    assert {request.api_key for request in double.requests} == {KEY}
    assert KEY not in f"{failure} {failure!r} {failure.hint} {failure.__notes__} {caplog.text}"


def test_key_that_the_server_repeats_is_hidden(served: ServerIndex, monkeypatch: pytest.MonkeyPatch) -> None:
    def echo(name: str, **_: object) -> object:
        raise ValueError(f"no access to {name} with {KEY}")

    monkeypatch.setattr(served._client, "count", echo)
    failure = failure_of(lambda: served.count(MODEL))
    assert "no access" in failure.title
    assert KEY not in f"{failure.title} {failure.hint} {failure.__notes__}"


@pytest.mark.parametrize("status", [502, 503, 504, 429])
def test_passing_trouble_is_sat_out(
    double: QdrantServer, served: ServerIndex, pauses: list[float], status: int
) -> None:
    double.misbehave(Fault(UPSERT, times=3, status=status))
    served.upsert(MODEL, [point_with(1)])
    assert served.count(MODEL) == 1
    assert len(pauses) == 3
    assert pauses[0] < pauses[1] < pauses[2] <= 16


def test_retry_after_is_honoured(double: QdrantServer, served: ServerIndex, pauses: list[float]) -> None:
    double.misbehave(Fault(UPSERT, status=429, headers={"Retry-After": "7"}))
    served.upsert(MODEL, [point_with(1)])
    assert pauses == [7]
    assert served.count(MODEL) == 1


def test_retry_after_as_a_date_is_backed_off_from(
    double: QdrantServer, served: ServerIndex, pauses: list[float]
) -> None:
    double.misbehave(Fault(UPSERT, status=429, headers={"Retry-After": "Wed, 21 Oct 2037 07:28:00 GMT"}))
    served.upsert(MODEL, [point_with(1)])
    assert len(pauses) == 1
    assert pauses[0] < 16


def test_retry_after_too_long_is_reported(
    double: QdrantServer, served: ServerIndex, pauses: list[float]
) -> None:
    double.misbehave(Fault(UPSERT, status=429, headers={"Retry-After": "3600"}))
    failure = failure_of(lambda: served.upsert(MODEL, [point_with(1)]))
    assert "busy" in failure.title
    assert "3600 seconds" in failure.hint
    assert pauses == []


def test_trouble_that_does_not_pass_is_reported(
    double: QdrantServer, served: ServerIndex, pauses: list[float]
) -> None:
    double.misbehave(Fault("/points", times=99, status=503))
    assert "not available" in failure_of(lambda: served.upsert(MODEL, [point_with(1)])).title
    assert len(double.sent(UPSERT)) == WRITING.attempts
    assert "not available" in failure_of(lambda: served.search(MODEL, vector_for(1), SearchParams())).title
    assert len(double.sent(SEARCH)) == PROMPT.attempts
    assert len(pauses) == WRITING.attempts + PROMPT.attempts - 2


def test_reset_connection_is_tried_again(double: QdrantServer, served: ServerIndex) -> None:
    double.misbehave(Fault(UPSERT, times=2, reset=True))
    served.upsert(MODEL, [point_with(1)])
    assert served.count(MODEL) == 1


@pytest.mark.parametrize(
    ("status", "said"),
    [(400, "refused the request: injected"), (403, "does not allow"), (413, "so large"), (500, "injected")],
)
def test_refusals_fail_at_once(double: QdrantServer, served: ServerIndex, status: int, said: str) -> None:
    double.misbehave(Fault(UPSERT, times=99, status=status))
    assert said in failure_of(lambda: served.upsert(MODEL, [point_with(1)])).title
    assert len(double.sent(UPSERT)) == 1


def test_hanging_server(double: QdrantServer) -> None:
    double.misbehave(Fault("GET /collections", times=99, hang=True))
    with ServerIndex.open(double.url, KEY, timeout=1) as index:
        failure = failure_of(lambda: index.ensure(MODEL))
    assert "did not answer within 1 seconds" in failure.title
    assert len(double.requests) == 1


def test_who_searches_does_not_wait_for_a_busy_server(
    double: QdrantServer, served: ServerIndex, pauses: list[float]
) -> None:
    double.misbehave(Fault("/points", times=99, status=429, headers={"Retry-After": "30"}))
    for call in (
        lambda: served.count(MODEL),
        lambda: served.search(MODEL, vector_for(1), SearchParams()),
    ):
        assert "Try again in 30 seconds" in failure_of(call).hint
    assert pauses == []


def test_who_searches_waits_less_for_an_answer_than_who_writes(double: QdrantServer) -> None:
    with ServerIndex.open(double.url, KEY, timeout=60) as index:
        index.ensure(MODEL)
        index.upsert(MODEL, [point_with(1)])
        assert index.search(MODEL, vector_for(1), SearchParams())
        assert index.count(MODEL) == 1
    (search,), (count,), (write,) = double.sent(SEARCH), double.sent("/count$"), double.sent(UPSERT)
    assert search.query == count.query == f"timeout={PROMPT_SECONDS:.0f}"
    assert "timeout" not in write.query


def test_a_connection_is_not_waited_for_as_long_as_an_answer() -> None:
    request = httpx.Request("GET", "http://x", extensions={"timeout": httpx.Timeout(60.0).as_dict()})
    _connect_promptly(request)
    assert request.extensions["timeout"] == {**httpx.Timeout(60.0).as_dict(), "connect": CONNECT_SECONDS}


def test_a_pause_that_is_cancelled_ends_the_call(double: QdrantServer) -> None:
    token = CancelToken()
    token.cancel()
    with ServerIndex.open(double.url, KEY, pause=token.wait) as index:
        index.ensure(MODEL)
        double.misbehave(Fault(UPSERT, status=503))
        with pytest.raises(Cancelled):
            index.upsert(MODEL, [point_with(1)])


def test_write_is_repeated_after_a_timeout(double: QdrantServer, pauses: list[float]) -> None:
    with ServerIndex.open(double.url, KEY, timeout=1, pause=pauses.append) as index:
        index.ensure(MODEL)
        double.misbehave(Fault(UPSERT, hang=True))
        index.upsert(MODEL, [point_with(1)])
        assert index.count(MODEL) == 1
        assert len(pauses) == 1


def test_html_is_not_qdrant(double: QdrantServer, served: ServerIndex) -> None:
    for status in (200, 404):
        double.misbehave(Fault(".", html=True, status=status))
        assert "does not answer like Qdrant" in failure_of(lambda: served.count(MODEL)).title
    double.misbehave(Fault(".", html=True))
    assert "does not answer like Qdrant" in failure_of(served.check).title


def test_wrong_path_is_not_a_missing_collection(double: QdrantServer) -> None:
    with ServerIndex.open(f"{double.url}/wrong/prefix", KEY) as index:
        assert "does not answer like Qdrant" in failure_of(lambda: index.count(MODEL)).title


def test_redirect_names_the_new_place_only(double: QdrantServer, served: ServerIndex) -> None:
    double.misbehave(
        Fault(".", status=301, headers={"Location": "https://me:secret@new.example.org/x?token=y"})
    )
    failure = failure_of(lambda: served.count(MODEL))
    assert failure.title.endswith("says it has moved to https://new.example.org.")


@pytest.mark.parametrize(
    ("location", "place"),
    [("http://127.0.0.1:9/x", "http://127.0.0.1:9"), ("http://[::1]:81/", "http://[::1]:81")],
)
def test_a_redirect_is_told_with_its_port(
    double: QdrantServer, served: ServerIndex, location: str, place: str
) -> None:
    double.misbehave(Fault(".", status=301, headers={"Location": location}))
    assert failure_of(lambda: served.count(MODEL)).title.endswith(f"says it has moved to {place}.")


@pytest.fixture
def unused_port() -> int:
    with closing(socket.socket()) as taken:
        taken.bind(("127.0.0.1", 0))
        port: int = taken.getsockname()[1]
    return port


def test_refused_connection(unused_port: int) -> None:
    with ServerIndex.open(f"http://127.0.0.1:{unused_port}", KEY) as index:
        for call in (index.check, lambda: index.ensure(MODEL), lambda: index.count(MODEL)):
            failure = failure_of(call)
            assert "cannot be reached" in failure.title
            assert "QDB_ENDPOINT" in failure.hint


def test_a_service_of_another_kind_on_the_port() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def greet() -> None:
            with contextlib.suppress(OSError):
                while True:
                    connection, _ = listening.accept()
                    with connection:
                        connection.recv(65536)
                        connection.sendall(b"SSH-2.0-OpenSSH_9.2\r\n")

        threading.Thread(target=greet, daemon=True).start()
        with ServerIndex.open(f"http://127.0.0.1:{listening.getsockname()[1]}", None) as index:
            failure = failure_of(index.check)
        listening.shutdown(socket.SHUT_RDWR)
    assert "QDB_ENDPOINT" in failure.hint
    assert "6333" in failure.hint


def test_unknown_host() -> None:
    with ServerIndex.open("http://no-such-host.invalid", None) as index:
        failure = failure_of(index.check)
    assert "name is unknown" in failure.title or "cannot be reached" in failure.title


def test_tls_where_there_is_none(double: QdrantServer) -> None:
    with ServerIndex.open(double.url.replace("http:", "https:"), KEY) as index:
        failure = failure_of(index.check)
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
            index.upsert(MODEL, [point_with(1)])
        except IndexFailure as failure:
            failures.append(failure)

    monkeypatch.setattr(index._closed, "wait", announced)
    writer = threading.Thread(target=write)
    writer.start()
    assert asked.wait(20)
    index.close()
    writer.join(20)
    assert [failure.title for failure in failures] == ["The index is closed."]
