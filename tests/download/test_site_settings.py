from __future__ import annotations

import pytest

from musicsim_tui.download.session import SiteOptions
from musicsim_tui.download.site_settings import ALLOWED_OPTIONS
from musicsim_tui.errors import SettingsError

SENSIBLE: dict[str, list[object]] = {
    "extractor_args": [{}, {"youtube": {"lang": ["de"]}}],
    "force_ipv4": [True, False],
    "geo_bypass_country": ["DE", "us"],
    "http_headers": [{}, {"Accept-Language": "de", "Cookie": "a=b; c=d"}],
    "proxy": ["", "http://me:word@127.0.0.1:8080", "socks5h://[::1]:1080"],
    "ratelimit": [1, 50_000, 0.5],
    "retries": [0, 10],
    "sleep_interval_requests": [0, 1.5],
    "socket_timeout": [1, 0.5, 30],
    "source_address": ["127.0.0.1", "::1"],
    "throttledratelimit": [100_000],
}
SENSELESS: dict[str, list[object]] = {
    "extractor_args": [[1], {"youtube": "x"}, {"youtube": {"lang": "de"}}, {"youtube": {"lang": [1]}}],
    "force_ipv4": ["yes", 1],
    "geo_bypass_country": ["Germany", "", 1],
    "http_headers": [
        "Cookie: SECRET",
        {"A": 1},
        {"A": "b\r\nCookie: SECRET"},
        {"A\n": "b"},
        {"A B": "SECRET"},
    ],
    "proxy": ["SECRET", 1, "ftp://SECRET@host", "http://", "http://SECRET@host:99999", "http://a\n"],
    "ratelimit": [0, -1, True, "fast", float("nan"), float("inf"), 10**400],
    "retries": [-1, True, 1.5, 10**400],
    "sleep_interval_requests": [-1, float("nan"), 10**9],
    "socket_timeout": [0, -3, float("nan"), float("inf"), 1e300, "1"],
    "source_address": ["SECRET", "", 1, "256.0.0.1"],
    "throttledratelimit": [float("nan"), 0],
}


def test_every_option_is_tried() -> None:
    assert set(SENSIBLE) == set(SENSELESS) == set(ALLOWED_OPTIONS)


@pytest.mark.parametrize(("name", "value"), [(name, value) for name in SENSIBLE for value in SENSIBLE[name]])
def test_what_makes_sense_is_taken(name: str, value: object) -> None:
    assert SiteOptions(extra={name: value}).extra == {name: value}


@pytest.mark.parametrize(
    ("name", "value"), [(name, value) for name in SENSELESS for value in SENSELESS[name]]
)
def test_what_makes_none_is_refused_by_name_and_not_shown(name: str, value: object) -> None:
    with pytest.raises(SettingsError) as caught:
        SiteOptions(extra={name: value})
    assert name in caught.value.title
    assert caught.value.hint
    assert "SECRET" not in f"{caught.value.title}{caught.value.hint}"
