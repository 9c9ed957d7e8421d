"""Options of yt-dlp that may be set by hand, and what each may be."""

from __future__ import annotations

import ipaddress
import math
import re
from collections.abc import Callable, Mapping
from urllib.parse import urlsplit

from musicsim_tui.errors import SettingsError

_PROXIES = ("http", "https", "socks4", "socks4a", "socks5", "socks5h")
_LONGEST_SECONDS = 3600.0
_MOST_RETRIES = 100
_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
"""A token, as RFC 9110 has it (section 5.6.2)."""


def check_option(name: str, value: object) -> None:
    """Raises SettingsError for an option that is not allowed, or whose value makes no sense.

    Values are never shown: headers and proxies carry passwords.
    """
    if name not in ALLOWED_OPTIONS:
        raise SettingsError(
            f"The yt-dlp option {name!r} cannot be set here.", f"Use {', '.join(ALLOWED_OPTIONS)}."
        )
    makes_sense, form = ALLOWED_OPTIONS[name]
    if not makes_sense(value):
        raise SettingsError(
            f"The yt-dlp option {name!r} cannot be what it is set to.",
            f"In [download.yt_dlp] of config.toml, make it {form}.",
        )


def _is_text(value: object) -> bool:
    return isinstance(value, str) and value.isprintable()


def _number(value: object) -> float:
    """Not a number for whatever is none."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return math.nan
    return float(value) if abs(value) < 1e15 else math.inf


def _is_rate(value: object) -> bool:
    return 0 < _number(value) < math.inf


def _is_proxy(value: object) -> bool:
    if not isinstance(value, str) or not value.isprintable():
        return False
    try:
        url = urlsplit(value)
        return not value or (url.scheme in _PROXIES and bool(url.hostname) and url.port != 0)
    except ValueError:
        return False


def _is_address(value: object) -> bool:
    try:
        return isinstance(value, str) and bool(ipaddress.ip_address(value))
    except ValueError:
        return False


def _are_headers(value: object) -> bool:
    return isinstance(value, Mapping) and all(
        isinstance(name, str) and _HEADER_NAME.fullmatch(name) and _is_text(text)
        for name, text in value.items()
    )


def _are_extractor_args(value: object) -> bool:
    return isinstance(value, Mapping) and all(
        isinstance(site, str)
        and isinstance(settings, Mapping)
        and all(isinstance(texts, list) and all(map(_is_text, texts)) for texts in settings.values())
        for site, settings in value.items()
    )


ALLOWED_OPTIONS: Mapping[str, tuple[Callable[[object], bool], str]] = {
    "extractor_args": (
        _are_extractor_args,
        'lists of texts for each site, such as { youtube = { lang = ["de"] } }',
    ),
    "force_ipv4": (lambda value: isinstance(value, bool), "true or false"),
    "geo_bypass_country": (
        lambda value: isinstance(value, str) and re.fullmatch("[A-Za-z]{2}", value) is not None,
        'the two letters of a country, such as "DE"',
    ),
    "http_headers": (_are_headers, 'texts in one line, such as { Accept-Language = "de" }'),
    "proxy": (_is_proxy, 'a link such as "socks5://127.0.0.1:1080"'),
    "ratelimit": (_is_rate, "bytes a second, more than 0"),
    "retries": (
        lambda value: isinstance(value, int) and 0 <= _number(value) <= _MOST_RETRIES,
        f"a whole number from 0 to {_MOST_RETRIES}",
    ),
    "sleep_interval_requests": (
        lambda value: 0 <= _number(value) <= _LONGEST_SECONDS,
        f"seconds from 0 to {_LONGEST_SECONDS:.0f}",
    ),
    "socket_timeout": (
        lambda value: 0 < _number(value) <= _LONGEST_SECONDS,
        f"seconds, more than 0 and at most {_LONGEST_SECONDS:.0f}",
    ),
    "source_address": (_is_address, 'an IP address of this machine, such as "192.168.1.5"'),
    "throttledratelimit": (_is_rate, "bytes a second, more than 0"),
}
"""None runs programs or chooses places on the disk."""
