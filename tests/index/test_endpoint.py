"""Addresses as people write them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from musicsim_tui.errors import SettingsError
from musicsim_tui.index.endpoint import parse_endpoint


@pytest.mark.parametrize(
    ("written", "with_key", "meant"),
    [
        ("localhost", False, "http://localhost:6333"),
        ("localhost:6333", True, "http://localhost:6333"),
        ("127.0.0.1:7000", True, "http://127.0.0.1:7000"),
        ("qdrant.example.org", False, "http://qdrant.example.org:6333"),
        ("qdrant.example.org", True, "https://qdrant.example.org:6333"),
        ("https://qdrant.example.org", True, "https://qdrant.example.org:6333"),
        ("https://qdrant.example.org:443/", True, "https://qdrant.example.org:443"),
        ("https://example.org:443/music/qdrant/", True, "https://example.org:443/music/qdrant"),
        ("  HTTP://Example.ORG:6333  ", False, "http://example.org:6333"),
        ("http://[::1]:6333", True, "http://[::1]:6333"),
        ("http://user:pass@example.org", False, "http://example.org:6333"),
        ("user:pass@example.org", True, "https://example.org:6333"),
        ("https://musik.übung.example:443", True, "https://musik.übung.example:443"),
    ],
)
def test_what_an_address_means(written: str, with_key: bool, meant: str) -> None:
    assert str(parse_endpoint(written, with_key=with_key)) == meant


def test_credentials_are_kept_but_not_shown() -> None:
    endpoint = parse_endpoint("https://me:pa%40ss@example.org")
    assert endpoint.credentials == ("me", "pa@ss")
    assert "pa@ss" not in repr(endpoint) + str(endpoint)


@pytest.mark.parametrize(
    "written",
    [
        "",
        "   ",
        "http://",
        "https:///path",
        "ftp://example.org",
        "grpc://example.org:6334",
        "example.org:6334",
        "http://example.org:0",
        "http://example.org:99999",
        "http://example.org:port",
        "http://exa mple.org",
        "http://example.org\n",
        "http://example.org/\x1b[31m",
        "http://example.org?api-key=secret",
        "http://example.org#x",
        "http://[::1",
        "http://a,b",
    ],
)
def test_nonsense_is_refused_in_words(written: str) -> None:
    if written.endswith("\n"):
        written = f"http://exam\n{written}"
    with pytest.raises(SettingsError) as caught:
        parse_endpoint(written)
    assert caught.value.title.endswith(".")
    assert caught.value.hint


@given(st.text(max_size=60) | st.from_regex(r"(https?://)?[a-z:@/\[\]0-9.?#%-]{0,40}", fullmatch=True))
def test_any_text_is_an_endpoint_or_a_usage_error(written: str) -> None:
    try:
        endpoint = parse_endpoint(written, with_key=True)
    except SettingsError:
        return
    assert parse_endpoint(str(endpoint), with_key=True).host == endpoint.host
    assert 0 < endpoint.port < 65536
