"""The address of a Qdrant server as people write it."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass, field
from urllib.parse import SplitResult, unquote, urlsplit

from musicsim_tui.errors import SettingsError

DEFAULT_PORT = 6333
GRPC_PORT = 6334
_HINT = "Set QDB_ENDPOINT to an address like http://localhost:6333 or https://qdrant.example.org:443/path"


@dataclass(frozen=True, slots=True)
class Endpoint:
    """`path` is empty or starts with a slash; `credentials`, a user and a password, never show."""

    scheme: str
    host: str
    port: int
    path: str
    port_given: bool
    credentials: tuple[str, str] | None = field(default=None, repr=False)

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}:{self.port}{self.path}"

    @property
    def is_loopback(self) -> bool:
        return _is_loopback(self.host)


def parse_endpoint(text: str, *, with_key: bool = False) -> Endpoint:
    """Read an address; the port is Qdrant's 6333 where none is given.

    Without a scheme it is http for this machine and wherever no key is sent, else https. Raises
    SettingsError, which never repeats a password.
    """
    written = text.strip()
    if not written:
        raise SettingsError("The address of the Qdrant server is empty.", _HINT)
    if any(character.isspace() or not character.isprintable() for character in written):
        raise SettingsError("The address of the Qdrant server holds blanks or control characters.", _HINT)
    try:
        parts = urlsplit(written if "://" in written else f"//{written}")
        host, port = parts.hostname or "", parts.port
    except ValueError as error:
        raise SettingsError(
            f"The address of the Qdrant server cannot be read: {_reason(error)}.", _HINT
        ) from None
    if parts.scheme not in ("", "http", "https"):
        raise SettingsError(f"Qdrant cannot be reached by {parts.scheme}://.", _HINT)
    if not _is_host(host):
        raise SettingsError("The address of the Qdrant server names no host.", _HINT)
    if parts.query or parts.fragment:
        raise SettingsError("The address of the Qdrant server ends in a query or a fragment.", _HINT)
    if port in (0, GRPC_PORT):
        raise SettingsError(
            f"Port {port} does not serve Qdrant's REST interface.",
            f"It usually listens on port {DEFAULT_PORT}.",
        )
    guessed = "https" if with_key and not _is_loopback(host) else "http"
    return Endpoint(
        scheme=parts.scheme or guessed,
        host=host,
        port=DEFAULT_PORT if port is None else port,
        path=parts.path.rstrip("/"),
        port_given=port is not None,
        credentials=_credentials(parts),
    )


def _reason(error: ValueError) -> str:
    text = str(error).lower()
    return "the port is not a number from 1 to 65535" if "port" in text else "it is not an address"


def _is_host(host: str) -> bool:
    if ":" in host:
        return True  # urlsplit accepts a colon only in a valid IPv6 address
    return bool(host) and all(character.isalnum() or character in "-._" for character in host)


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def _credentials(parts: SplitResult) -> tuple[str, str] | None:
    if parts.username is None and parts.password is None:
        return None
    return unquote(parts.username or ""), unquote(parts.password or "")
