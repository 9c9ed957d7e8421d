"""Downloads one file of known length over an unreliable network, resuming where a connection broke."""

from __future__ import annotations

import http.client
import ipaddress
import os
import re
import socket
import ssl
import threading
import urllib.error
import urllib.request
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from typing import IO, TYPE_CHECKING
from urllib.parse import urlsplit

from musicsim_tui.errors import ModelError, SettingsError
from musicsim_tui.jobs import Progress

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from io import FileIO

    from tenacity import RetryCallState

    from musicsim_tui.embedding.weights import WeightsFile
    from musicsim_tui.jobs import CancelToken

CHUNK_BYTES = 1 << 18

OTHER_WAYS = (
    "Or fetch the file in a browser and give it with --from FILE, or set MUSICSIM_WEIGHTS_URL to a mirror."
)


@dataclass(frozen=True, slots=True)
class Patience:
    """How long to put up with a bad network.

    A connection silent for `stall_seconds` is broken. After a failed attempt comes a pause of `first_pause`
    seconds, doubled up to `longest_pause` until data flows again; `attempts` without a new byte are the end.
    """

    stall_seconds: float = 30.0
    first_pause: float = 1.0
    longest_pause: float = 30.0
    attempts: int = 5


class _Interrupted(Exception):
    """The connection failed or broke; another attempt may succeed."""


def require_safe_address(url: str) -> None:
    """Raises SettingsError unless the address is https, or http on this machine."""
    parts = urlsplit(url)
    if parts.scheme == "https" and parts.hostname:
        return
    if parts.scheme == "http" and _is_this_machine(parts.hostname or ""):
        return
    raise SettingsError(
        f"Weights are not fetched over {parts.scheme or 'an address without a scheme'}.",
        "Use an address that begins with https:// or file://. " + OTHER_WAYS,
    )


