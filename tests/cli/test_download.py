"""`musicsim-tui download` as it is typed, with the real yt-dlp and its YouTube on loopback."""

from __future__ import annotations

import json
import shlex
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from musicsim_tui.library.catalog import Catalog
from musicsim_tui.library.playlist_records import SourceRecord
from musicsim_tui.library.playlists import ListedEntry
from tests.cli.conftest import Shell
from tests.harness.downloads import PLAYABLE, config_of, downloading, list_only, opened
from tests.harness.youtube import PLAYLIST, PLAYLIST_ID, Playlist
from tests.harness.youtube_videos import Video

if TYPE_CHECKING:
    from tests.harness.loop_server import LoopServer
    from tests.harness.youtube import YouTube


@pytest.fixture
def shell(shell: Shell, tmp_path: Path) -> Shell:
    folder = tmp_path / "config" / "musicsim-tui"
    folder.mkdir(parents=True)
    (folder / "config.toml").write_text(config_of(tmp_path))
    return shell


def test_from_a_link_to_a_search_result(shell: Shell, youtube: YouTube, tmp_path: Path) -> None:
    link = list_only(youtube, "ok_m4a", "private", "ok_opus", title="Mix 🎧 / Ünï")
    done = shell("download", link, "--json")
    assert done.code == 0
    summary = done.json
    assert (summary["event"], summary["ready"], summary["heard"], summary["failed"]) == ("summary", 2, 2, 0)
    assert (summary["unavailable"], summary["waiting"], summary["known"]) == (1, 0, 0)
    folder = tmp_path / "Music" / "Mix 🎧 - Ünï"
    name = f"Tanaka - Night Run [{youtube.ids['ok_opus']}].mp3"
    assert str(folder / name) in summary["files"]
    events = [json.loads(line) for line in done.out.splitlines()[:-1]]
    assert {event["event"] for event in events} == {"progress"}
    assert {"listing", "asking", "downloading", "converting"} <= {event["stage"] for event in events}
    assert [line[:17] for line in done.err.splitlines()] == ["2 tracks to fetch"]

    found = shell("search", youtube.server.media / "c.webm", "--json").json["results"]
    assert [found[0]["title"], found[0]["artist"], found[0]["album"]] == [
        "Night Run",
        "Tanaka",
        "City Lights",
    ]
    assert found[0]["paths"] == [str(folder / name)]

    shown = shell("show", found[0]["id"], "--json").json
    assert shown["sources"] == [{"url": youtube.watch("ok_opus"), "playlist": "Mix 🎧 / Ünï"}]
    assert youtube.watch("ok_opus") in shell("show", found[0]["id"]).out
    edited = shell("edit", found[0]["id"], "--artist", "Tanaka [b]", "--json").json
    assert (edited["title"], edited["artist"]) == ("Night Run", "Tanaka [b]")
    assert shell("edit", found[0]["id"]).code == 2
    assert "Tanaka [b] - Night" in shell("edit", found[0]["id"], "--title", "Night").out

    again = shell("download", link, "--json").json
    assert (again["ready"], again["failed"], again["known"]) == (0, 0, 2)
    assert len(youtube.server.sent("videoplayback")) == 2


def test_a_list_is_shown_and_nothing_is_remembered(shell: Shell, youtube: YouTube) -> None:
    youtube.playlists[PLAYLIST_ID].announced = 23
    done = shell("download", PLAYLIST, "--list-only", "--json")
    assert done.code == 0
    [listed] = done.json["playlists"]
    assert (listed["title"], listed["announced"], listed["received"], listed["gap"]) == (
        "Mix 🎧 / Ünï",
        23,
        21,
        2,
    )
    assert listed["retried"]
    assert [entry["id"] for entry in listed["entries"]] == list(youtube.ids.values())
    assert listed["to_fetch"] == 16
    assert listed["bytes"] > 0
    assert listed["free"] > 0
    private = listed["entries"][2]
    assert (private["state"], private["kind"], private["path"]) == ("unavailable", "private", None)
    assert private["hint"]
    assert not youtube.server.sent("/player")
    assert shell("sources", "--json").json["sources"] == []

    shown = shell("download", PLAYLIST, "--list-only")
    assert "AC/DC — Thunder" in shown.out
    assert "unavailable: The video is private." in shown.out
    assert "16 tracks to fetch" in shown.out
    assert "2 are missing" in shown.err


