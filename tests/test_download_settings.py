from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from musicsim_tui.download_settings import DownloadSettings, load_download_settings
from musicsim_tui.errors import SettingsError, UsageError
from musicsim_tui.settings import ENVIRONMENT_NAMES, load_settings

MUSIC = Path("/music")


def load(table: object = None, **flags: str | None) -> DownloadSettings:
    return load_download_settings(flags, table, MUSIC)


def test_defaults() -> None:
    settings = load()
    assert settings.folder == MUSIC / "musicsim-tui"
    assert (settings.mp3_quality, settings.keep_original, settings.pause) == (2.0, False, (10.0, 20.0))
    assert settings.least_free == 2_000_000_000
    assert set(settings.sources.values()) == {"default"}
    assert set(settings.sources) == set(settings.shown())


def test_a_flag_beats_the_file() -> None:
    settings = load({"mp3_quality": 5, "pause": 3}, mp3_quality="0", pause=None)
    assert (settings.mp3_quality, settings.pause) == (0.0, (3.0, 3.0))
    assert settings.sources["download.mp3_quality"] == "flag"
    assert settings.sources["download.pause"] == "config.toml"


@pytest.mark.parametrize(
    ("value", "pause"),
    [
        (0, (0.0, 0.0)),
        (7.5, (7.5, 7.5)),
        ([1, 2], (1.0, 2.0)),
        ("10-20", (10.0, 20.0)),
        ("10 to 20 s", (10.0, 20.0)),
        ("5s", (5.0, 5.0)),
    ],
)
def test_pauses(value: object, pause: tuple[float, float]) -> None:
    assert load({"pause": value}).pause == pause


@pytest.mark.parametrize(
    ("value", "size"),
    [
        (0, 0),
        ("0", 0),
        ("2 GB", 2_000_000_000),
        ("500mb", 500_000_000),
        ("1.5 GiB", 1_610_612_736),
        ("10k", 10_000),
    ],
)
def test_sizes(value: object, size: int) -> None:
    assert load({"least_free": value}).least_free == size


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *(("pause", -1), ("pause", True), ("pause", [2, 1]), ("pause", [1, 2, 3]), ("pause", "soon")),
        *(("pause", "1-"), ("pause", 1e9), ("pause", ["1"]), ("pause", {"a": 1}), ("pause", "nan")),
        *(("mp3_quality", -1), ("mp3_quality", 10), ("mp3_quality", True), ("mp3_quality", "best")),
        *(("least_free", -1), ("least_free", True), ("least_free", "much"), ("least_free", 1.5)),
        *(("keep_original", 1), ("keep_original", "yes"), ("folder", 1), ("folder", "a\0b")),
        *(("yt_dlp", 1), ("yt_dlp", "proxy"), ("yt_dlp", ["proxy"])),
    ],
)
def test_what_makes_no_sense_is_told_with_its_name(name: str, value: object) -> None:
    with pytest.raises(SettingsError) as wrong:
        load({name: value})
    assert f"download.{name} (config.toml)" in wrong.value.title
    assert wrong.value.hint


def test_unknown_settings_and_no_table() -> None:
    with pytest.raises(SettingsError, match="bitrate"):
        load({"bitrate": 320})
    with pytest.raises(SettingsError, match="table"):
        load("yes")


def test_what_a_proxy_says_is_not_shown() -> None:
    settings = load({"yt_dlp": {"proxy": "http://me:secret@host"}})
    assert settings.shown()["download.yt_dlp"] == "proxy"
    assert "secret" not in repr(settings)


def test_as_part_of_all_settings(tmp_path: Path) -> None:
    config = tmp_path / "config.toml"
    config.write_text('music_dir = "/tunes"\ntheme = "nord"\n[download]\nmp3_quality = 4\n')
    nowhere = tmp_path / "nowhere"

    def load_all(**flags: str) -> Any:  # noqa: ANN401 - only its fields are looked at
        return load_settings(flags, environment={}, dotenv=nowhere, config=config)

    assert load_all().download.folder == Path("/tunes/musicsim-tui")
    assert load_all().download.mp3_quality == 4
    assert load_all(**{"download.mp3_quality": "1"}).download.mp3_quality == 1
    example = (Path(__file__).parents[1] / ".env.example").read_text()
    lines = [line.lstrip("#").split("=")[0] for line in example.splitlines() if "=" in line]
    assert set(lines) == set(ENVIRONMENT_NAMES.values())


@given(text=st.text(max_size=12))
def test_any_text_is_a_value_or_a_sentence(text: str) -> None:
    for name in ("pause", "least_free", "mp3_quality", "keep_original", "folder"):
        with contextlib.suppress(UsageError):
            assert load(**{name: text}).sources[f"download.{name}"] in ("flag", "default")
