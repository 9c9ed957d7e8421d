"""Processes of our own: a module of this package at work in a child, and the frames that go to and fro.

A frame is two unsigned 32-bit lengths in network order, a header as JSON in ASCII, and a body of raw bytes.
Both ends run on one machine, so numbers in a body have the machine's own byte order.

Loading a module can take longer than its work. Where more than one process of a module is wanted, the first
forks the others as soon as it has loaded.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import selectors
import signal
import socket
import struct
import subprocess
import sys
import sysconfig
import weakref
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import TypeAlias

    Frame: TypeAlias = tuple[dict[str, Any], memoryview]

_LENGTHS = struct.Struct("!II")
_BUFFER_BYTES = 1 << 20
_FIRST_FREE_DESCRIPTOR = 3
_LOADING_SECONDS = 30.0
CAN_FORK = hasattr(os, "pidfd_open")
"""Whether the system tells processes apart that another has started: Linux does."""


class Process(Protocol):
    """As much of a process as is needed to end it."""

    @property
    def pid(self) -> int: ...

    def kill(self) -> None: ...

    def wait(self) -> int: ...


class ForkedProcess:
    """A process that a child has forked. From its first frame on the kernel keeps hold of it for us: its
    number cannot become that of another (pidfd_open(2))."""

    def __init__(self, connection: socket.socket) -> None:
        """Wait until the process at the other end has been forked. Raises OSError when it does not come."""
        connection.settimeout(_LOADING_SECONDS)
        frame = receive_frame(connection)
        if frame is None:
            raise ConnectionResetError("the process was not forked")
        connection.settimeout(None)
        self.pid: int = frame[0]["pid"]
        self._descriptor = os.pidfd_open(self.pid)
        weakref.finalize(self, os.close, self._descriptor)

    def kill(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            signal.pidfd_send_signal(self._descriptor, signal.SIGKILL)

    def wait(self) -> int:
        """Wait for its end; how it ended is known to its parent alone."""
        with selectors.DefaultSelector() as selector:
            selector.register(self._descriptor, selectors.EVENT_READ)
            selector.select()
        with contextlib.suppress(ChildProcessError):  # unless it has become ours, its parent having ended
            os.waitid(os.P_PIDFD, self._descriptor, os.WEXITED)
        return 0


def start_child(
    module: str,
    *arguments: str,
    output: int | IO[bytes] = subprocess.DEVNULL,
    environment: Mapping[str, str] | None = None,
) -> tuple[subprocess.Popen[bytes], socket.socket]:
    """Run a module with the descriptor of its end of a socket pair as first argument; our end comes back.

    The child has a session of its own, so that Ctrl-C does not reach it, and no streams but the `output` that
    it writes to: it must end when the socket does. It gets the variables of `environment` that the person has
    not set. Raises OSError. Not `multiprocessing`, which cannot start children inside a running Textual
    application.
    """
    process, (connection,) = start_children(1, module, *arguments, output=output, environment=environment)
    return process, connection


def start_children(
    count: int,
    module: str,
    *arguments: str,
    output: int | IO[bytes] = subprocess.DEVNULL,
    environment: Mapping[str, str] | None = None,
) -> tuple[subprocess.Popen[bytes], list[socket.socket]]:
    """As `start_child`, with a socket for each of `count` processes: that for the one that is started, then
    those for the ones that it is to fork, by way of `fork_for_each`. A `ForkedProcess` waits for one of them.
    """
    pairs = [_socket_pair() for _ in range(count)]
    descriptors = [theirs.fileno() for _, theirs in pairs]
    try:
        process = subprocess.Popen(
            [sys.executable, "-P", "-m", module, ",".join(map(str, descriptors)), *arguments],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            pass_fds=descriptors,
            start_new_session=True,
            env=_completed(environment),
        )
    except BaseException:
        for ours, _ in pairs:
            ours.close()
        raise
    finally:
        for _, theirs in pairs:
            theirs.close()
    return process, [ours for ours, _ in pairs]


def fork_for_each(descriptors: str) -> socket.socket:
    """In a child, once it has loaded what takes time: the socket to serve. Forks a process for each but the
    first, in which that one comes back. Only while this process has a single thread."""
    own, *others = (socket.socket(fileno=int(descriptor)) for descriptor in descriptors.split(","))
    if others:
        signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody here waits for them
    while others:
        other = others.pop()
        forked = False
        with contextlib.suppress(OSError):  # no memory, no process: who waits sees its socket end
            forked = not os.fork()
        if forked:
            for connection in (own, *others):
                connection.close()
            send_frame(other, {"pid": os.getpid()}, b"")
            return other
        other.close()
    return own


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


def _socket_pair() -> tuple[socket.socket, socket.socket]:
    """Two ends whose descriptors a child's standard streams cannot take the place of."""
    pair = tuple(_above_standard_streams(end) for end in socket.socketpair())
    for end in pair:
        end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _BUFFER_BYTES)
    return pair[0], pair[1]


def _above_standard_streams(end: socket.socket) -> socket.socket:
    """The same socket with a descriptor that the child's standard streams cannot take the place of."""
    if end.fileno() >= _FIRST_FREE_DESCRIPTOR:
        return end
    with end:
        descriptor = fcntl.fcntl(end.fileno(), fcntl.F_DUPFD_CLOEXEC, _FIRST_FREE_DESCRIPTOR)
        return socket.socket(fileno=descriptor)


def _completed(wanted: Mapping[str, str] | None) -> dict[str, str]:
    """The environment in which the child finds this very package, also when run from a checkout.

    No thread of OpenBLAS waits for work there: NumPy starts one for each processor, and they spin.
    """
    environment = {"OPENBLAS_NUM_THREADS": "1", **(wanted or {}), **os.environ}
    root = Path(__file__).resolve().parents[1]
    installed = {Path(sysconfig.get_path(kind)).resolve() for kind in ("purelib", "platlib")}
    if root not in installed:
        inherited = environment.get("PYTHONPATH")
        environment["PYTHONPATH"] = os.pathsep.join([str(root), inherited] if inherited else [str(root)])
    return environment