def test_a_short_look_does_not_shorten_what_is_remembered(shell: Shell, youtube: YouTube) -> None:
    link = list_only(youtube, "ok_m4a", "ok_opus")
    shell("download", link, "--json")
    list_only(youtube, "ok_m4a", "ok_opus", "slow")
    looked = shell("download", link, "--list-only", "--limit", "1", "--json").json["playlists"]
    assert [entry["state"] for entry in looked[0]["entries"]] == ["ready"]
    everything = shell("download", "--list-only", "--all", "--json").json["playlists"]
    assert [entry["fresh"] for entry in everything[0]["entries"]] == [False, False, True]
    assert shell("download", "--all", "--json").json["ready"] == 1


def test_failures_are_told_with_their_remedies_and_retried(shell: Shell, youtube: YouTube) -> None:
    link = list_only(youtube, "ok_m4a", "region", "api_500")
    done = shell("download", link, "--json")
    assert done.code == 3
    assert [failure["kind"] for failure in done.json["failures"]] == ["region", "server"]
    failed = shell("failures", "--json").json["failures"]
    assert {failure["stage"] for failure in failed} == {"downloading"}
    assert {failure["title"] for failure in failed} == {"g", "q"}
    assert all(failure["reason"] and failure["hint"] and failure["url"] for failure in failed)
    assert "not available in your country" in shell("failures").out

    youtube.videos[youtube.ids["api_500"]].api_status = 200
    youtube.videos[youtube.ids["api_500"]].file = "b.m4a"
    youtube.videos[youtube.ids["api_500"]].seconds = 3
    again = shell("download", "--retry", "--json")
    assert again.code == 0  # the other one had failed before
    assert (again.json["ready"], again.json["failed"]) == (1, 1)
    assert len(shell("failures", "--json").json["failures"]) == 1


def test_all_fetches_what_is_new_deleted_or_failed(shell: Shell, youtube: YouTube) -> None:
    link = list_only(youtube, "ok_m4a", "api_500")
    first = shell("download", link, "--json").json
    Path(first["files"][0]).unlink()
    youtube.videos[youtube.ids["api_500"]] = Video("Back - Again", 3, "c.webm")
    youtube.playlists[PLAYLIST_ID].ids.append(youtube.ids["ok_opus"])
    second = shell("download", "--all", "--json")
    assert second.code == 0
    assert (second.json["ready"], second.json["heard"]) == (3, 3)
    [listed] = second.json["playlists"]
    assert (listed["fresh"], listed["deleted"], listed["lost"]) == (1, 1, 0)
    third = shell("download", "--all", "--json").json
    assert (third["ready"], third["known"]) == (0, 3)


def test_all_leaves_endless_mixes_out_and_says_how_to_get_more(shell: Shell, youtube: YouTube) -> None:
    mix = "https://www.youtube.com/watch?v=mix00000000&list=RDmix00000000"
    shell("download", mix, "--playlist", "--limit", "2")
    asked = len(youtube.server.requests)
    for flags in ((), ("--list-only",)):
        told = shell("download", "--all", *flags)
        assert told.code == 0
        assert "Mix, endless: left out, as an endless mix always has something new." in told.err
    assert len(youtube.server.requests) == asked
    command = told.err.partition("musicsim-tui ")[2]
    more = shell(*shlex.split(command), "--list-only", "--json")
    assert [each["received"] for each in more.json["playlists"]] == [4]


