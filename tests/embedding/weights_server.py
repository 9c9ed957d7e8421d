"""A loopback web server that gives out one file, well or badly."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass
class Behaviour:
    """What the server does. `cuts` are the lengths after which successive answers break off."""

    content: bytes
    ranges: bool = True
    cuts: list[int] = field(default_factory=list)
    stall_after: int | None = None
    status: int | None = None
    refusals: int = 0
    html: bool = False
    redirect: str | None = None
    announce_length: bool = True
    wrong_offset: bool = False
    requests: list[tuple[str, str | None]] = field(default_factory=list)
    stalled: threading.Event = field(default_factory=threading.Event)
    release: threading.Event = field(default_factory=threading.Event)


class _Server(ThreadingHTTPServer):
    daemon_threads = False
    block_on_close = True

    def __init__(self, behaviour: Behaviour) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.behaviour = behaviour


class _Handler(BaseHTTPRequestHandler):
    server: _Server

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Says nothing: the tests read `Behaviour.requests`."""

    def do_GET(self) -> None:
        behaviour = self.server.behaviour
        wanted = self.headers.get("Range")
        behaviour.requests.append((self.path, wanted))
        if behaviour.redirect is not None:
            self.send_response(302)
            self.send_header("Location", behaviour.redirect)
            self.send_header("Content-Length", "0")
            self.end_headers()
        elif behaviour.status is not None and (
            behaviour.refusals == 0 or len(behaviour.requests) <= behaviour.refusals
        ):
            self.send_error(behaviour.status)
        elif behaviour.html:
            self._send(b"<html>log in</html>", 0, "text/html; charset=utf-8")
        else:
            match = re.fullmatch(r"bytes=(\d+)-", wanted or "")
            offset = int(match[1]) if match and behaviour.ranges else 0
            if offset and offset >= len(behaviour.content):
                self.send_error(416)
                return
            self._send(behaviour.content, offset, "application/octet-stream")

    def _send(self, content: bytes, offset: int, content_type: str) -> None:
        behaviour = self.server.behaviour
        if offset:
            told = offset + 1 if behaviour.wrong_offset else offset
            self.send_response(206)
            self.send_header("Content-Range", f"bytes {told}-{len(content) - 1}/{len(content)}")
        else:
            self.send_response(200)
        self.send_header("Content-Type", content_type)
        if behaviour.announce_length:
            self.send_header("Content-Length", str(len(content) - offset))
        self.end_headers()
        body = content[offset:]
        if behaviour.cuts:
            body = body[: behaviour.cuts.pop(0)]
        if behaviour.stall_after is not None:
            self.wfile.write(body[: behaviour.stall_after])
            self.wfile.flush()
            behaviour.stalled.set()
            behaviour.release.wait(30)
        else:
            self.wfile.write(body)


@contextmanager
def serving(behaviour: Behaviour) -> Iterator[str]:
    """Run the server; gives its address."""
    server = _Server(behaviour)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        behaviour.release.set()
        server.shutdown()
        thread.join(10)
        server.server_close()
