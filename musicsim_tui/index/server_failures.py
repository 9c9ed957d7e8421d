"""What the failures of a Qdrant server mean to a person, and which of them pass by themselves.

Errors are told apart by the built-in exceptions at their root and by the attributes that qdrant_client gives
its own, so that nothing here has to import it.
"""

from __future__ import annotations

import json
import re
import socket
import ssl
from enum import Enum, auto
from typing import TYPE_CHECKING, Any

from musicsim_tui.errors import IndexFailure
from musicsim_tui.index.failures import REBUILD_HINT

if TYPE_CHECKING:
    from collections.abc import Iterator

    from musicsim_tui.index.endpoint import Endpoint

LONGEST_RETRY_AFTER = 120.0
_SHOWN_CHARACTERS = 200
_ABOUT_COLLECTION = re.compile(r"Collection `?[^`\s]+`? (doesn't exist|not found|already exists)")


class Trouble(Enum):
    """Kinds of failure."""

    BUSY = auto()
    UNAVAILABLE = auto()
    TIMED_OUT = auto()
    CUT_OFF = auto()
    UNREACHABLE = auto()
    UNKNOWN_HOST = auto()
    TLS = auto()
    UNAUTHORISED = auto()
    FORBIDDEN = auto()
    NO_COLLECTION = auto()
    ALREADY_EXISTS = auto()
    MOVED = auto()
    NOT_QDRANT = auto()
    TOO_LARGE = auto()
    REFUSED = auto()


PASSING = frozenset({Trouble.BUSY, Trouble.UNAVAILABLE, Trouble.CUT_OFF})
PASSING_FOR_THE_PATIENT = PASSING | {Trouble.TIMED_OUT, Trouble.UNREACHABLE}
_OF_STATUS = {
    401: Trouble.UNAUTHORISED,
    403: Trouble.FORBIDDEN,
    408: Trouble.TIMED_OUT,
    409: Trouble.ALREADY_EXISTS,
    413: Trouble.TOO_LARGE,
    429: Trouble.BUSY,
    502: Trouble.UNAVAILABLE,
    503: Trouble.UNAVAILABLE,
    504: Trouble.UNAVAILABLE,
}
_OF_ROOT: tuple[tuple[type[BaseException], Trouble], ...] = (
    (ssl.SSLEOFError, Trouble.CUT_OFF),
    (ssl.SSLError, Trouble.TLS),
    (socket.gaierror, Trouble.UNKNOWN_HOST),
    (TimeoutError, Trouble.TIMED_OUT),
    (ConnectionRefusedError, Trouble.UNREACHABLE),
    (ConnectionError, Trouble.CUT_OFF),
    (json.JSONDecodeError, Trouble.NOT_QDRANT),
    (UnicodeDecodeError, Trouble.NOT_QDRANT),
    (OSError, Trouble.UNREACHABLE),
)


def trouble_of(error: BaseException) -> Trouble:
    """The kind of an error that qdrant_client raised."""
    status = getattr(error, "status_code", None)
    if isinstance(status, int):
        return _trouble_of_status(status, error)
    if hasattr(error, "retry_after_s") or "Retry-After" in str(error):
        return Trouble.BUSY
    causes = list(_causes(error))
    for cause in causes:
        for kind, trouble in _OF_ROOT:
            if isinstance(cause, kind):
                return trouble
    names = {type(cause).__name__ for cause in causes}
    if "RemoteProtocolError" in names:
        return Trouble.CUT_OFF if "disconnected" in str(error) else Trouble.NOT_QDRANT
    if names & {"ConnectTimeout", "ReadTimeout", "WriteTimeout", "PoolTimeout"}:
        return Trouble.TIMED_OUT
    if "ValidationError" in names:
        return Trouble.NOT_QDRANT
    return _trouble_of_words(str(error)) or Trouble.REFUSED


def retry_after(error: BaseException) -> float | None:
    """Seconds the server asks to wait, or None where it names none."""
    seconds = getattr(error, "retry_after_s", None)
    return max(0.0, float(seconds)) if isinstance(seconds, (int, float)) else None


def passes_by_itself(error: BaseException, *, patient: bool) -> bool:
    """Whether asking again makes sense; only who is `patient` sits out a server that does not answer."""
    return trouble_of(error) in (PASSING_FOR_THE_PATIENT if patient else PASSING)


def _seconds(seconds: float) -> str:
    whole = max(1, round(seconds))
    return "a second" if whole == 1 else f"{whole} seconds"