def test_a_known_playlist_keeps_its_folder_and_says_so(
    shell: Shell, youtube: YouTube, tmp_path: Path
) -> None:
    link = list_only(youtube, "ok_m4a")
    assert "as before" not in shell("download", link).err
    config = tmp_path / "config" / "musicsim-tui" / "config.toml"
    config.write_text(config.read_text().replace(str(tmp_path / "Music"), str(tmp_path / "New")))
    assert "as before" not in shell("download", link).err  # nothing of it goes anywhere
    list_only(youtube, "ok_m4a", "ok_opus")
    told = shell("download", "--all")
    assert f"Mix: new files go to {tmp_path / 'Music' / 'Mix'}, as before; download its link" in told.err
    assert len(list((tmp_path / "Music" / "Mix").iterdir())) == 2
    list_only(youtube, "ok_m4a", "ok_opus", "slow")
    told = shell("download", link, "--dest", tmp_path / "New")
    assert "as before" not in told.err
    assert len(list((tmp_path / "New" / "Mix").iterdir())) == 1


def test_news_of_a_playlist_are_told(shell: Shell, youtube: YouTube) -> None:
    link = list_only(youtube, "ok_m4a", "ok_opus")
    first = shell("download", link)
    assert "new" not in first.err
    [gone] = (shell.data_dir.parent / "Music" / "Mix").glob("*Thunder*")
    gone.unlink()
    list_only(youtube, "ok_m4a", "slow")
    for asked in (link, "--all"):
        told = shell("download", asked).err
        if asked == link:
            assert "Mix: 1 new, 1 not in the list any more, 1 deleted from the disk." in told
            assert told.count("the same sound as") == 1
        else:
            assert "Mix:" not in told


def test_a_robot_check_stops_with_one_sentence_and_the_next_download_goes_on(
    shell: Shell, youtube: YouTube
) -> None:
    link = list_only(youtube, "bot", "ok_m4a")
    done = shell("download", link, "--json")
    assert done.code == 1
    assert "robot" in done.json["error"]["title"]
    assert "MUSICSIM_COOKIES_FROM_BROWSER" in done.json["error"]["hint"]
    assert (done.json["ready"], done.json["waiting"]) == (0, 2)
    assert not youtube.server.sent("videoplayback")

    youtube.videos[youtube.ids["bot"]] = Video("Not - a Robot", 3, "c.webm")
    on = shell("download", "--json")
    assert on.code == 0
    assert (on.json["ready"], on.json["waiting"]) == (2, 0)
    spoken = shell("download", list_only(youtube, "bot"))
    assert "Fetched 0 tracks" in spoken.out
    assert "2 were there already" in spoken.out  # one of them is not in the list any more


def test_nothing_is_fetched_without_room(shell: Shell, youtube: YouTube) -> None:
    link = list_only(youtube, "ok_m4a")
    done = shell("download", link, "--least-free", "900TB")
    assert done.code == 1
    assert "downloads leave" in done.err
    assert "That does not fit" in done.err
    assert shell("failures", "--json").json["failures"] == []
    assert shell("download", "--json").json["ready"] == 1


def test_a_damaged_file_is_fetched_again_on_retry(shell: Shell, youtube: YouTube, tmp_path: Path) -> None:
    link = list_only(youtube, "ok_m4a")
    elsewhere = tmp_path / "elsewhere"
    [name] = shell("download", link, "--dest", elsewhere, "--no-ingest", "--json").json["files"]
    assert Path(name).is_relative_to(elsewhere)
    Path(name).write_bytes(b"")
    assert shell("download", "--retry", "--no-ingest", "--json").json["files"] == [name]
    assert Path(name).stat().st_size
    assert "--dest needs a link" in shell("download", "--dest", elsewhere).err


def test_nothing_to_do_is_said(shell: Shell, youtube: YouTube) -> None:
    assert "Nothing waits" in shell("download").out
    assert "Nothing waits" in shell("download", "--all").out


