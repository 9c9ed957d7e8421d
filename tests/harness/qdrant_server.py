"""A Qdrant server on loopback: its REST routes over HTTP, answered by the in-memory engine of qdrant-client.

It checks the api-key as a real server does, records every request, and can misbehave on demand: any status
with any headers, HTML, a hang, a connection reset. Like Qdrant Cloud in strict mode it refuses to filter on a
field without a payload index.
"""

from __future__ import annotations

import json
import re
import socket
import struct
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, ClassVar, Self
from urllib.parse import urlsplit

from qdrant_client import QdrantClient, models

VERSION = "1.16.0"
_COMPLETED = {"operation_id": 0, "status": "completed"}
_RESET_ON_CLOSE = struct.pack("ii", 1, 0)


@dataclass(frozen=True, slots=True)
class Request:
    """What a client sent; `size` is the length of the body in bytes."""

    line: str
    query: str
    size: int
    api_key: str | None
    authorization: str | None
    body: Any


@dataclass(slots=True)
class Fault:
    """What befalls the next `times` requests whose line, such as "PUT /collections/x/points", matches.

    Exactly one of: `status` with `headers`; `html`; `hang`, no answer until the server closes; `reset`.
    """

    line: str
    times: int = 1
    status: int | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    html: bool = False
    hang: bool = False
    reset: bool = False


class UnknownRoute(Exception):
    """Qdrant answers these with an empty page."""


class QdrantServer:
    """Use as a context manager; `url` is where it listens."""

    def __init__(self, api_key: str | None = None) -> None:
        self.requests: list[Request] = []
        self._api_key = api_key
        self._faults: list[Fault] = []
        self._engine = QdrantClient(":memory:")
        self._indexed: dict[str, dict[str, Any]] = {}
        self._lock = threading.Lock()
        self._closing = threading.Event()
        handler = type("Handler", (_Handler,), {"server_double": self})
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
        self._engine.close()

    def misbehave(self, fault: Fault) -> None:
        self._faults.append(fault)

    def sent(self, line: str) -> list[Request]:
        """The requests whose line matches, in the order in which they came."""
        return [request for request in self.requests if re.search(line, request.line)]

    def next_fault(self, line: str) -> Fault | None:
        with self._lock:
            for fault in self._faults:
                if fault.times > 0 and re.search(fault.line, line):
                    fault.times -= 1
                    return fault
        return None

    def accepts(self, api_key: str | None, path: str) -> bool:
        """The root, which tells the version, is open to everybody."""
        return self._api_key is None or api_key == self._api_key or path == "/"

    def wait_until_closing(self) -> None:
        self._closing.wait()

    def answer(self, verb: str, path: str, body: Any) -> tuple[int, object]:  # noqa: ANN401
        """Status and content of the answer; None for an empty one."""
        with self._lock:
            try:
                return 200, {"result": self._route(verb, path, body), "status": "ok", "time": 0.001}
            except UnknownRoute:
                return 404, None
            except LookupError as error:
                return 404, _envelope(f"Not found: {error.args[0]}")
            except ValueError as error:
                return 400, _envelope(f"Wrong input: {error}")

    def _route(self, verb: str, path: str, body: Any) -> object:  # noqa: ANN401
        if path == "/collections":
            return _json(self._engine.get_collections())
        match = re.fullmatch(r"/collections/([^/]+)/?(.*)", path)
        if match is None:
            raise UnknownRoute(path)
        name, operation = match.groups()
        if (verb, operation) == ("PUT", ""):
            return self._create(name, body)
        if (verb, operation) == ("DELETE", ""):
            self._indexed.pop(name, None)
            return self._engine.delete_collection(name)
        if not self._engine.collection_exists(name):
            raise LookupError(f"Collection `{name}` doesn't exist!")
        if operation == "":
            info = _json(self._engine.get_collection(name))
            info["payload_schema"] = self._indexed[name]
            return info
        return self._route_points(f"{verb} {operation}", name, body)

    def _route_points(self, operation: str, name: str, body: Any) -> object:  # noqa: ANN401
        self._require_indexes(name, body.get("filter"))
        match operation:
            case "PUT index":
                self._indexed[name][body["field_name"]] = {"data_type": body["field_schema"], "points": 0}
                return _COMPLETED
            case "PUT points":
                self._engine.upsert(name, models.PointsList.model_validate(body).points)
                return _COMPLETED
            case "POST points/delete":
                self._engine.delete(name, models.PointIdsList.model_validate(body))
                return _COMPLETED
            case "POST points/query":
                query = models.QueryRequest.model_validate({**body, "params": None})  # always exact
                return _json(self._engine.query_batch_points(name, [query])[0])
            case "POST points/scroll":
                return self._scroll(name, models.ScrollRequest.model_validate(body))
            case "POST points/count":
                return _json(self._engine.count(name, models.CountRequest.model_validate(body).filter))
        raise UnknownRoute(operation)

    def _create(self, name: str, body: Any) -> bool:  # noqa: ANN401
        if self._engine.collection_exists(name):
            raise ValueError(f"Collection `{name}` already exists!")
        request = models.CreateCollection.model_validate(body)
        self._engine.create_collection(name, vectors_config=request.vectors)
        self._indexed[name] = {}
        return True

    def _scroll(self, name: str, request: models.ScrollRequest) -> object:
        records, following = self._engine.scroll(
            name, request.filter, limit=request.limit or 10, offset=request.offset, with_payload=False
        )
        return {"points": [_json(record) for record in records], "next_page_offset": following}

    def _require_indexes(self, name: str, filter_: object) -> None:
        for key in _filtered_fields(filter_):
            if key not in self._indexed[name]:
                raise ValueError(f'Index required but not found for "{key}"')


