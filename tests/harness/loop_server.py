"""A web server on loopback that serves audio and playlists, well or badly.

`/media/NAME` is a file of the media folder; `/fault/KIND/NAME` the same file with something wrong (`FAULTS`),
its parameters in the query; `/feed.rss`, `/list.xspf`, `/page.html` list `items`. Further sites are mounted
under a first part of the path with `mount`.
"""

from __future__ import annotations

import re
import socket
import struct
import threading
from collections import Counter
from dataclasses import dataclass
from html import escape
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, ClassVar, Self
from urllib.parse import parse_qsl, quote, unquote, urlsplit

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path
    from types import TracebackType

_MEDIA_TYPES = {
    ".mp3": "audio/mpeg",
    ".m4a": "audio/mp4",
    ".webm": "audio/webm",
    ".ogg": "audio/ogg",
    ".opus": "audio/ogg",
    ".flac": "audio/flac",
    ".wav": "audio/wav",
    ".jpg": "image/jpeg",
}
_RESET_ON_CLOSE = struct.pack("ii", 1, 0)
_CHUNK_BYTES = 4096
_HTML = b"<!doctype html><html><head><title>Login</title></head><body>Please log in</body></html>"


@dataclass(frozen=True, slots=True)
class Sent:
    """One request that came, and the status it was answered with (0: never)."""

    verb: str
    path: str
    byte_range: str | None
    status: int


@dataclass(frozen=True, slots=True)
class Delivery:
    """How a file is delivered. `rate` in bytes a second; `cut_after` bytes the connection is reset;
    `stall_after` bytes nothing comes any more; `declared` is a length other than the true one."""

    ranges: bool = True
    rate: float | None = None
    cut_after: int | None = None
    stall_after: int | None = None
    declared: int | None = None


class LoopServer:
    """Use as a context manager; `url` is where it listens. `items` are (title, path) of the lists."""

    def __init__(self, media: Path) -> None:
        self.media = media
        self.items: list[tuple[str, str]] = []
        self.requests: list[Sent] = []
        self.stalled = threading.Event()
        """Set while a client waits for data that does not come."""
        self._closing = threading.Event()
        self._hits: Counter[str] = Counter()
        self._lock = threading.Lock()
        self._mounts: dict[str, Callable[[Exchange, str], None]] = {}
        handler = type("Handler", (Exchange,), {"server_double": self})
        self._http = _HttpServer(("127.0.0.1", 0), handler)
        self._thread = threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.05})

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._http.server_port}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._closing.set()
        self._http.shutdown()
        self._thread.join()
        self._http.server_close()

    def mount(self, part: str, answer: Callable[[Exchange, str], None]) -> None:
        """Answer every path below `/part/` with `answer(exchange, rest of the path)`."""
        self._mounts[part] = answer

    def hits(self, key: str) -> int:
        """How often this was asked with this key, this time included."""
        with self._lock:
            self._hits[key] += 1
            return self._hits[key]

    def sent(self, pattern: str) -> list[Sent]:
        """The requests whose path matches, in the order in which they came."""
        return [request for request in self.requests if re.search(pattern, request.path)]

    def answer(self, exchange: Exchange) -> None:
        path = unquote(urlsplit(exchange.path).path)
        first, _, rest = path.lstrip("/").partition("/")
        if first in self._mounts:
            self._mounts[first](exchange, rest)
        elif first == "media":
            self.deliver(exchange, rest)
        elif first == "fault":
            kind, _, name = rest.partition("/")
            self.misbehave(exchange, kind, name)
        elif path in _LISTS:
            make, content_type = _LISTS[path]
            exchange.send(200, make(self).encode(), content_type)
        else:
            exchange.send(404, b"no such page")

    def deliver(self, exchange: Exchange, name: str, delivery: Delivery | None = None) -> None:
        """A file of the media folder, or 404."""
        file = self.media / name
        if not file.is_file():
            exchange.send(404, b"no such file")
            return
        exchange.send_media(file.read_bytes(), _MEDIA_TYPES[file.suffix], delivery or Delivery())

    def misbehave(self, exchange: Exchange, kind: str, name: str) -> None:
        """A file with something wrong: a status, or one of `FAULTS`."""
        if kind.isdigit():
            exchange.send(int(kind), b"x", headers={"Retry-After": "120"} if kind == "429" else {})
        else:
            FAULTS[kind](self, exchange, self.media / name)

    def wait(self, seconds: float | None = None) -> bool:
        """Pause that ends, with True, when the server closes."""
        return self._closing.wait(seconds)


