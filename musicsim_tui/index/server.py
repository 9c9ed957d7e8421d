"""The index on a Qdrant server or cluster, over REST."""

from __future__ import annotations

import logging
import math
import threading
from typing import TYPE_CHECKING, Any, TypeVar
from uuid import UUID

from musicsim_tui.errors import IndexFailure, SettingsError
from musicsim_tui.index.endpoint import parse_endpoint
from musicsim_tui.index.failures import closed
from musicsim_tui.index.points import (
    batches_by_bytes,
    checked_points,
    checked_prefix,
    collection_name,
    decimals,
    unit_vector,
)
from musicsim_tui.index.retries import PROMPT, READING, WRITING, Patience, repeated
from musicsim_tui.index.server_failures import Trouble, explain_server, trouble_of
from musicsim_tui.jobs import Cancelled
from musicsim_tui.track import Hit, TrackId

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
    from types import TracebackType
    from typing import Self

    import httpx
    from qdrant_client import QdrantClient, models

    from musicsim_tui.index.endpoint import Endpoint
    from musicsim_tui.index.index import IndexPoint, SearchParams
    from musicsim_tui.index.points import SerialPoint
    from musicsim_tui.track import ModelVersion, Vectors

    T = TypeVar("T")

CONNECT_SECONDS = 3.0
PROMPT_SECONDS = 5.0
"""What counts and searches wait for an answer: the catalog can give it too."""
IDS_PER_REQUEST = 1000
SMALL_LIMIT = 1000
"""Above it a limit is cut to the number of points: servers set aside memory for every hit asked for."""
LEAST_COMPARED = 100
COMPARED_PER_HIT = 2.0
"""Of the points nearest by their 8-bit codes, at least so many are compared as they are stored. The codes
span all numbers: cut to 99 of 100, as is usual, they miss one hit in twelve where many tracks are alike."""
SHORTEST_SECRET = 4
"""Shorter ones would be found in every other word of a message."""
PAYLOAD_INDEXES: Mapping[str, str] = {
    "title": "text",
    "artist": "keyword",
    "album": "keyword",
    "duration": "float",
    "year": "integer",
    "added": "float",
    "sounds": "keyword",
}
"""Fields that other clients may filter on, and how each is indexed; strict servers filter on nothing else."""

_log = logging.getLogger(__name__)