def _is_this_machine(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def write_all(handle: FileIO, data: bytes) -> None:
    """Write to an unbuffered file, which may take less than it is given at once."""
    rest = memoryview(data)
    while rest:
        rest = rest[handle.write(rest) :]


class Transfer:
    """Fetches `url` into `part`, an unbuffered file that may already hold the beginning."""

    def __init__(
        self,
        file: WeightsFile,
        url: str,
        part: FileIO,
        progress: Callable[[Progress], None],
        notice: Callable[[str], None],
        cancel: CancelToken,
        patience: Patience,
    ) -> None:
        require_safe_address(url)
        self._file = file
        self._url = url
        self._host = urlsplit(url).hostname or ""
        self._part = part
        self._progress = progress
        self._notice = notice
        self._cancel = cancel
        self._patience = patience
        self._furthest = self._length()
        self._fruitless = 0

    def run(self) -> None:
        """Complete the file. Raises ModelError, SettingsError, Cancelled, or OSError when the disk fails."""
        from tenacity import Retrying, retry_if_exception_type

        attempts = Retrying(
            retry=retry_if_exception_type(_Interrupted),
            stop=lambda _: self._fruitless >= self._patience.attempts,
            wait=self._pause,
            sleep=self._cancel.wait,
            before_sleep=self._tell,
            reraise=True,
        )
        try:
            attempts(self._attempt)
        except _Interrupted as error:
            raise ModelError(
                f"The weights of {self._file.name} could not be fetched from {self._host}: {error}.",
                "Check the connection and run it again; it goes on where it stopped. " + OTHER_WAYS,
            ) from error

    def _pause(self, _: RetryCallState) -> float:
        return min(self._patience.longest_pause, self._patience.first_pause * 2.0**self._fruitless)

    def _tell(self, state: RetryCallState) -> None:
        error = state.outcome.exception() if state.outcome is not None else None
        self._notice(
            f"Fetching the weights of {self._file.name} from {self._host}: {error}. "
            f"Trying again in {state.upcoming_sleep:.0f} s."
        )

    def _attempt(self) -> None:
        self._cancel.check()
        try:
            self._fetch_rest()
        except _Interrupted:
            self._cancel.check()
            reached = self._length()
            self._fruitless = 0 if reached > self._furthest else self._fruitless + 1
            self._furthest = max(self._furthest, reached)
            raise

    def _length(self) -> int:
        return os.fstat(self._part.fileno()).st_size

    def _start_over(self) -> None:
        self._part.truncate(0)

    def _fetch_rest(self) -> None:
        if self._length() > self._file.bytes:
            self._start_over()
        offset = self._length()
        if offset == self._file.bytes:
            return
        request = urllib.request.Request(self._url, headers={"User-Agent": "musicsim-tui"})
        if offset:
            request.add_header("Range", f"bytes={offset}-")
        sockets: list[socket.socket] = []
        with self._cut_when_cancelled(sockets), self._open(request, sockets) as response:
            self._accept(response, offset)
            self._part.seek(0, os.SEEK_END)
            while self._length() < self._file.bytes:
                chunk = self._read(response)
                write_all(self._part, chunk)
                self._progress(
                    Progress(self._length(), self._file.bytes, "bytes", f"downloading {self._file.name}")
                )

    def _open(
        self, request: urllib.request.Request, sockets: list[socket.socket]
    ) -> http.client.HTTPResponse:
        opener = urllib.request.build_opener(_Plain(sockets), _Encrypted(sockets), _SafeRedirects())
        try:
            response: http.client.HTTPResponse = opener.open(request, timeout=self._patience.stall_seconds)
            return response
        except urllib.error.HTTPError as error:
            with error:
                raise self._refusal(error.code) from error
        except urllib.error.URLError as error:
            raise self._no_connection(error.reason) from error
        except (OSError, http.client.HTTPException) as error:
            raise _Interrupted(_reason(error)) from error

    def _refusal(self, status: int) -> Exception:
        """What an HTTP status means: another attempt, or the end."""
        if status == http.HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
            self._start_over()
            return _Interrupted("the server has no such part of the file")
        if status >= 500 or status in (http.HTTPStatus.REQUEST_TIMEOUT, http.HTTPStatus.TOO_MANY_REQUESTS):
            return _Interrupted(f"the server answered {status}")
        return ModelError(
            f"{self._host} does not give out the weights of {self._file.name}: it answered {status}.",
            f"See {self._file.source} for where they are now. " + OTHER_WAYS,
        )

    def _no_connection(self, reason: object) -> Exception:
        if isinstance(reason, ssl.SSLCertVerificationError):
            return ModelError(
                f"{self._host} could not prove who it is: {reason.verify_message}.",
                "Check this machine's clock and certificates, and for a network that asks to log in. "
                + OTHER_WAYS,
            )
        if isinstance(reason, socket.gaierror):
            return _Interrupted("its name is not known, or there is no network")
        return _Interrupted(_reason(reason))

    def _accept(self, response: http.client.HTTPResponse, offset: int) -> None:
        """Check that the answer is the file, from where it was asked for, and make `part` fit it."""
        if response.headers.get_content_type() == "text/html":
            raise ModelError(
                f"{self._host} answered with a web page instead of the weights of {self._file.name}.",
                "The network may ask to log in first: open any page in a browser. " + OTHER_WAYS,
            )
        length = response.headers.get("Content-Length")
        if response.status == http.HTTPStatus.PARTIAL_CONTENT:
            given = re.fullmatch(
                r"bytes (\d+)-\d+/(\d+|\*)", response.headers.get("Content-Range", "").strip()
            )
            if given is None or int(given[1]) != offset:
                self._start_over()
                raise _Interrupted("the server sent another part of the file than asked for")
            length = given[2] if given[2] != "*" else None
        else:
            self._start_over()
        if length is not None and length != str(self._file.bytes):
            raise ModelError(
                f"{self._host} offers another file than the weights of {self._file.name}: "
                f"it holds {length} bytes instead of {self._file.bytes}.",
                f"See {self._file.source} for the right one. " + OTHER_WAYS,
            )

    def _read(self, response: http.client.HTTPResponse) -> bytes:
        self._cancel.check()
        wanted = min(CHUNK_BYTES, self._file.bytes - self._length())
        try:
            chunk = response.read1(wanted)
        except (OSError, ValueError, http.client.HTTPException) as error:
            raise _Interrupted(_reason(error)) from error
        if not chunk:
            raise _Interrupted("the connection was cut")
        return chunk

    @contextmanager
    def _cut_when_cancelled(self, sockets: list[socket.socket]) -> Iterator[None]:
        """Shut the sockets down when the work is cancelled, so that no read waits for a silent server."""
        finished = threading.Event()

        def watch() -> None:
            while not finished.wait(0.1):
                if self._cancel.cancelled:
                    for open_socket in tuple(sockets):
                        with suppress(OSError):
                            socket.socket.shutdown(open_socket, socket.SHUT_RDWR)

        watcher = threading.Thread(target=watch, name="weights-cancel", daemon=True)
        watcher.start()
        try:
            yield
        finally:
            finished.set()
            watcher.join()


def _reason(error: object) -> str:
    if isinstance(error, TimeoutError):
        return "the server fell silent"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return type(error).__name__ if isinstance(error, Exception) else str(error)


class _PlainConnection(http.client.HTTPConnection):
    def __init__(self, host: str, *, timeout: float, sockets: list[socket.socket]) -> None:
        super().__init__(host, timeout=timeout)
        self._opened = sockets

    def connect(self) -> None:
        super().connect()
        self._opened.append(self.sock)


class _EncryptedConnection(http.client.HTTPSConnection):
    def __init__(
        self, host: str, *, timeout: float, context: ssl.SSLContext, sockets: list[socket.socket]
    ) -> None:
        super().__init__(host, timeout=timeout, context=context)
        self._opened = sockets

    def connect(self) -> None:
        super().connect()
        self._opened.append(self.sock)


class _Plain(urllib.request.HTTPHandler):
    def __init__(self, sockets: list[socket.socket]) -> None:
        super().__init__()
        self._connect = partial(_PlainConnection, sockets=sockets)

    def http_open(self, req: urllib.request.Request) -> http.client.HTTPResponse:
        return self.do_open(self._connect, req)


class _Encrypted(urllib.request.HTTPSHandler):
    def __init__(self, sockets: list[socket.socket]) -> None:
        super().__init__()
        self._connect = partial(_EncryptedConnection, sockets=sockets)

    def https_open(self, req: urllib.request.Request) -> http.client.HTTPResponse:
        return self.do_open(self._connect, req, context=ssl.create_default_context())


class _SafeRedirects(urllib.request.HTTPRedirectHandler):
    """Follows redirects only to addresses that `require_safe_address` allows."""

    def redirect_request(
        self,
        req: urllib.request.Request,
        fp: IO[bytes],
        code: int,
        msg: str,
        headers: http.client.HTTPMessage,
        newurl: str,
    ) -> urllib.request.Request | None:
        try:
            require_safe_address(newurl)
        except SettingsError:
            fp.close()
            raise ModelError(
                f"{urlsplit(req.full_url).hostname} passes the request on to an address that is not safe.",
                "The network may ask to log in first: open any page in a browser. " + OTHER_WAYS,
            ) from None
        return super().redirect_request(req, fp, code, msg, headers, newurl)
