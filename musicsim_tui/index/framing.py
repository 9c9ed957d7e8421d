"""Frames between the embedded index and its worker process: a JSON header, then raw bytes.

A frame is two unsigned 32-bit lengths in network order, the header as UTF-8 JSON, and the body. Ids travel in
the body as 16 bytes each, vectors and scores as native float32: both ends run on one machine.
"""

from __future__ import annotations

import json
import struct
from typing import TYPE_CHECKING, Any, TypeAlias

from musicsim_tui.errors import IndexFailure, IndexLocked

if TYPE_CHECKING:
    import socket
    from collections.abc import Mapping

    Frame: TypeAlias = tuple[dict[str, Any], memoryview]

ID_BYTES = 16
_HEX_PER_ID = 2 * ID_BYTES
_LENGTHS = struct.Struct("!II")


def send_frame(connection: socket.socket, header: Mapping[str, object], *parts: bytes | memoryview) -> None:
    """Send a header and the parts of one body. Raises OSError when the peer is gone."""
    text = json.dumps(header).encode("ascii")
    body_length = sum(memoryview(part).nbytes for part in parts)
    connection.sendall(_LENGTHS.pack(len(text), body_length) + text)
    for part in parts:
        connection.sendall(part)


def receive_frame(connection: socket.socket) -> Frame | None:
    """The next frame, None when the peer closed between two. Raises OSError when it broke off inside one."""
    lengths = bytearray(_LENGTHS.size)
    received = connection.recv_into(lengths)
    if received == 0:
        return None
    _fill(connection, memoryview(lengths)[received:])
    header_length, body_length = _LENGTHS.unpack(lengths)
    content = memoryview(bytearray(header_length + body_length))
    _fill(connection, content)
    header = json.loads(bytes(content[:header_length]))
    return header, content[header_length:]


def _fill(connection: socket.socket, buffer: memoryview) -> None:
    while buffer:
        received = connection.recv_into(buffer)
        if received == 0:
            raise ConnectionResetError("the connection ended inside a frame")
        buffer = buffer[received:]


def hex_ids(ids: bytes | memoryview) -> list[str]:
    """Ids of 16 bytes each as the engine parses them fastest."""
    text = ids.hex()
    return [text[start : start + _HEX_PER_ID] for start in range(0, len(text), _HEX_PER_ID)]


def refusal(failure: IndexFailure) -> dict[str, object]:
    """The header that carries a failure to the peer."""
    notes: list[str] = getattr(failure, "__notes__", [])
    kind = "locked" if isinstance(failure, IndexLocked) else "failure"
    return {"error": {"kind": kind, "title": failure.title, "hint": failure.hint, "notes": notes}}


def raise_refusal(header: Mapping[str, Any]) -> None:
    """Raise the failure that a header carries; nothing when it carries none."""
    error = header.get("error")
    if error is None:
        return
    kind = IndexLocked if error["kind"] == "locked" else IndexFailure
    failure = kind(error["title"], error["hint"])
    for note in error["notes"]:
        failure.add_note(note)
    raise failure