class _HttpServer(ThreadingHTTPServer):
    daemon_threads = False
    block_on_close = True

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that goes away is no error."""


class Exchange(BaseHTTPRequestHandler):
    """One request and its answer; the connection closes after it."""

    protocol_version = "HTTP/1.1"
    server_double: ClassVar[LoopServer]
    body: bytes = b""

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  the name in the base class
        """Say nothing."""

    def do_GET(self) -> None:
        self.close_connection = True
        self.body = self.rfile.read(int(self.headers.get("content-length") or 0))
        try:
            self.server_double.answer(self)
        except (BrokenPipeError, ConnectionResetError):
            return

    do_POST = do_HEAD = do_GET

    @property
    def query(self) -> dict[str, str]:
        return dict(parse_qsl(urlsplit(self.path).query))

    def number(self, name: str, default: float) -> float:
        """A parameter of the query."""
        return float(self.query.get(name, default))

    def send(
        self,
        status: int,
        body: bytes,
        content_type: str = "text/plain; charset=utf-8",
        headers: Mapping[str, str] | None = None,
    ) -> None:
        self._send_head(
            status, {"Content-Type": content_type, "Content-Length": str(len(body)), **(headers or {})}
        )
        if self.command != "HEAD":
            self.wfile.write(body)

    def send_media(self, data: bytes, content_type: str, delivery: Delivery) -> None:
        """Bytes, with ranges (RFC 9110, section 14) unless they are refused."""
        start, end, status = 0, len(data), 200
        asked = re.match(r"bytes=(\d+)-(\d*)", self.headers.get("Range") or "")
        headers = {"Content-Type": content_type}
        if delivery.ranges:
            headers["Accept-Ranges"] = "bytes"
            if asked:
                start, status = int(asked[1]), 206
                end = min(int(asked[2]) + 1, len(data)) if asked[2] else len(data)
                if start >= len(data):
                    self.send(416, b"", headers={"Content-Range": f"bytes */{len(data)}"})
                    return
                headers["Content-Range"] = f"bytes {start}-{end - 1}/{len(data)}"
        headers["Content-Length"] = str(end - start if delivery.declared is None else delivery.declared)
        self._send_head(status, headers)
        if self.command != "HEAD":
            self._send_body(data[start:end], delivery)

    def _send_body(self, body: bytes, delivery: Delivery) -> None:
        stop = min(
            len(body), *(at for at in (delivery.cut_after, delivery.stall_after) if at is not None), len(body)
        )
        for start in range(0, stop, _CHUNK_BYTES):
            piece = body[start : min(start + _CHUNK_BYTES, stop)]
            self.wfile.write(piece)
            if delivery.rate is not None:
                self.wfile.flush()
                if self.server_double.wait(len(piece) / delivery.rate):
                    return
        self.wfile.flush()
        if delivery.cut_after is not None and stop < len(body):
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
        elif delivery.stall_after is not None:
            self.hang()

    def hang(self) -> None:
        """Say nothing more until the server closes."""
        self.server_double.stalled.set()
        self.server_double.wait()

    def record(self, status: int) -> None:
        request = Sent(self.command, self.path, self.headers.get("Range"), status)
        self.server_double.requests.append(request)

    def _send_head(self, status: int, headers: Mapping[str, str]) -> None:
        self.record(status)
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Connection", "close")
        self.end_headers()


def _media_type(file: Path) -> str:
    return _MEDIA_TYPES[file.suffix]


def _few_times(server: LoopServer, exchange: Exchange, default: int = 99) -> bool:
    """Whether this path was asked at most `n` times."""
    return server.hits(urlsplit(exchange.path).path) <= exchange.number("n", default)


def _fail_once(server: LoopServer, exchange: Exchange, file: Path) -> None:
    if _few_times(server, exchange, 1):
        exchange.send(500, b"x")
    else:
        server.deliver(exchange, file.name)


def _refuse_media(server: LoopServer, exchange: Exchange, file: Path) -> None:
    """The first look at the file is allowed, fetching it is not."""
    if _few_times(server, exchange, 1):
        server.deliver(exchange, file.name)
    else:
        exchange.send(403, b"x")


def _slow(server: LoopServer, exchange: Exchange, file: Path) -> None:
    server.deliver(exchange, file.name, Delivery(rate=exchange.number("rate", 16000)))


def _cut(server: LoopServer, exchange: Exchange, file: Path) -> None:
    """Every answer breaks off after `at` bytes, `n` times; without ranges when `ranges` is 0."""
    at = int(exchange.number("at", 40000)) if _few_times(server, exchange) else None
    server.deliver(exchange, file.name, Delivery(ranges=bool(exchange.number("ranges", 1)), cut_after=at))


def _stall(server: LoopServer, exchange: Exchange, file: Path) -> None:
    """After `at` bytes nothing more comes, `n` times."""
    at = int(exchange.number("at", 20000)) if _few_times(server, exchange) else None
    server.deliver(exchange, file.name, Delivery(stall_after=at))


def _short(server: LoopServer, exchange: Exchange, file: Path) -> None:
    """Half of the bytes that are announced."""
    data = file.read_bytes()
    exchange.send_media(data[: len(data) // 2], _media_type(file), Delivery(ranges=False, declared=len(data)))


def _truncated(server: LoopServer, exchange: Exchange, file: Path) -> None:
    """A third of the file, honestly announced: `keep` of its bytes."""
    data = file.read_bytes()
    keep = round(len(data) * exchange.number("keep", 1 / 3))
    exchange.send_media(data[:keep], _media_type(file), Delivery())


def _html(server: LoopServer, exchange: Exchange, file: Path) -> None:
    exchange.send(200, _HTML, "text/html")


def _html_as_audio(server: LoopServer, exchange: Exchange, file: Path) -> None:
    exchange.send_media(_HTML * 50, _media_type(file), Delivery())


def _empty(server: LoopServer, exchange: Exchange, file: Path) -> None:
    exchange.send(200, b"", _media_type(file))


def _garbage(server: LoopServer, exchange: Exchange, file: Path) -> None:
    exchange.send_media(bytes(range(1, 252)) * 239, _media_type(file), Delivery())


def _redirect(server: LoopServer, exchange: Exchange, file: Path) -> None:
    exchange.send(302, b"", headers={"Location": f"/media/{quote(file.name)}"})


def _redirect_loop(server: LoopServer, exchange: Exchange, file: Path) -> None:
    exchange.send(302, b"", headers={"Location": exchange.path})


def _hang(server: LoopServer, exchange: Exchange, file: Path) -> None:
    exchange.record(0)
    exchange.hang()


FAULTS: Mapping[str, Callable[[LoopServer, Exchange, Path], None]] = {
    "fail-once": _fail_once,
    "refuse-media": _refuse_media,
    "slow": _slow,
    "cut": _cut,
    "stall": _stall,
    "short": _short,
    "truncated": _truncated,
    "html": _html,
    "html-as-audio": _html_as_audio,
    "empty": _empty,
    "garbage": _garbage,
    "redirect": _redirect,
    "redirect-loop": _redirect_loop,
    "hang": _hang,
}


def _rss(server: LoopServer) -> str:
    items = "".join(
        f"<item><title>{escape(title)}</title><guid>g{number}</guid>"
        f"<itunes:duration>00:00:03</itunes:duration>"
        f'<enclosure url="{escape(server.url + quote(path, safe="/?=&"))}" length="1" type="audio/mpeg"/>'
        "</item>"
        for number, (title, path) in enumerate(server.items)
    )
    return (
        '<?xml version="1.0" encoding="UTF-8"?>'
        '<rss version="2.0" xmlns:itunes="http://www.itunes.com/dtds/podcast-1.0.dtd"><channel>'
        f"<title>Föd / “feed” 🎧</title><link>{server.url}/</link><description>d</description>{items}"
        "</channel></rss>"
    )


def _xspf(server: LoopServer) -> str:
    tracks = "".join(
        f"<track><title>{escape(title)}</title><creator>Ärtist</creator><duration>3000</duration>"
        f"<location>{escape(server.url + path)}</location></track>"
        for title, path in server.items
    )
    return (
        '<?xml version="1.0" encoding="UTF-8"?><playlist version="1" xmlns="http://xspf.org/ns/0/">'
        f"<title>XSPF</title><trackList>{tracks}</trackList></playlist>"
    )


def _page(server: LoopServer) -> str:
    players = "".join(
        f'<h2>{escape(title)}</h2><audio controls src="{escape(path)}"></audio>'
        for title, path in server.items
    )
    return f"<!doctype html><html><head><title>Page «audio»</title></head><body>{players}</body></html>"


_LISTS: Mapping[str, tuple[Callable[[LoopServer], str], str]] = {
    "/feed.rss": (_rss, "application/rss+xml; charset=utf-8"),
    "/list.xspf": (_xspf, "application/xspf+xml; charset=utf-8"),
    "/page.html": (_page, "text/html; charset=utf-8"),
}