class ServerIndex:
    """Implements Index. Calls of several threads run side by side."""

    def __init__(
        self,
        client: QdrantClient,
        *,
        endpoint: Endpoint,
        prefix: str,
        secrets: Sequence[str],
        timeout: float,
        pause: Callable[[float], None] | None,
    ) -> None:
        self._client = client
        self._endpoint = endpoint
        self._prefix = prefix
        self._secrets = tuple(secrets)
        self._timeout = timeout
        self._prompt_timeout = math.ceil(min(timeout, PROMPT_SECONDS))
        self._closed = threading.Event()
        self._pause = pause or self._wait_unless_closed

    @classmethod
    def open(
        cls,
        endpoint: str,
        api_key: str | None,
        *,
        prefix: str = "musicsim",
        timeout: float = 60.0,
        client: QdrantClient | None = None,
        pause: Callable[[float], None] | None = None,
    ) -> ServerIndex:
        """An index on the server at `endpoint`; nothing is sent before the first call.

        `timeout` in seconds applies to each request; counts and searches wait PROMPT_SECONDS at most. A
        `client` given is used instead of a new one and closed with the index. `pause` waits between attempts;
        `Cancelled` raised by it ends the call. Raises SettingsError for a bad endpoint, key or prefix.
        """
        key = (api_key or "").strip()
        if any(not "!" <= character <= "~" for character in key):
            raise SettingsError(
                "The key for the Qdrant server holds characters that cannot be sent.",
                "Copy QDB_API_TOKEN again.",
            )
        place = parse_endpoint(endpoint, with_key=bool(key))
        checked_prefix(prefix)
        if key and place.scheme == "http" and not place.is_loopback:
            _log.warning("the key for %s travels unencrypted; https:// would protect it", place)
        if client is None:
            client = _connect(place, key, timeout)
        password = place.credentials[1] if place.credentials else ""
        secrets = [secret for secret in (key, password) if len(secret) >= SHORTEST_SECRET]
        return cls(client, endpoint=place, prefix=prefix, secrets=secrets, timeout=timeout, pause=pause)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"ServerIndex({self.target!r})"

    @property
    def target(self) -> str:
        return f"server:{self._endpoint}|{self._prefix}"

    def check(self) -> str:
        """The server's version, once it has proved to be Qdrant and to accept the key."""
        version = self._request(lambda: self._client.info())
        if "qdrant" not in version.title.lower():
            raise IndexFailure(
                f"The server at {self._endpoint} is not Qdrant.", "Check host, port and path in QDB_ENDPOINT."
            )
        self._request(lambda: self._client.get_collections())
        return version.version

    def ensure(self, model: ModelVersion) -> None:
        from qdrant_client import models

        name = collection_name(self._prefix, model)
        info = self._collection(name)
        if info is None:
            vectors = models.VectorParams(
                size=model.dimensions,
                distance=models.Distance.COSINE,
                datatype=models.Datatype.FLOAT16,
                on_disk=False,
            )
            self._request_unless(
                Trouble.ALREADY_EXISTS,
                lambda: self._client.create_collection(
                    name,
                    vectors_config=vectors,
                    quantization_config=models.ScalarQuantization(
                        scalar=models.ScalarQuantizationConfig(type=models.ScalarType.INT8, always_ram=True)
                    ),
                ),
                WRITING,
            )
            info = self._collection(name)
            if info is None:
                raise IndexFailure(f"The server at {self._endpoint} did not keep {name}.", "Try again.")
        self._check_vectors(name, model, info.config.params.vectors)
        for field, kind in PAYLOAD_INDEXES.items():
            if field not in info.payload_schema:
                self._create_payload_index(name, field, models.PayloadSchemaType(kind))

    def upsert(self, model: ModelVersion, points: Sequence[IndexPoint]) -> None:
        self._require_open()
        name = collection_name(self._prefix, model)
        for batch in batches_by_bytes(model, checked_points(model, points)):
            self._upsert_batch(name, batch)

    def delete(self, model: ModelVersion, ids: Sequence[TrackId]) -> None:
        self._require_open()
        name = collection_name(self._prefix, model)
        texts = [str(id_) for id_ in dict.fromkeys(ids)]
        for start in range(0, len(texts), IDS_PER_REQUEST):
            self._delete_batch(name, texts[start : start + IDS_PER_REQUEST])

    def search(self, model: ModelVersion, vector: Vectors, params: SearchParams) -> list[Hit]:
        from qdrant_client import models

        self._require_open()
        name = collection_name(self._prefix, model)
        numbers = decimals(unit_vector(model, vector, "the query"))
        limit = params.limit if params.limit <= SMALL_LIMIT else min(params.limit, self.count(model))
        if limit <= 0 or (params.include is not None and not params.include):
            return []
        must = _one_of(params.include) if params.include else None
        must_not = _one_of(params.exclude) if params.exclude else None
        answer = self._request_unless(
            Trouble.NO_COLLECTION,
            lambda: self._client.query_points(
                name,
                query=numbers,
                limit=limit,
                query_filter=models.Filter(must=must, must_not=must_not) if must or must_not else None,
                search_params=models.SearchParams(
                    hnsw_ef=params.ef,
                    exact=params.exact,
                    quantization=models.QuantizationSearchParams(
                        ignore=params.exact,
                        rescore=True,
                        oversampling=max(COMPARED_PER_HIT, LEAST_COMPARED / limit),
                    ),
                ),
                with_payload=False,
                timeout=self._prompt_timeout,
            ),
            PROMPT,
        )
        if answer is None:
            return []
        return [
            Hit(TrackId(UUID(point.id)), point.score) for point in answer.points if isinstance(point.id, str)
        ]

    def count(self, model: ModelVersion) -> int:
        name = collection_name(self._prefix, model)
        answer = self._request_unless(
            Trouble.NO_COLLECTION,
            lambda: self._client.count(name, exact=True, timeout=self._prompt_timeout),
            PROMPT,
        )
        return 0 if answer is None else answer.count

    def ids(self, model: ModelVersion) -> Iterator[TrackId]:
        self._require_open()
        return self._pages_of_ids(collection_name(self._prefix, model))

    def drop(self, model: ModelVersion) -> None:
        name = collection_name(self._prefix, model)
        self._request_unless(
            Trouble.NO_COLLECTION,
            lambda: self._client.delete_collection(name),
            WRITING,
        )

    def close(self) -> None:
        """End the connections; a call under way fails. Idempotent."""
        if not self._closed.is_set():
            self._closed.set()
            self._client.close()

    def _collection(self, name: str) -> models.CollectionInfo | None:
        return self._request_unless(Trouble.NO_COLLECTION, lambda: self._client.get_collection(name))

    def _check_vectors(self, name: str, model: ModelVersion, vectors: object) -> None:
        from qdrant_client import models

        hint = "Set QDB_COLLECTION to another name: this one may belong to somebody else."
        if not isinstance(vectors, models.VectorParams) or vectors.distance != models.Distance.COSINE:
            raise IndexFailure(
                f"The collection {name} at {self._endpoint} was not made by musicsim-tui.", hint
            )
        if vectors.size != model.dimensions:
            raise IndexFailure(
                f"The collection {name} at {self._endpoint} has {vectors.size} dimensions,"
                f" {model} makes {model.dimensions}.",
                hint,
            )

    def _create_payload_index(self, name: str, field: str, kind: models.PayloadSchemaType) -> None:
        self._request(
            lambda: self._client.create_payload_index(name, field, field_schema=kind, wait=True), WRITING
        )

    def _upsert_batch(self, name: str, batch: Sequence[SerialPoint]) -> None:
        from qdrant_client import models

        points = [
            models.PointStruct(id=id_, vector=vector, payload=payload) for id_, vector, payload in batch
        ]
        self._request(lambda: self._client.upsert(name, points, wait=True), WRITING)

    def _delete_batch(self, name: str, ids: list[str]) -> None:
        from qdrant_client import models

        selector = models.PointIdsList(points=list(ids))
        self._request_unless(
            Trouble.NO_COLLECTION,
            lambda: self._client.delete(name, selector, wait=True),
            WRITING,
        )

    def _pages_of_ids(self, name: str) -> Iterator[TrackId]:
        offset: Any = None
        while True:
            page = self._scroll(name, offset)
            if page is None:
                return
            records, offset = page
            for record in records:
                if isinstance(record.id, str):
                    yield TrackId(UUID(record.id))
            if offset is None:
                return

    def _scroll(self, name: str, offset: Any) -> tuple[list[models.Record], Any] | None:  # noqa: ANN401
        return self._request_unless(
            Trouble.NO_COLLECTION,
            lambda: self._client.scroll(
                name, limit=IDS_PER_REQUEST, offset=offset, with_payload=False, with_vectors=False
            ),
        )

    def _wait_unless_closed(self, seconds: float) -> None:
        self._closed.wait(seconds)

    def _require_open(self) -> None:
        if self._closed.is_set():
            raise closed()

    def _request(self, call: Callable[[], T], patience: Patience = READING) -> T:
        """Carry out one call of the client, again where trouble passes by itself. Raises IndexFailure."""
        try:
            return self._patiently(call, patience)
        except Cancelled:
            raise
        except Exception as error:
            raise self._explained(error, patience) from None

    def _request_unless(
        self, trouble: Trouble, call: Callable[[], T], patience: Patience = READING
    ) -> T | None:
        """The same, with None for an answer where the call meets this one trouble."""
        try:
            return self._patiently(call, patience)
        except Cancelled:
            raise
        except Exception as error:
            if trouble_of(error) is trouble and not self._closed.is_set():
                return None
            raise self._explained(error, patience) from None

    def _patiently(self, call: Callable[[], T], patience: Patience) -> T:
        self._require_open()
        return repeated(call, patience, pause=self._pause, stopped=self._closed.is_set)

    def _explained(self, error: Exception, patience: Patience) -> IndexFailure:
        if self._closed.is_set():
            return closed()
        timeout = self._prompt_timeout if patience is PROMPT else self._timeout
        failure = explain_server(error, self._endpoint, timeout=timeout)
        kept = IndexFailure(self._without_secrets(failure.title), self._without_secrets(failure.hint))
        kept.add_note(self._without_secrets(f"{type(error).__name__}: {error}"))
        return kept

    def _without_secrets(self, text: str) -> str:
        for secret in self._secrets:
            text = text.replace(secret, "***")
        return text


def _connect(place: Endpoint, key: str, timeout: float) -> QdrantClient:
    """A client that takes the address as it is, warns of nothing and starts no threads of its own."""
    from qdrant_client import QdrantClient

    # As a header the key neither turns http into https nor prints a warning.
    headers = {"api-key": key} if key else {}
    options: dict[str, Any] = {"auth": place.credentials} if place.credentials else {}
    if place.is_loopback:
        options["trust_env"] = False  # a proxy cannot reach this machine's own servers
    return QdrantClient(
        url=str(place),
        timeout=math.ceil(timeout),
        headers=headers,
        check_compatibility=False,
        event_hooks={"request": [_connect_promptly]},
        **options,
    )


def _connect_promptly(request: httpx.Request) -> None:
    """A server that is there accepts at once, however long it then works."""
    limits = request.extensions.get("timeout", {})
    if limits.get("connect") is not None:
        limits["connect"] = min(limits["connect"], CONNECT_SECONDS)


def _one_of(ids: Collection[TrackId]) -> models.HasIdCondition:
    from qdrant_client import models

    return models.HasIdCondition(has_id=[str(id_) for id_ in ids])
