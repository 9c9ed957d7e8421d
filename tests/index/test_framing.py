"""Frames over a socket pair."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from musicsim_tui.errors import IndexFailure, IndexLocked
from musicsim_tui.index.framing import hex_ids, raise_refusal, receive_frame, refusal, send_frame

Pair = tuple[socket.socket, socket.socket]


@pytest.fixture
def pair() -> Iterator[Pair]:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        yield ours, theirs


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    header=st.dictionaries(st.text(), st.none() | st.integers() | st.text() | st.lists(st.text())),
    parts=st.lists(st.binary(max_size=200), max_size=4),
)
def test_frames_arrive_as_sent(pair: Pair, header: dict[str, object], parts: list[bytes]) -> None:
    ours, theirs = pair
    send_frame(ours, header, *parts)
    send_frame(ours, {"next": True})
    first, second = receive_frame(theirs), receive_frame(theirs)
    assert first is not None
    assert (first[0], bytes(first[1])) == (header, b"".join(parts))
    assert second is not None
    assert second[0] == {"next": True}


def test_end_between_frames_and_inside_one(pair: Pair) -> None:
    ours, theirs = pair
    send_frame(ours, {}, b"1234")
    ours.sendall(b"\0\0\0\7\0")
    ours.close()
    assert receive_frame(theirs) is not None
    with pytest.raises(ConnectionResetError):
        receive_frame(theirs)


def test_end_of_the_connection(pair: Pair) -> None:
    ours, theirs = pair
    ours.close()
    assert receive_frame(theirs) is None


@pytest.mark.parametrize("kind", [IndexFailure, IndexLocked])
def test_failures_cross_the_connection(pair: Pair, kind: type[IndexFailure]) -> None:
    ours, theirs = pair
    sent = kind("Something broke.", "Mend it.")
    sent.add_note("PanicException: index out of bounds")
    send_frame(ours, refusal(sent))
    frame = receive_frame(theirs)
    assert frame is not None
    with pytest.raises(kind) as caught:
        raise_refusal(frame[0])
    assert type(caught.value) is kind
    assert (caught.value.title, caught.value.hint) == (sent.title, sent.hint)
    assert caught.value.__notes__ == sent.__notes__


def test_ids_as_text() -> None:
    ids = [uuid4() for _ in range(3)]
    assert hex_ids(b"".join(id_.bytes for id_ in ids)) == [id_.hex for id_ in ids]
    assert hex_ids(b"") == []
