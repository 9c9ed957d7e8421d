from __future__ import annotations

import csv
import errno
import json
import os
from pathlib import Path
from typing import Any

import pytest

from musicsim_tui.ingest.pipeline import Pipeline
from musicsim_tui.paths import is_there
from tests.cli.conftest import Shell
from tests.harness.audio_files import write_music


def test_ingest_prints_one_summary(shell: Shell, music: Path) -> None:
    outcome = shell("ingest", music)
    assert outcome.code == 0
    assert "Added 3 tracks with builtin" in outcome.out
    again = shell("ingest")
    assert "0 tracks" in again.out
    assert "3 skipped" in again.out


def test_ingest_as_json_ends_with_the_summary(shell: Shell, music: Path) -> None:
    (music / "bad.mp3").write_text("words")
    outcome = shell("--json", "ingest", music)
    assert outcome.code == 3
    lines = [json.loads(line) for line in outcome.out.splitlines()]
    assert all(line["event"] == "progress" and line["done"] <= line["total"] for line in lines[:-1])
    summary = lines[-1]
    assert summary["event"] == "summary"
    assert summary["model"] == "builtin"
    assert (summary["added"], summary["skipped"], summary["failed"]) == (3, 0, 1)
    assert summary["audio_seconds"] > 0
    failure = summary["failures"][0]
    assert failure["path"] == str(music / "bad.mp3")
    assert failure["reason"]
    assert failure["hint"]
    assert shell("ingest", "--json", "--retry-failed").code == 0  # it had failed before
    assert shell("failures", "--json").json["failures"][0]["path"] == str(music / "bad.mp3")
    assert "bad.mp3" in shell("failures").out


def test_global_options_work_before_and_after_the_command(heard: Shell, music: Path) -> None:
    query = str(music / "0.flac")
    before = heard("--json", "--model", "builtin", "search", query)
    after = heard("search", query, "--model", "builtin", "--json")
    assert before.json["results"] == after.json["results"]


def test_search_keeps_the_contract(heard: Shell, music: Path, tmp_path: Path) -> None:
    outside = write_music(tmp_path / "outside.mp3", 5, 3.0)
    answer = heard("search", outside, "--json", "--limit", "2").json
    assert answer["model"] == "builtin"
    assert answer["seeds"] == [{"path": str(outside), "weight": 1.0}]
    assert answer["seconds"] > 0
    assert [result["rank"] for result in answer["results"]] == [1, 2]
    result = answer["results"][0]
    assert set(result) >= {
        *("rank", "id", "score", "likeness", "title", "artist", "album", "duration", "paths"),
        *("moment", "reasons"),
    }
    assert isinstance(result["likeness"], int)
    assert set(result["moment"]) == {"query_start", "match_start", "score"}
    assert result["duration"] == pytest.approx(3.0, abs=0.1)
    by_id = heard("search", result["id"], "--json").json
    assert by_id["seeds"] == [{"id": result["id"], "weight": 1.0}]
    assert result["id"] not in [found["id"] for found in by_id["results"]]


def test_search_prints_a_table_with_titles_as_data(heard: Shell, music: Path) -> None:
    outcome = heard("search", music / "0.flac", "--explain")
    assert outcome.code == 0
    assert "[red]Second[/]" in outcome.out
    assert "\x1b" not in outcome.out
    assert "\u202e" not in outcome.out


def test_search_filters_and_prints_paths(heard: Shell, music: Path) -> None:
    outcome = heard("search", music / "0.flac", "--where", "year:1992", "--print0")
    assert outcome.out == f"{music / '2.flac'}\0"