class _HttpServer(ThreadingHTTPServer):
    daemon_threads = False
    block_on_close = True


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_double: ClassVar[QdrantServer]

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  the name in the base class
        """Say nothing."""

    def do_GET(self) -> None:
        self._handle()

    do_PUT = do_POST = do_DELETE = do_GET

    def _handle(self) -> None:
        double = self.server_double
        content = self.rfile.read(int(self.headers.get("content-length") or 0))
        body = json.loads(content) if content else {}
        place = urlsplit(self.path)
        line = f"{self.command} {place.path}"
        api_key = self.headers.get("api-key")
        authorization = self.headers.get("authorization")
        double.requests.append(Request(line, place.query, len(content), api_key, authorization, body))
        fault = double.next_fault(line)
        if fault is not None:
            self._misbehave(fault)
        elif not double.accepts(api_key, place.path):
            self._send(401, _envelope("Must provide an API key or an Authorization bearer token"))
        elif place.path == "/":
            self._send(200, {"title": "qdrant - vector search engine", "version": VERSION})
        else:
            self._send(*double.answer(self.command, place.path, body))

    def _misbehave(self, fault: Fault) -> None:
        if fault.hang:
            self.server_double.wait_until_closing()
            self.close_connection = True
        elif fault.reset:
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
            self.close_connection = True
        elif fault.html:
            self._write(fault.status or 200, "text/html", b"<html><body>It works!</body></html>", {})
        else:
            self._send(fault.status or 500, _envelope("injected"), fault.headers)

    def _send(self, status: int, content: object, headers: Mapping[str, str] | None = None) -> None:
        text = "" if content is None else json.dumps(content)
        self._write(status, "application/json", text.encode(), headers or {})

    def _write(self, status: int, kind: str, content: bytes, headers: Mapping[str, str]) -> None:
        self.send_response(status)
        self.send_header("content-type", kind)
        self.send_header("content-length", str(len(content)))
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)


def _envelope(error: str) -> dict[str, object]:
    return {"status": {"error": error}, "time": 0}


def _json(model: Any) -> Any:  # noqa: ANN401
    return model.model_dump(mode="json")


def _filtered_fields(filter_: object) -> Iterator[str]:
    if isinstance(filter_, dict):
        if isinstance(filter_.get("key"), str):
            yield filter_["key"]
        for value in filter_.values():
            yield from _filtered_fields(value)
    elif isinstance(filter_, list):
        for item in filter_:
            yield from _filtered_fields(item)
