"""The main job on real music, from the first command to a measured result."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from musicsim_tui.audio.decode import decode_mono
from musicsim_tui.audio.encode import NO_TAGS, write_audio
from tests.cli.conftest import Shell
from tests.harness.audio_files import RATE
from tests.harness.material import material


def as_mp3(clip: Path, folder: Path) -> Path:
    """The same recording in another format, as a person may have it from elsewhere."""
    copy = folder / "query.mp3"
    write_audio(copy, np.concatenate(list(decode_mono(clip, RATE))), RATE, NO_TAGS)
    return copy


def hear_search_and_measure(shell: Shell, folder: Path, model: str) -> None:
    summary = shell("ingest", folder, "--json").json
    clips = sorted((folder / "clips").iterdir())
    assert summary["model"] == model
    assert (summary["added"] + summary["skipped"], summary["failed"]) == (len(clips), 0)
    assert summary["added"] > 0.9 * len(clips)
    answer = shell("search", as_mp3(clips[0], shell.data_dir), "--limit", "5", "--json").json
    assert answer["model"] == model
    best = answer["results"][0]
    assert (best["paths"], best["likeness"], best["same_recording"]) == ([str(clips[0])], 100, True)
    assert len(answer["results"]) == 5
    quality = shell("eval", folder / "labels.csv", "--json").json
    assert quality["model"] == model
    assert quality["queries"] > len(clips) / 2  # those by an artist of several tracks
    assert quality["artist_p_at_1"] > 2 * quality["random_p_at_1"]


def test_the_built_in_descriptors_on_real_music(shell: Shell) -> None:
    hear_search_and_measure(shell, material("music"), "builtin")


def test_an_installed_network_on_real_music(shell: Shell) -> None:
    weights, folder = material("weights/mn04_as_mAP_432.pt"), material("music")
    assert shell("models", "install", "mn04", "--from", weights).code == 0
    hear_search_and_measure(shell, folder, "mn04")
    clip = min((folder / "clips").iterdir())
    results = shell("search", clip, "--explain", "--json").json["results"]
    assert any(reason["kind"] == "sound" for result in results for reason in result["reasons"])
    assert shell("list", "--where", "sound:music").err == ""
    asked = shell("list", "--where", "artist:x or sound:pianoo or sound:pianoo")
    assert asked.err == 'No sound is called "pianoo". Did you mean piano?\n'
