"""Findings of the doctor that need no library."""

from __future__ import annotations

from pathlib import Path

import pytest

from musicsim_tui.audio.sound_device import describe_output
from musicsim_tui.errors import MusicSimError
from musicsim_tui.upkeep.doctor import check_downloads, check_sound, run_check
from tests.harness import sound


def test_a_sound_output_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in sound.make_sound_card(tmp_path / "card").environment.items():
        monkeypatch.setenv(name, value)
    sound.restart_portaudio()
    check = check_sound(describe_output)
    assert check.state == "ok"
    assert check.detail.endswith(" Hz")


def test_a_machine_without_sound_is_told_what_helps(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in sound.environment_without_devices(tmp_path / "none").items():
        monkeypatch.setenv(name, value)
    sound.restart_portaudio()
    check = check_sound(describe_output)
    assert (check.state, "no sound device" in check.detail) == ("warn", True)
    assert "--wav -" in check.hint


def test_a_missing_library_for_sound_is_told() -> None:
    def missing() -> str:
        raise MusicSimError("The PortAudio library is not installed.", "Install it.")

    assert check_sound(missing).state == "warn"


def test_a_check_that_breaks_is_a_finding() -> None:
    def broken() -> str:
        raise ZeroDivisionError("unforeseen")

    (check,) = run_check("sound", lambda: check_sound(broken))
    assert (check.name, check.state) == ("sound", "fail")


def test_downloads_are_checked(tmp_path: Path) -> None:
    [fine] = check_downloads("2026.10.26", "deno 2.9.8", (), tmp_path / "not" / "yet")
    assert (fine.state, fine.detail, fine.hint) == ("ok", "yt-dlp 2026.10.26, deno 2.9.8", "")
    [old] = check_downloads("2026.01.01", "", ("Update.", "Install deno."), tmp_path)
    assert (old.state, old.hint) == ("warn", "Update. Install deno.")
    assert "no JavaScript runtime" in old.detail


def test_a_download_folder_that_cannot_be_used_is_found(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_bytes(b"")
    for folder in (file, file / "below"):
        _, bad = check_downloads("2026.10.26", "deno 2.9.8", (), folder)
        assert bad.state == "warn"
        assert f"{file} is no folder" in bad.detail
        assert "--dest" in bad.hint
    if Path("/proc/self").exists():
        _, bad = check_downloads("2026.10.26", "deno 2.9.8", (), Path("/proc/nope"))
        assert "/proc cannot be written" in bad.detail