def test_what_is_paused_in_the_app_is_passed_over_and_told(shell: Shell, youtube: YouTube) -> None:
    link = list_only(youtube, "ok_m4a", "ok_opus")
    shell("download", link, "--limit", "1")
    with Catalog.open(shell.data_dir / "library.db") as catalog:
        [playlist] = catalog.playlists.all()
        source = SourceRecord("youtube", youtube.ids["ok_opus"], youtube.watch("ok_opus"), "Night Run", "", 3)
        catalog.playlists.add(playlist.id, [ListedEntry(2, 0, source)])
        paused = catalog.playlists.enqueue([catalog.playlists.entries(playlist.id)[1].id])
        catalog.playlists.hold([entry.id for entry in paused], paused=True)
    for command in (("download",), ("download", link)):
        told = shell(*command)
        assert told.code == 0
        assert "1 track paused in the app, where p lets it go on." in told.err
        assert "to fetch" not in told.err
    assert shell("download", link, "--json").json["paused"] == 1
    assert "1 of 2 ready, 1 paused" in shell("sources").out
    assert len(youtube.server.sent("videoplayback")) == 1


def test_links_that_leave_something_open(shell: Shell, youtube: YouTube) -> None:
    inside = f"{youtube.watch('ok_m4a')}&list={PLAYLIST_ID}"
    refused = shell("download", inside, "--list-only")
    assert refused.code == 2
    assert "--video or --playlist" in refused.err
    one = shell("download", inside, "--video", "--list-only", "--json").json["playlists"]
    assert [entry["id"] for entry in one[0]["entries"]] == [youtube.ids["ok_m4a"]]
    all_ = shell("download", inside, "--playlist", "--list-only", "--json").json["playlists"]
    assert len(all_[0]["entries"]) == 21
    mix = "https://www.youtube.com/playlist?list=RDmix00000000"
    assert "--limit 50" in shell("download", mix).err
    around = "https://www.youtube.com/watch?v=mix00000000&list=RDmix00000000"
    some = shell("download", around, *("--playlist", "--limit", "7", "--list-only", "--json")).json[
        "playlists"
    ]
    assert len(some[0]["entries"]) == 7
    assert shell("download", inside, "--video", "--playlist").code == 2
    assert shell("download", "--list-only").code == 2
    assert shell("download", " ").code == 2


def test_one_bad_link_does_not_stop_the_others(shell: Shell, server: LoopServer, youtube: YouTube) -> None:
    alone = shell("download", f"{server.url}/nothing", "--json")
    assert alone.code == 1
    assert alone.json["error"]["title"]
    both = shell("download", f"{server.url}/nothing", list_only(youtube, "ok_m4a"), "--json")
    assert both.code == 3
    assert both.json["ready"] == 1
    assert both.json["links"][0]["link"] == f"{server.url}/nothing"


