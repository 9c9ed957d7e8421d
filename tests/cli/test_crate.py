from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.harness.audio_files import write_music

if TYPE_CHECKING:
    from tests.cli.conftest import Shell


@pytest.fixture
def ids(heard: Shell) -> list[str]:
    """The three tracks of the library, by year."""
    return [track["id"] for track in heard("list", "--sort", "year", "--json").json["tracks"]]


def test_an_empty_library_of_crates_says_how_to_begin(shell: Shell) -> None:
    assert "crate add" in shell("crate").out
    assert shell("crate", "list", "--json").json == {"crates": []}


def test_adding_showing_and_removing(heard: Shell, ids: list[str], music: Path) -> None:
    added = heard("crate", "add", "Night drive", ids[2][:8], music / "0.flac")
    assert (added.code, added.out) == (0, "Added 2 tracks to 'Night drive'.\n")
    again = heard("crate", "add", "night DRIVE", ids[0], ids[1], "--at", "1")
    assert again.out == "Added 1 track to 'Night drive'; 1 was in it already.\n"
    shown = heard("crate", "show", "Night drive", "--json").json
    assert [track["id"] for track in shown["tracks"]] == [ids[1], ids[2], ids[0]]
    (crate,) = heard("crate", "--json").json["crates"]
    assert (crate["name"], crate["tracks"]) == ("Night drive", 3)
    assert crate["seconds"] == pytest.approx(9.0, abs=0.2)
    assert "Night drive" in heard("crate").out
    removed = heard("crate", "remove", "Night drive", ids[2], "--json").json
    assert removed == {"crate": "Night drive", "before": 3, "tracks": [ids[1], ids[0]]}
    assert heard("list", "--json").json["total"] == 3


def test_a_table_shows_titles_as_data(heard: Shell, ids: list[str], music: Path) -> None:
    heard("crate", "add", "x", *ids)
    table = heard("crate", "show", "x")
    assert "[red]Second[/]" in table.out
    assert "\x1b" not in table.out
    assert "3 tracks" in table.out
    paths = heard("crate", "show", "x", "--print0").out.split("\0")
    assert paths == [*(str(music / f"{number}.flac") for number in range(3)), ""]


def test_moving_renaming_and_deleting(heard: Shell, ids: list[str]) -> None:
    heard("crate", "add", "x", *ids)
    moved = heard("crate", "move", "x", ids[2], "--to", "1", "--json").json
    assert moved["tracks"] == [ids[2], ids[0], ids[1]]
    assert heard("crate", "rename", "x", "y").code == 0
    assert heard("crate", "show", "x").code == 1
    assert heard("crate", "delete", "y", "--json").json == {"crate": "y", "before": 3, "tracks": []}
    assert heard("crate", "--json").json == {"crates": []}
    assert heard("list", "--json").json["total"] == 3


def test_export(heard: Shell, ids: list[str], music: Path, tmp_path: Path) -> None:
    heard("crate", "add", "x", *ids)
    target = tmp_path / "x.m3u8"
    assert heard("crate", "export", "x", target).out == f"Wrote 3 tracks to {target}.\n"
    lines = target.read_text(encoding="utf-8").splitlines()
    assert lines[0] == "#EXTM3U"
    assert lines[1:3] == ["#EXTINF:3,Ensemble - First", str(music / "0.flac")]
    assert lines[5] == "#EXTINF:3,Ensemble - Third 🎵"
    assert len(lines) == 7
    relative = music / "x.m3u8"
    heard("crate", "export", "x", relative, "--relative")
    assert relative.read_text(encoding="utf-8").splitlines()[2::2] == ["0.flac", "1.flac", "2.flac"]
    printed = heard("crate", "export", "x", "-", "--relative")
    assert printed.out.splitlines()[2] == "music/0.flac"


def test_an_export_replaces_nothing_unasked(heard: Shell, ids: list[str], tmp_path: Path) -> None:
    heard("crate", "add", "x", ids[0])
    target = tmp_path / "mine.m3u8"
    target.write_text("mine")
    refused = heard("crate", "export", "x", target)
    assert refused.code == 1
    assert "--force" in refused.err
    assert target.read_text() == "mine"
    assert heard("crate", "export", "x", target, "--force", "--json").json == {
        "crate": "x",
        "path": str(target),
        "exported": 1,
        "left_out": 0,
    }
    assert target.read_text().startswith("#EXTM3U\n")
    assert list(tmp_path.glob("*.part")) == []


def test_an_export_leaves_out_what_is_gone(heard: Shell, ids: list[str], music: Path, tmp_path: Path) -> None:
    heard("crate", "add", "x", *ids)
    (music / "1.flac").unlink()
    heard("ingest")
    outcome = heard("crate", "export", "x", tmp_path / "x.m3u8")
    assert "Wrote 2 tracks" in outcome.out
    assert "Left out 1 track" in outcome.err
    assert "missing" in heard("crate", "show", "x").out


def test_a_name_that_is_no_text_is_found_by_players(shell: Shell, tmp_path: Path) -> None:
    folder = os.fsencode(tmp_path / "odd")
    os.mkdir(folder)
    name = os.path.join(folder, b"caf\xe9.flac")
    write_music(Path(os.fsdecode(name)), 1, 3.0)
    assert shell("ingest", os.fsdecode(folder)).code == 0
    assert shell("crate", "add", "x", os.fsdecode(name)).code == 0
    target = tmp_path / "x.m3u8"
    assert shell("crate", "export", "x", target).code == 0
    assert target.read_text(encoding="utf-8").splitlines()[2] == f"file://{tmp_path}/odd/caf%E9.flac"


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["show", "nothing"], 1, "no crate"),
        (["add", "x", "zzzz"], 2, "no track id"),
        (["add", " ", "ID"], 2, "needs a name"),
        (["add", "x", "outside.flac"], 1, "not in the library"),
        (["remove", "nothing", "ID"], 1, "no crate"),
        (["export", "x", "x.txt"], 2, ".m3u8"),
        (["export", "nothing", "x.m3u8"], 1, "no crate"),
        (["move", "x", "ID", "--to", "0"], 2, "--to"),
    ],
)
def test_misuse_is_told_in_two_lines(
    heard: Shell, ids: list[str], tmp_path: Path, arguments: list[str], code: int, words: str
) -> None:
    write_music(tmp_path / "outside.flac", 9)
    outcome = heard("crate", *(ids[0] if word == "ID" else word for word in arguments))
    assert outcome.code == code
    assert words in outcome.err
    assert [line.split(":")[0] for line in outcome.err.splitlines()] == ["error", "hint"]
    assert heard("crate", "--json").json == {"crates": []}
