"""Processes of our own: a module of this package at work in a child, and the frames that go to and fro.

A frame is two unsigned 32-bit lengths in network order, a header as JSON in ASCII, and a body of raw bytes.
Both ends run on one machine, so numbers in a body have the machine's own byte order.
"""

from __future__ import annotations

import fcntl
import json
import os
import socket
import struct
import subprocess
import sys
import sysconfig
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import TypeAlias

    Frame: TypeAlias = tuple[dict[str, Any], memoryview]

_LENGTHS = struct.Struct("!II")
_BUFFER_BYTES = 1 << 20
_FIRST_FREE_DESCRIPTOR = 3


def start_child(
    module: str, *arguments: str, output: int | IO[bytes] = subprocess.DEVNULL
) -> tuple[subprocess.Popen[bytes], socket.socket]:
    """Run a module with the descriptor of its end of a socket pair as first argument; our end comes back.

    The child has a session of its own, so that Ctrl-C does not reach it, and no streams but the `output` that
    it writes to: it must end when the socket does. Raises OSError. Not `multiprocessing`, which cannot start
    children inside a running Textual application.
    """
    ours, theirs = (_above_standard_streams(end) for end in socket.socketpair())
    for end in (ours, theirs):
        end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _BUFFER_BYTES)
    try:
        with theirs:
            process = subprocess.Popen(
                [sys.executable, "-P", "-m", module, str(theirs.fileno()), *arguments],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                pass_fds=[theirs.fileno()],
                start_new_session=True,
                env=_environment(),
            )
    except BaseException:
        ours.close()
        raise
    return process, ours


def send_frame(connection: socket.socket, header: Mapping[str, object], body: bytes | memoryview) -> None:
    """Raises OSError when the peer is gone."""
    text = json.dumps(header).encode("ascii")
    body = memoryview(body).cast("B")
    connection.sendall(_LENGTHS.pack(len(text), len(body)) + text)
    if body:
        connection.sendall(body)


def receive_frame(connection: socket.socket) -> Frame | None:
    """The next frame, None when the peer closed between two. Raises OSError when it broke off inside one."""
    lengths = bytearray(_LENGTHS.size)
    received = connection.recv_into(lengths)
    if received == 0:
        return None
    _fill(connection, memoryview(lengths)[received:])
    header_length, body_length = _LENGTHS.unpack(lengths)
    header, body = bytearray(header_length), bytearray(body_length)
    _fill(connection, memoryview(header))
    _fill(connection, memoryview(body))
    return json.loads(header), memoryview(body)


def _fill(connection: socket.socket, buffer: memoryview) -> None:
    while buffer:
        received = connection.recv_into(buffer)
        if received == 0:
            raise ConnectionResetError("the connection ended inside a frame")
        buffer = buffer[received:]


def _above_standard_streams(end: socket.socket) -> socket.socket:
    """The same socket with a descriptor that the child's standard streams cannot take the place of."""
    if end.fileno() >= _FIRST_FREE_DESCRIPTOR:
        return end
    with end:
        descriptor = fcntl.fcntl(end.fileno(), fcntl.F_DUPFD_CLOEXEC, _FIRST_FREE_DESCRIPTOR)
        return socket.socket(fileno=descriptor)


def _environment() -> dict[str, str]:
    """The environment in which the child finds this very package, also when run from a checkout.

    No thread of OpenBLAS waits for work there: NumPy starts one for each processor, and they spin.
    """
    environment = {"OPENBLAS_NUM_THREADS": "1", **os.environ}
    root = Path(__file__).resolve().parents[1]
    installed = {Path(sysconfig.get_path(kind)).resolve() for kind in ("purelib", "platlib")}
    if root not in installed:
        inherited = environment.get("PYTHONPATH")
        environment["PYTHONPATH"] = os.pathsep.join([str(root), inherited] if inherited else [str(root)])
    return environment