def test_flags_reach_the_files(shell: Shell, server: LoopServer, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    done = shell(
        *(
            "download",
            f"{server.url}/feed.rss",
            "--dest",
            elsewhere,
            "--keep-original",
            "--no-ingest",
            "--json",
        )
    )
    assert done.code == 0
    assert (done.json["ready"], done.json["heard"]) == (3, 0)
    suffixes = sorted(Path(name).suffix for name in done.json["files"])
    assert suffixes == [".flac", ".mp3", ".ogg"]
    assert all(Path(name).is_relative_to(elsewhere) for name in done.json["files"])
    assert shell("list", "--json").json["total"] == 0
    assert shell("sources", "--json").json["sources"][0]["kind"] == "playlist"
    for flags in (("--mp3-quality", "11"), ("--pause", "soon"), ("--least-free", "much")):
        wrong = shell("download", *flags)
        assert wrong.code == 2
        assert "download." in wrong.err


def test_sources_show_and_forget_playlists(shell: Shell, youtube: YouTube) -> None:
    link = list_only(youtube, *PLAYABLE[:2])
    files = shell("download", link, "--json").json["files"]
    shown = shell("sources", "--json").json["sources"]
    assert [source["kind"] for source in shown] == ["folder", "playlist"]
    assert (shown[1]["link"], shown[1]["states"]["ready"]) == (link, 2)
    assert "2 of 2 ready" in shell("sources").out

    assert "2 files stay where they are" in shell("sources", "forget", "mix").out
    assert all(Path(name).exists() for name in files)
    assert "No remembered playlist" in shell("sources", "forget", link).err
    assert shell("download", link, "--json").json["known"] == 2

    assert shell("sources", "forget", link, "--files").code == 2  # nobody is there to ask
    gone = shell("sources", "forget", link, "--files", "--yes", "--json")
    assert gone.json["files_deleted"] == 2
    assert not any(Path(name).exists() for name in files)
    assert shell("sources", "--json").json["sources"] == []
    assert shell("list", "--json").json["total"] == 0
    assert shell("sources", "forget", "nowhere").code == 1


def test_a_limit_holds_for_a_list_that_is_known(shell: Shell, youtube: YouTube, tmp_path: Path) -> None:
    link = list_only(youtube, "slow", "ok_m4a", "ok_opus")
    with downloading(tmp_path) as services:
        opened(services, link)
    youtube.playlists[PLAYLIST_ID].ids.reverse()
    [file] = shell("download", link, "--limit", "1", "--no-ingest", "--json").json["files"]
    assert youtube.ids["ok_opus"] in file
    assert len(shell("download", link, "--no-ingest", "--json").json["files"]) == 2


def test_what_was_there_before_is_told_and_stays(shell: Shell, youtube: YouTube, tmp_path: Path) -> None:
    link = list_only(youtube, *PLAYABLE[:2])
    [mine, other] = map(Path, shell("download", link, "--no-ingest", "--json").json["files"])
    other.unlink()
    second = ("--data-dir", str(tmp_path / "second"))
    there = shell("download", link, "--no-ingest", *second).out
    assert "Fetched 1 track " in there
    assert "1 was there already." in there
    gone = shell("sources", "forget", link, "--files", "--yes", *second)
    assert "Deleted 1 file." in gone.out
    assert "1 file stays: it was there before, or moved or changed since." in gone.out
    assert mine.exists()


def test_settings_are_shown_with_their_sources(shell: Shell, tmp_path: Path) -> None:
    shown = {item["name"]: item for item in shell("config", "show", "--json").json["settings"]}
    assert shown["download.folder"]["value"] == str(tmp_path / "Music")
    assert shown["download.folder"]["source"] == "config.toml"
    assert shown["download.mp3_quality"] == {
        "name": "download.mp3_quality",
        "value": "2",
        "source": "default",
    }
    assert shown["download.yt_dlp"]["value"] == "retries, socket_timeout"


def test_options_that_run_programs_are_refused(shell: Shell, youtube: YouTube, tmp_path: Path) -> None:
    config = tmp_path / "config" / "musicsim-tui" / "config.toml"
    config.write_text(f"{config.read_text()}exec_cmd = 'rm -rf /'\n")
    refused = shell("download", list_only(youtube, "ok_m4a"))
    assert refused.code == 1
    assert "exec_cmd" in refused.err


def test_hostile_titles_become_harmless_files(shell: Shell, youtube: YouTube, tmp_path: Path) -> None:
    titles = {
        "separators": "../../etc/passwd - ..\\..\\boot.ini",
        "reserved": "CON - NUL",
        "markup": "[bold red]Band[/] - <script>\x1b[31mSong\x1b[0m \u202e",
        "long": f"{'Ä' * 150} - {'ß' * 300}",
        "emoji": "👩‍🚀 - 🎵🎶 family 👨‍👩‍👧",
    }
    for name, title in titles.items():
        youtube.add(name, Video(title, 3, "c.webm"))
    youtube.playlists["PLhostile"] = Playlist("../AUX: [b]x[/b]", [youtube.ids[name] for name in titles])
    done = shell("download", "https://www.youtube.com/playlist?list=PLhostile")
    assert done.code == 0
    assert "\x1b[31m" not in done.out + done.err
    [folder] = [path for path in (tmp_path / "Music").iterdir() if not path.name.startswith(".")]
    files = list(folder.iterdir())
    assert len(files) == len(titles)
    assert all(len(path.name.encode()) <= 255 and f"[{path.stem[-12:-1]}]" in path.name for path in files)
    assert not any(set(path.name) & set('/\\:*?"<>|') for path in (folder, *files))
