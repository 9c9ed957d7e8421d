from __future__ import annotations

import socket
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from musicsim_tui.child import receive_frame, send_frame, start_child

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@settings(deadline=None)
@given(frames=st.lists(st.tuples(st.dictionaries(st.text(), JSON, max_size=4), st.binary(max_size=5000))))
def test_frames_arrive_as_they_were_sent(frames: list[tuple[dict[str, Any], bytes]]) -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:

        def send_all() -> None:
            for header, body in frames:
                send_frame(ours, header, body)
            ours.shutdown(socket.SHUT_WR)

        sender = threading.Thread(target=send_all)
        sender.start()
        received = []
        while (frame := receive_frame(theirs)) is not None:
            received.append((frame[0], bytes(frame[1])))
        sender.join(30)
    assert received == frames


def test_a_body_larger_than_any_buffer_arrives() -> None:
    ours, theirs = socket.socketpair()
    body = bytes(range(256)) * 20_000
    with ours, theirs:
        sender = threading.Thread(target=send_frame, args=(ours, {}, body))
        sender.start()
        frame = receive_frame(theirs)
        sender.join(30)
    assert frame is not None
    assert bytes(frame[1]) == body


@pytest.mark.parametrize("kept", [1, 7, 8, 12, 14])
def test_a_frame_that_breaks_off_is_an_error(kept: int) -> None:
    ours, theirs = socket.socketpair()
    whole, end = socket.socketpair()
    with whole, end:
        send_frame(whole, {"a": 1}, b"body")
        sent = end.recv(1000)
    with theirs:
        with ours:
            ours.sendall(sent[: min(kept, len(sent) - 1)])
        with pytest.raises(OSError, match="inside a frame"):
            receive_frame(theirs)


def test_a_child_runs_a_module_of_this_package_and_ends_with_the_socket() -> None:
    process, connection = start_child("musicsim_tui.ingest.decoder_worker", "22050", "0")
    with connection:
        send_frame(connection, {"op": "examine", "path": "/nowhere/at/all.mp3"}, b"")
        frame = receive_frame(connection)
    assert frame is not None
    assert frame[0]["error"]["title"]
    assert process.wait(30) == 0


def test_a_child_is_found_from_any_folder_and_without_standard_streams(tmp_path: object) -> None:
    """A program whose standard streams are closed gets sockets with their numbers."""
    program = (
        "import os\n"
        "for number in (0, 1, 2): os.close(number)\n"
        "from musicsim_tui.child import receive_frame, send_frame, start_child\n"
        "process, connection = start_child('musicsim_tui.ingest.decoder_worker', '22050', '0')\n"
        "send_frame(connection, {'op': 'examine', 'path': '/nowhere.mp3'}, b'')\n"
        "answer = receive_frame(connection)\n"
        "connection.close()\n"
        "os._exit(7 if answer and 'error' in answer[0] and process.wait(30) == 0 else 1)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], check=False, timeout=60)
    assert done.returncode == 7


@pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="only Linux shows them")
def test_a_child_gets_the_variables_that_the_person_has_not_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SET_BY_HAND", "theirs")
    wanted = {"SET_BY_HAND": "ours", "SET_BY_NOBODY": "ours"}
    process, connection = start_child("musicsim_tui.ingest.decoder_worker", "22050", "0", environment=wanted)
    with connection:
        send_frame(connection, {"op": "examine", "path": "/nowhere.mp3"}, b"")
        assert receive_frame(connection) is not None
        found = Path(f"/proc/{process.pid}/environ").read_bytes().split(b"\0")
    assert process.wait(30) == 0
    assert b"SET_BY_HAND=theirs" in found
    assert b"SET_BY_NOBODY=ours" in found


def test_a_process_that_cannot_be_forked_is_seen_to_end_and_the_first_serves() -> None:
    program = (
        "import os, socket\n"
        "from musicsim_tui.child import fork_for_each\n"
        "def no_more(): raise BlockingIOError(11, 'Resource temporarily unavailable')\n"
        "os.fork = no_more\n"
        "ours, theirs = zip(*(socket.socketpair() for _ in range(2)))\n"
        "own = fork_for_each(','.join(str(end.detach()) for end in theirs))\n"
        "own.sendall(b'here')\n"
        "assert (ours[0].recv(4), ours[1].recv(4)) == (b'here', b'')\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True, timeout=60)