def test_list_and_show(heard: Shell, music: Path) -> None:
    listed = heard("list", "--json", "--sort", "year", "--limit", "2").json
    assert listed["total"] == 3
    assert [track["year"] for track in listed["tracks"]] == [1990, 1991]
    assert set(listed["tracks"][0]) >= {
        *("id", "title", "artist", "album", "duration", "paths", "sounds", "models")
    }
    reverse = heard("list", "--json", "--sort", "-year", "--offset", "1").json
    assert [track["year"] for track in reverse["tracks"]] == [1991, 1990]
    assert "3 of 3 tracks" in heard("list").out
    track_id = listed["tracks"][0]["id"]
    shown = heard("show", track_id[:12], "--json").json
    assert shown["title"] == "First"
    assert shown["paths"] == [str(music / "0.flac")]
    assert "First" in heard("show", track_id).out
    assert heard("list", "--where", "title:third", "--print0").out == f"{music / '2.flac'}\0"


def test_asking_for_sounds_that_nobody_named_is_told(heard: Shell, music: Path) -> None:
    for command in (["list"], ["search", music / "0.flac"]):
        asked = heard(*command, "--where", "night or -sound:piano>0.3")
        assert asked.code == 0
        assert "builtin" in asked.err
        assert "no names of sounds" in asked.err
        assert "sounds" not in heard(*command, "--where", "night", "--quiet").err
        assert "sounds" not in heard(*command, "--where", '"sound:piano"').err
    assert json.loads(heard("list", "--where", "sound:piano", "--json").out)["total"] == 0


def test_paths_with_detours_are_told_without_them(heard: Shell, music: Path, tmp_path: Path) -> None:
    detour = tmp_path / "music" / ".." / "music"
    found = heard("search", detour / "0.flac", "--json").json
    assert found["seeds"][0]["path"] == str(music / "0.flac")
    assert heard("crate", "add", "x", detour / "0.flac").code == 0
    heard("ingest", detour)
    assert [source["path"] for source in heard("sources", "--json").json["sources"]] == [str(music)]
    assert heard("sources", "forget", detour, "--json").json["forgotten"] == str(music)
    (settings,) = (
        row["value"]
        for row in heard("config", "--json", "--data-dir", f"{tmp_path}/music/../data").json["settings"]
        if row["name"] == "MUSICSIM_DATA_DIR"
    )
    assert settings == str(tmp_path / "data")


def test_prune_asks_before_it_forgets(heard: Shell, music: Path) -> None:
    (music / "0.flac").unlink()
    heard("ingest")
    refused = heard("prune")
    assert refused.code == 2
    assert "--yes" in refused.err
    assert heard("prune", "--yes", "--json").json == {"removed": 1, "spared": 0}
    assert heard("list", "--json").json["total"] == 2
    assert "Nothing" in heard("prune").out


def test_prune_leaves_alone_what_is_there_again(heard: Shell, music: Path) -> None:
    (track,) = heard("list", "--where", "path:0.flac", "--json").json["tracks"]
    heard("crate", "add", "night", track["id"])
    (music / "0.flac").rename(music / "away")
    heard("ingest")
    assert heard("list", "--json").json["total"] == 2
    (music / "away").rename(music / "0.flac")
    pruned = heard("prune", "--yes", "--json")
    assert pruned.json == {"removed": 0, "spared": 1}
    assert "1 track left alone: a file is there again" in pruned.err
    assert heard("ingest", "--json").json["relinked"] == 1
    (kept,) = heard("crate", "show", "night", "--json").json["tracks"]
    assert kept["id"] == track["id"]


