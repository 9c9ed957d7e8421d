"""What the worker process does around the engine: it locks the folder, answers one socket, ends with it."""

from __future__ import annotations

import errno
import itertools
import os
import shutil
import signal
import socket
from pathlib import Path
from typing import TYPE_CHECKING

from musicsim_tui.errors import IndexFailure
from musicsim_tui.index.failures import log
from musicsim_tui.index.framing import receive_frame, refusal, send_frame
from musicsim_tui.index.lock import has_input, take_lock

if TYPE_CHECKING:
    from collections.abc import Callable

    from musicsim_tui.index.worker import Engine


def serve(connection: socket.socket, engine: Engine) -> None:
    """Answer requests until the application closes the connection or asks to stop."""
    while True:
        if not has_input(connection, engine.seconds_to_flush):
            try:
                engine.flush()
            except IndexFailure as failure:
                log(failure.title)
            continue
        frame = receive_frame(connection)
        if frame is None:
            break
        header, body = frame
        if header["op"] == "close":
            break
        try:
            reply, parts = engine.answer(header, body)
        except IndexFailure as failure:
            send_frame(connection, refusal(failure))
        else:
            send_frame(connection, reply, *parts)
    try:
        engine.close()
        send_frame(connection, {})
    except IndexFailure as failure:
        send_frame(connection, refusal(failure))


def remove_leftovers() -> None:
    """Collections whose creation or removal was cut short."""
    for leftover in itertools.chain(Path().glob(".*.new"), Path().glob(".*.dropped")):
        shutil.rmtree(leftover, ignore_errors=True)


def claim(connection: socket.socket, folder: str, patience: float) -> None:
    """Make the folder the current one and lock it. Raises IndexFailure, IndexLocked when it is held."""
    try:
        os.makedirs(folder, exist_ok=True)
        os.chdir(folder)
        take_lock(connection, patience)
    except ConnectionResetError:
        raise
    except OSError as error:
        raise _unusable(folder, error) from error


def _unusable(folder: str, error: OSError) -> IndexFailure:
    shown = os.fsencode(folder).decode(errors="replace")
    if error.errno == errno.EEXIST:
        return IndexFailure(
            f"A file stands where the index folder belongs: {shown}.",
            "Move it away, or delete it: the index is made again from the catalog.",
        )
    full = error.errno in (errno.ENOSPC, errno.EDQUOT)
    return IndexFailure(
        f"The index folder {shown} cannot be used: {error.strerror}.",
        f"{'Free some space on its disk' if full else 'Give yourself access to it'}, "
        "or move the library with --data-dir.",
    )


def run(arguments: list[str], make_engine: Callable[[int], Engine]) -> int:
    """Serve the application until it is done; the exit code. `make_engine` takes the bytes to leave free."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    descriptor, folder, patience, reserve = arguments
    with socket.socket(fileno=int(descriptor)) as connection:
        try:
            claim(connection, folder, float(patience))
            remove_leftovers()
            engine = make_engine(int(reserve))
            send_frame(connection, {})
            serve(connection, engine)
        except IndexFailure as failure:
            send_frame(connection, refusal(failure))
            return 1
        except (BrokenPipeError, ConnectionResetError):
            return 1
    return 0
