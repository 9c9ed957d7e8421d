from __future__ import annotations

from datetime import date, timedelta
from importlib import metadata

import pytest
import yt_dlp
from yt_dlp.version import __version__ as version

from musicsim_tui.download.tools import OLD_DAYS, Tools, find_tools


def test_the_tools_that_are_installed() -> None:
    tools = find_tools()
    assert tools.version == version
    assert tools.runtime == f"deno {metadata.version('deno')}"


def test_an_old_yt_dlp_is_told() -> None:
    made = date(*map(int, version.split(".")[:3]))
    assert find_tools(made + timedelta(days=OLD_DAYS)).advice == ()
    [advice] = find_tools(made + timedelta(days=OLD_DAYS + 1)).advice
    assert "pip install -U yt-dlp" in advice


def test_without_a_runtime_it_works_with_a_hint(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(yt_dlp.YoutubeDL, "_js_runtimes", {"deno": None})
    assert find_tools().runtime == ""
    assert "pip install deno" in " ".join(find_tools().advice)


def test_another_yt_dlp_may_not_tell() -> None:
    with pytest.MonkeyPatch.context() as patched:
        patched.delattr(yt_dlp.YoutubeDL, "_js_runtimes")
        assert find_tools().runtime == ""
    assert Tools("custom", None, "node 24").advice == ()