def test_a_source_is_offline_where_an_ingest_finds_it_so(
    heard: Shell, music: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from musicsim_tui.ingest import plan

    (source,) = heard("sources", "--json").json["sources"]
    assert (source["online"], source["offline"]) == (True, None)
    music.rename(music.with_name("away"))
    (source,) = heard("sources", "--json").json["sources"]
    assert not source["online"]
    assert "No such file" in source["offline"]
    music.mkdir()  # as a mount point is while its disk is away
    assert heard("sources", "--json").json["sources"][0]["online"]
    monkeypatch.setattr(plan, "_is_another_disk", lambda *_: True)
    (source,) = heard("sources", "--json").json["sources"]
    assert not source["online"]
    assert "not mounted" in source["offline"]
    assert "offline: its disk is not mounted" in heard("sources").out
    assert f"is offline ({source['offline']})" in heard("ingest").err


def test_sources_are_listed_and_forgotten(heard: Shell, music: Path) -> None:
    assert [source["path"] for source in heard("sources", "--json").json["sources"]] == [str(music)]
    assert str(music) in heard("sources", "list").out
    assert heard("sources", "forget", music).code == 0
    assert heard("sources", "list", "--json").json["sources"] == []
    assert heard("list", "--json").json["total"] == 3
    assert heard("sources", "forget", music).code == 1


def test_a_forgotten_folder_can_take_its_tracks_along(heard: Shell, music: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    write_music(other / "7.flac", 7, 3.0)
    (music / "bad.mp3").write_text("words")
    heard("ingest", music, other)
    stays = heard("sources", "forget", music)
    assert "3 files" in stays.out
    assert "--tracks" in stays.out
    assert heard("list", "--json").json["total"] == 4
    answer = heard("sources", "forget", music, "--tracks", "--json").json
    assert answer == {"forgotten": str(music), "files": 3, "tracks": 3}
    assert heard("list", "--json").json["total"] == 1
    assert heard("failures", "--json").json["failures"] == []
    assert heard("prune", "--yes", "--json").json == {"removed": 3, "spared": 0}
    assert heard("sources", "forget", music, "--tracks").code == 1


def test_forgetting_leaves_what_another_remembered_folder_holds(heard: Shell, music: Path) -> None:
    inner = music / "inner"
    inner.mkdir()
    write_music(inner / "7.flac", 7, 3.0)
    heard("ingest", inner, "--exclude", "x")
    heard("ingest")
    refused = heard("sources", "forget", music / "0.flac", "--tracks")
    assert refused.code == 1
    assert "--exclude" in refused.err
    assert heard("sources", "forget", music, "--tracks", "--json").json["tracks"] == 3
    assert heard("list", "--print0").out == f"{inner / '7.flac'}\0"
    said = heard("sources", "forget", inner, "--tracks").out
    assert "1 track left out" in said
    assert "prune" in said


def test_remembered_excludes_change_only_when_given(heard: Shell, music: Path) -> None:
    def excludes() -> object:
        return heard("sources", "--json").json["sources"][0]["excludes"]

    assert heard("ingest", music, "--exclude", "0.*").code == 0
    assert excludes() == ["0.*"]
    heard("ingest", music)
    assert excludes() == ["0.*"]
    heard("ingest", music, "--exclude", "")
    assert excludes() == []
    refused = heard("ingest", "--exclude", "0.*")
    assert refused.code == 2
    assert "--exclude" in refused.err


def test_models_are_listed_and_chosen(shell: Shell) -> None:
    models = {model["name"]: model for model in shell("models", "--json").json["models"]}
    assert list(models) == ["builtin", "mn04", "cnn14"]
    assert models["builtin"]["current"]
    assert models["builtin"]["installed"]
    assert not models["mn04"]["installed"]
    assert models["cnn14"]["bytes"] == 327_428_481
    assert models["mn04"]["dimensions"] == 384
    assert all(set(model) >= {"path", "licence"} for model in models.values())
    refused = shell("models", "use", "mn04")
    assert refused.code == 1
    assert "models install mn04" in refused.err
    assert shell("models", "use", "builtin").code == 0
    assert shell("models", "use", "nonsense").code == 2
    assert shell("--model", "nonsense", "ingest").code == 2


def test_a_wrong_weights_file_is_refused_and_leaves_nothing(shell: Shell, tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.pt"
    wrong.write_bytes(b"not weights")
    outcome = shell("models", "install", "mn04", "--from", wrong)
    assert outcome.code == 1
    assert len(outcome.err.strip().splitlines()) == 2
    assert not shell("models", "--json").json["models"][1]["installed"]


def test_index_status_and_rebuild(heard: Shell) -> None:
    assert heard("index", "--json").json["models"] == [
        {"model": "builtin", "version": 1, "heard": 3, "indexed": 3}
    ]
    assert heard("index", "rebuild", "--json").json["points"] == {"builtin": 3}
    assert "3 tracks" in heard("index", "rebuild").out


def test_eval_prints_the_contract(heard: Shell, music: Path) -> None:
    labels = music / "labels.csv"
    with labels.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["clip", "track_id", "artist"])
        writer.writerows([f"{seed}.flac", f"t{seed}", "a"] for seed in range(3))
    answer = heard("eval", labels, "--json").json
    assert set(answer) == {
        *("model", "queries", "artist_p_at_1", "artist_p_at_5"),
        *("same_track_at_1", "random_p_at_1", "hubness"),
    }
    assert answer["same_track_at_1"] is None
    assert heard("eval", labels).code == 0


def test_config_show_tells_values_and_sources(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QDB_ENDPOINT", "http://127.0.0.1:1")
    monkeypatch.setenv("QDB_API_TOKEN", "s3cr3t")
    outcome = shell("config", "show", "--json")
    settings = {entry["name"]: entry for entry in outcome.json["settings"]}
    assert settings["QDB_API_TOKEN"] == {
        "name": "QDB_API_TOKEN",
        "value": "(hidden)",
        "source": "environment",
    }
    assert settings["MUSICSIM_DATA_DIR"]["source"] == "flag"
    table = shell("config", "show")
    assert "s3cr3t" not in outcome.out + table.out


def test_doctor_finds_a_healthy_library_healthy(heard: Shell) -> None:
    outcome = heard("doctor", "--json")
    assert outcome.code == 0
    states = {check["name"]: check["state"] for check in outcome.json["checks"]}
    assert states["library"] == "ok"
    assert states["index"] == "ok"
    assert states["sound"] in ("ok", "warn")
    assert "ok" in heard("doctor").out


@pytest.mark.parametrize(
    ("name", "value", "check", "state", "words"),
    [
        ("MUSICSIM_MODEL", "foo", "models", "fail", "There is no model 'foo'."),
        ("MUSICSIM_MODEL", "cnn14", "models", "warn", "cnn14, which is to hear new tracks, is not installed"),
        ("MUSICSIM_DEVICE", "cuda:77", "processor", "fail", "This machine has no processor 'cuda:77'"),
    ],
)
def test_doctor_finds_settings_that_cannot_be_met(
    heard: Shell,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    value: str,
    check: str,
    state: str,
    words: str,
) -> None:
    monkeypatch.setenv(name, value)
    (found,) = [each for each in heard("doctor", "--json").json["checks"] if each["name"] == check]
    assert found["state"] == state
    assert found["detail"].startswith(words)
    assert found["hint"]


@pytest.mark.parametrize("command", [["search", "0.flac"], ["list"], ["crate", "show", "x"]])
def test_output_is_json_or_paths(
    heard: Shell, music: Path, monkeypatch: pytest.MonkeyPatch, command: list[str]
) -> None:
    monkeypatch.chdir(music)
    refused = heard(*command, "--json", "--print0")
    assert refused.code == 2
    assert "exclude each other" in refused.json["error"]["title"]


def test_doctor_makes_a_report_without_what_is_private(heard: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QDB_API_TOKEN", "s3cr3t")
    monkeypatch.setenv("HOME", str(heard.data_dir.parent))
    outcome = heard("doctor", "--report")
    assert "Checks\n" in outcome.out
    assert str(heard.data_dir.parent) not in outcome.out
    assert "s3cr3t" not in outcome.out
    assert heard("doctor", "--report", "--json").json["report"].startswith("musicsim-tui ")


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["search", "nothing-here.mp3"], 1),
        (["search", "x", "--limit", "0"], 2),
        (["list", "--where", "artist:"], 2),
        (["list", "--where", "colour:red"], 2),
        (["list", "--sort", "colour"], 2),
        (["show", "zzzz"], 2),
        (["frobnicate"], 2),
        (["ingest", "/nowhere/at/all"], 1),
        (["eval", "nothing.csv"], 1),
    ],
)
def test_misuse_is_told_in_two_lines_or_one_object(heard: Shell, arguments: list[str], code: int) -> None:
    plain = heard(*arguments)
    assert plain.code == code
    assert plain.out == ""
    assert [line.split(":")[0] for line in plain.err.splitlines()] == ["error", "hint"]
    as_json = heard(*arguments, "--json")
    assert as_json.code == code
    assert set(as_json.json) == {"error"}
    assert as_json.json["error"]["title"]
    assert as_json.json["error"]["hint"]
    assert len(as_json.out.splitlines()) == 1


def test_a_file_in_a_folder_that_must_not_be_entered_may_be_there(
    shell: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    within, bare = tmp_path / "locked" / "a.mp3", Path("bare")
    look = os.lstat

    def refusing(path: str | os.PathLike[str]) -> os.stat_result:
        if Path(path) in (within, bare):
            raise PermissionError(errno.EACCES, "Permission denied")
        return look(path)

    monkeypatch.setattr(os, "lstat", refusing)
    refused = shell("ingest", within, "--json")
    assert (refused.code, refused.json["error"]["title"]) == (1, f"The file may not be read: {within}.")
    assert is_there(within)
    assert not is_there(within.with_name("b.mp3"))
    assert not is_there(bare)


@pytest.mark.parametrize(
    "arguments",
    [
        ["ingest", ""],
        ["sources", "forget", "", "--tracks"],
        ["eval", ""],
        ["search", ""],
        ["preview", ""],
        ["preview", "x", "--wav", ""],
        ["crate", "export", "x", ""],
        ["models", "install", "mn04", "--from", ""],
        ["list", "--data-dir", ""],
    ],
)
def test_an_empty_path_is_not_the_current_folder(
    heard: Shell, music: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str]
) -> None:
    monkeypatch.chdir(music)
    refused = heard(*arguments, "--json")
    assert refused.code == 2
    assert refused.json["error"]["title"] == "A path is empty."
    assert [source["path"] for source in heard("sources", "--json").json["sources"]] == [str(music)]


def test_a_folder_of_clips_is_told_from_their_labels(shell: Shell, music: Path) -> None:
    refused = shell("eval", music, "--json")
    assert (refused.code, refused.json["error"]["title"]) == (1, f"{music} is a folder.")


def test_an_empty_library_says_what_to_do(shell: Shell, music: Path) -> None:
    outcome = shell("search", music / "0.flac")
    assert outcome.code == 1
    assert "empty" in outcome.err
    assert "ingest" in outcome.err
    assert "0 of 0 tracks" in shell("list").out


def test_a_catalog_of_a_newer_version_is_one_clear_sentence(heard: Shell) -> None:
    import sqlite3

    connection = sqlite3.connect(heard.data_dir / "library.db")
    connection.execute("PRAGMA user_version = 999")
    connection.close()
    outcome = heard("list")
    assert outcome.code == 1
    assert "newer" in outcome.err
    assert len(outcome.err.splitlines()) == 2


def test_the_unexpected_is_told_in_words_and_logged(heard: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    from musicsim_tui.library.catalog import Catalog

    def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError("division by zero")

    monkeypatch.setattr(Catalog, "failures", broken)
    outcome = heard("failures")
    assert outcome.code == 1
    assert [line.split(":")[0] for line in outcome.err.splitlines()] == ["error", "hint"]
    assert "Traceback" in (heard.data_dir / "musicsim.log").read_text()


@pytest.mark.parametrize("options", [[], ["--quiet"]])
def test_a_bare_call_shows_help(shell: Shell, options: list[str]) -> None:
    outcome = shell(*options)
    assert (outcome.code, outcome.err) == (0, "")
    assert "ingest" in outcome.out


def test_a_bare_call_as_json_is_misuse(shell: Shell) -> None:
    outcome = shell("--json")
    assert outcome.code == 2
    assert outcome.json["error"]["title"] == "No command was given."
    assert len(outcome.out.splitlines()) == 1


def test_config_alone_shows_the_settings(shell: Shell) -> None:
    assert shell("config").out == shell("config", "show").out
    assert shell("config", "--json").json == shell("config", "show", "--json").json
    assert "musicsim" in shell("config").out


@pytest.mark.parametrize("query", ["nothing-here.mp3", "folder/nothing", "./abcd"])
def test_a_name_of_no_file_is_told_as_such(shell: Shell, query: str) -> None:
    outcome = shell("search", query)
    assert outcome.code == 1
    assert outcome.err.startswith(f"error: There is no file {query}.")


def test_what_is_unknown_is_null(shell: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Pipeline, "_index", lambda _: None)  # all that is heard is indexed at the end
    folder = tmp_path / "untagged"
    folder.mkdir()
    for seed in range(2):
        write_music(folder / f"{seed}.wav", seed, 3.0)
    progress = [json.loads(line) for line in shell("ingest", folder, "--json").out.splitlines()[:-1]]
    assert {event["stage"] for event in progress} == {"hearing", "indexing"}
    for event in progress:
        assert event["path"] is None or Path(event["path"]).parent == folder
    (result,) = shell("search", folder / "0.wav", "--json").json["results"]
    listed = shell("list", "--json").json["tracks"][0]
    shown = shell("show", listed["id"], "--json").json
    for track in (result, listed, shown):
        assert (track["artist"], track["album"]) == (None, None)
        assert track["title"]


def test_progress_of_a_model_names_no_file(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    from musicsim_tui.jobs import Progress
    from musicsim_tui.services.models import Models

    def install(self: Models, name: str, **hooks: Any) -> object:  # noqa: ANN401 - hooks of several kinds
        hooks["publish"](Progress(1, 2, "bytes", "downloading x.pt"))
        return self.find(name)

    monkeypatch.setattr(Models, "install", install)
    event = json.loads(shell("models", "install", "mn04", "--json").out.splitlines()[0])
    assert (event["event"], event["done"], event["total"], event["path"]) == ("progress", 1, 2, None)


def test_a_model_that_listens_is_not_forgotten(heard: Shell) -> None:
    assert heard("models", "forget", "builtin").code == 2
    refused = heard("models", "forget", "builtin", "--yes")
    assert refused.code == 1
    assert "listens" in refused.err
    assert heard("models", "forget", "nonsense", "--yes").code == 2
    assert heard("models", "forget", "mn04", "--yes", "--json").json == {"model": "mn04", "forgotten": 0}
    assert heard("list", "--json").json["total"] == 3


def test_an_index_that_another_process_has_open_is_no_puzzle(heard: Shell) -> None:
    from tests.harness.library import library

    with library(heard.data_dir) as other:
        assert other.engine.open() is not None
        said = heard("index").out
    assert "builtin: 3 tracks heard" in said
    assert "Another musicsim-tui is running" in said


def test_version(shell: Shell) -> None:
    from musicsim_tui import __version__

    assert shell("--version").out.strip() == f"musicsim-tui {__version__}"
    for line in (("--version", "--json"), ("--json", "--version")):
        assert shell(*line).json == {"version": __version__}


def test_only_a_command_line_that_is_not_understood_is_misuse(
    heard: Shell, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """What cannot be met as things are, and settings that make no sense, are failures."""
    assert heard("--model", "mn04", "search", "00000000").code == 1
    assert heard("search", "00000000").code == 1
    assert heard("show", "00000000").code == 1
    assert heard("search", "x").code == 2
    assert heard("--model", "nonsense", "search", "00000000").code == 2
    assert heard("list", "--where", "len:long").code == 2
    monkeypatch.setenv("MUSICSIM_COVERAGE", "abc")
    assert heard("list").code == 1
    monkeypatch.delenv("MUSICSIM_COVERAGE")
    config = tmp_path / "config" / "musicsim-tui" / "config.toml"
    config.parent.mkdir(parents=True)
    config.write_text("[broken")
    assert heard("list").code == 1