def explain_server(error: BaseException, endpoint: Endpoint, *, timeout: float) -> IndexFailure:
    """One sentence and one hint for an error; the server's words come cut short, without control codes."""
    at = f"The Qdrant server at {endpoint}"
    unreachable_hint = "Check that it runs and that QDB_ENDPOINT is right."
    if not endpoint.port_given:
        unreachable_hint += (
            f" Without a port the address means {endpoint.port}; a proxy may need :443 or :80."
        )
    seconds = retry_after(error)
    later = f"Try again in {_seconds(seconds)}." if seconds else "Try again in a minute."
    texts: dict[Trouble, tuple[str, str]] = {
        Trouble.BUSY: ("is too busy to answer", later),
        Trouble.UNAVAILABLE: ("is not available at the moment", "It may be starting; try again in a minute."),
        Trouble.TIMED_OUT: (f"did not answer within {timeout:g} seconds", unreachable_hint),
        Trouble.CUT_OFF: (
            "broke off the connection",
            "Try again; if it stays so, check that QDB_ENDPOINT names Qdrant's REST port, usually 6333, "
            "and read the server's log.",
        ),
        Trouble.UNREACHABLE: ("cannot be reached", unreachable_hint),
        Trouble.UNKNOWN_HOST: ("cannot be found: its name is unknown", "Check QDB_ENDPOINT and the network."),
        Trouble.TLS: (
            "cannot be trusted or does not speak TLS",
            "Check its certificate, or write http:// in QDB_ENDPOINT if it has none.",
        ),
        Trouble.UNAUTHORISED: ("refused the key, or got none", "Set QDB_API_TOKEN to a key of this server."),
        Trouble.FORBIDDEN: ("does not allow this with the key given", "Use a key that may read and write."),
        Trouble.NO_COLLECTION: ("does not have the collection", REBUILD_HINT),
        Trouble.ALREADY_EXISTS: ("has the collection already", "Try again."),
        Trouble.MOVED: (
            f"says it has moved{_new_place(error)}",
            "Set QDB_ENDPOINT to the new address, with https:// if it asks for that.",
        ),
        Trouble.NOT_QDRANT: (
            "does not answer like Qdrant",
            "Check host, port and path in QDB_ENDPOINT; Qdrant's REST interface is usually on port 6333.",
        ),
        Trouble.TOO_LARGE: (
            "refuses so large a request",
            "Raise max_request_size_mb of the server or its proxy.",
        ),
        Trouble.REFUSED: (f"refused the request{_server_words(error)}", "Read the server's log."),
    }
    title, hint = texts[trouble_of(error)]
    return IndexFailure(f"{at} {title}.", hint)


def _trouble_of_status(status: int, error: BaseException) -> Trouble:
    if 300 <= status < 400:
        return Trouble.MOVED
    if status in _OF_STATUS:
        return _OF_STATUS[status]
    words = _words_of_qdrant(error)
    if words is None and status < 500:
        return Trouble.NOT_QDRANT
    return _trouble_of_words(words or "") or Trouble.REFUSED


def _trouble_of_words(words: str) -> Trouble | None:
    said = _ABOUT_COLLECTION.search(words)
    if said is None:
        return None
    return Trouble.ALREADY_EXISTS if "already" in said[0] else Trouble.NO_COLLECTION


def _words_of_qdrant(error: BaseException) -> str | None:
    """The message in Qdrant's envelope, or None when the answer is not one."""
    try:
        content: Any = json.loads(getattr(error, "content", b""))
        return str(content["status"]["error"])
    except (ValueError, LookupError, TypeError):
        return None


def _server_words(error: BaseException) -> str:
    words = _words_of_qdrant(error)
    if words is None:
        words = "" if hasattr(error, "content") else str(error)
    plain = "".join(character if character.isprintable() else " " for character in words)
    plain = " ".join(plain.split()).rstrip(".")
    if len(plain) > _SHOWN_CHARACTERS:
        plain = plain[:_SHOWN_CHARACTERS] + "..."
    return f": {plain}" if plain else ""


def _new_place(error: BaseException) -> str:
    """Scheme, host and port of a redirect, without anything that could be a secret."""
    from urllib.parse import urlsplit

    try:
        place = urlsplit(str(getattr(error, "headers", {}).get("location", "")))
        host, port = place.hostname or "", place.port
    except ValueError:
        return ""
    if place.scheme not in ("http", "https") or not host or not host.isascii():
        return ""
    shown = f"[{host}]" if ":" in host else host
    return f" to {place.scheme}://{shown}{'' if port is None else f':{port}'}"


def _causes(error: BaseException) -> Iterator[BaseException]:
    """The error, the one it wraps, and so on to the root."""
    seen: set[int] = set()
    current: BaseException | None = error
    while current is not None and id(current) not in seen:
        seen.add(id(current))
        yield current
        source = getattr(current, "source", None)
        current = source if isinstance(source, BaseException) else current.__cause__ or current.__context__
