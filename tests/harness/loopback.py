"""Keeps tests off the network: yt-dlp's YouTube is on loopback, and nothing else can be reached."""

from __future__ import annotations

import socket
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any
from unittest.mock import patch
from urllib.parse import urlsplit

_YOUTUBE_HOSTS = ("youtube.com", "youtu.be", "googlevideo.com", "ytimg.com", "googleapis.com", "ggpht.com")
_LOOPBACK = ("127.0.0.1", "localhost")


@contextmanager
def no_other_host() -> Iterator[Callable[[object], None]]:
    """Asking a host that is not loopback fails, and fails the whole block; gives what refuses one."""
    strays: list[str] = []
    connect, lookup = socket.socket.connect, socket.getaddrinfo

    def refuse(host: object) -> None:
        strays.append(str(host))
        raise AssertionError(f"the network was asked for {host}")

    def guarded_connect(self: socket.socket, address: Any) -> None:  # noqa: ANN401
        if isinstance(address, tuple) and address[0] not in _LOOPBACK:
            refuse(address[0])
        connect(self, address)

    def guarded_lookup(host: Any, *args: Any, **more: Any) -> Any:  # noqa: ANN401
        if host not in _LOOPBACK:
            refuse(host)
        return lookup(host, *args, **more)

    with (
        patch.object(socket.socket, "connect", guarded_connect),
        patch.object(socket, "getaddrinfo", guarded_lookup),
    ):
        yield refuse
    assert not strays, f"the network was asked for {strays}"


@contextmanager
def only_loopback(base: str) -> Iterator[None]:
    """YouTube is at `base`, a server on loopback; asking another host fails, and fails the whole block."""
    import yt_dlp
    from yt_dlp.networking import Request

    urlopen = yt_dlp.YoutubeDL.urlopen

    def redirected(self: Any, request: Any) -> Any:  # noqa: ANN401
        request = Request(request) if isinstance(request, str) else request
        url = urlsplit(request.url)
        host = url.hostname or ""
        if any(host == known or host.endswith(f".{known}") for known in _YOUTUBE_HOSTS):
            request = request.copy()
            request.url = f"{base}/yt/{host}{url.path}" + (f"?{url.query}" if url.query else "")
        elif host not in _LOOPBACK and url.scheme in ("http", "https") and host:
            refuse(host)
        return urlopen(self, request)

    with (
        no_other_host() as refuse,
        patch.object(yt_dlp.YoutubeDL, "urlopen", redirected),
        _sessions_that_open_fast(),
    ):
        yield


@contextmanager
def _sessions_that_open_fast() -> Iterator[None]:
    """Each session of yt-dlp compares every name of its 1,800 extractors with all others, and reads the
    certificates of 140 authorities: hundreds of sessions would do little else. Here a set tells the names
    apart, and one authority is enough, for nobody has a certificate."""
    import certifi
    from yt_dlp.utils import _utils

    ordered_set = _utils.orderedSet

    def by_hash(items: Iterable[object], *, lazy: bool = False) -> Iterable[object]:
        if not lazy:
            items = list(items)
            with suppress(TypeError):  # some cannot be hashed
                return list(dict.fromkeys(items))
        found: Iterable[object] = ordered_set(items, lazy=lazy)
        return found

    end = "-----END CERTIFICATE-----\n"
    first, _, _ = Path(certifi.where()).read_text(encoding="utf-8").partition(end)
    with tempfile.NamedTemporaryFile("w", suffix=".pem", encoding="utf-8") as authority:
        authority.write(first + end)
        authority.flush()
        with (
            patch.object(_utils, "orderedSet", by_hash),
            patch.object(certifi, "where", lambda: authority.name),
        ):
            yield
