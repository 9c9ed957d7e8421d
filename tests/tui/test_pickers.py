"""The pickers of folders and files: whatever stands on the disk, they stay, and answer keys."""

from __future__ import annotations

import errno
import os
import threading
import unicodedata
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from rich.cells import cell_len
from textual.widgets import Input

from musicsim_tui.jobs import CancelToken
from musicsim_tui.tui.screens.pickers import FilePicker, FolderPicker
from musicsim_tui.tui.widgets import folder_list
from musicsim_tui.tui.widgets.folder_list import BATCH, FolderList
from tests.tui.harness import Driver, drive

PICKERS = pytest.mark.parametrize("picker", [FolderPicker, FilePicker])
MANY = 3 * BATCH

HOSTILE = (
    "z\x1b]0;PWNED\x07\x1b[31mred",
    "line\nbreak",
    os.fsdecode(b"caf\xe9"),
    "right\u202eleft",
    "[red] bar [@click=app.quit]x",
    "\u8266" * 60,
)


async def pick(driver: Driver, picker: type[FolderPicker | FilePicker]) -> FolderList:
    """Open a picker on the music folder."""
    if picker is FolderPicker:
        driver.app.browse_folder()
    else:
        await driver.press("f")
    await driver.until(lambda: isinstance(driver.app.screen, picker), "the picker is open")
    await driver.until(lambda: bool(driver.app.screen.query(FolderList)), "it has a list")
    return driver.app.screen.query_one(FolderList)


async def enter(driver: Driver, name: str) -> None:
    """Walk down to a row of the list, and choose it."""
    listing = driver.app.screen.query_one(FolderList)

    def on_it() -> bool:
        option = listing.highlighted_option
        return isinstance(option, folder_list.Entry) and option.row.name == name

    for _ in range(listing.option_count):
        if on_it():
            break
        await driver.press("down")
    assert on_it()
    await driver.press("enter")


@pytest.fixture
def music(tmp_path: Path) -> Path:
    """A music folder that holds a folder with a piece in it."""
    (tmp_path / "music" / "inner").mkdir(parents=True)
    (tmp_path / "music" / "inner" / "piece.wav").touch()
    (tmp_path / "music" / "other").mkdir()
    return tmp_path / "music"


@pytest.fixture
def crowd(tmp_path: Path) -> Path:
    """A music folder that holds a folder of more folders, and files, than are listed in one go."""
    crowded = tmp_path / "music" / "crowded"
    crowded.mkdir(parents=True)
    for number in range(MANY):
        (crowded / f"{number:05}.wav").touch()
        (crowded / f"{number:05}").mkdir()
    return tmp_path / "music"


class _Failing:
    """Calls of the system that fail for one path, or wait there."""

    def __init__(self, real: Any, path: str, error: OSError | threading.Event) -> None:  # noqa: ANN401
        self._real, self._path, self._error = real, path, error

    def __call__(self, path: Any, *args: Any, **kwargs: Any) -> Any:  # noqa: ANN401
        if not isinstance(path, int) and os.fspath(path) == self._path:
            if isinstance(self._error, OSError):
                raise self._error
            self._error.wait(30)
        return self._real(path, *args, **kwargs)


@PICKERS
@pytest.mark.parametrize(("call", "number"), [("stat", errno.EACCES), ("scandir", errno.ENOTCONN)])
def test_a_folder_that_cannot_be_opened_is_said(
    small: Path,
    music: Path,
    monkeypatch: pytest.MonkeyPatch,
    picker: type[FolderPicker | FilePicker],
    call: str,
    number: int,
) -> None:
    # A folder may be read and yet not be searched: then only what lies in it cannot be looked at.
    inner = music / "inner"
    path = str(inner) if call == "scandir" else f"{inner}/."
    monkeypatch.setattr(os, call, _Failing(getattr(os, call), path, OSError(number, os.strerror(number))))

    async def scenario(driver: Driver) -> None:
        await pick(driver, picker)
        await driver.shows("inner")
        await enter(driver, "inner")
        await driver.shows(f"This folder cannot be opened: {os.strerror(number)}.")
        assert "piece.wav" not in driver.text
        await driver.press("backspace")
        await driver.shows("other")
        assert "cannot be opened" not in driver.text

    drive(small, scenario, music_dir=music)


@PICKERS
def test_a_folder_that_is_gone_is_said(
    small: Path, music: Path, picker: type[FolderPicker | FilePicker]
) -> None:
    async def scenario(driver: Driver) -> None:
        await pick(driver, picker)
        await driver.shows("other")
        (music / "other").rmdir()
        await enter(driver, "other")
        await driver.shows("This folder cannot be opened: No such file or directory.")
        await enter(driver, "..")
        await driver.shows("inner")

    drive(small, scenario, music_dir=music)


@PICKERS
def test_a_folder_that_never_answers_can_be_left(
    small: Path, music: Path, monkeypatch: pytest.MonkeyPatch, picker: type[FolderPicker | FilePicker]
) -> None:
    answered = threading.Event()
    monkeypatch.setattr(os, "scandir", _Failing(os.scandir, str(music / "inner"), answered))

    async def scenario(driver: Driver) -> None:
        listing = await pick(driver, picker)
        await driver.shows("inner")
        await enter(driver, "inner")
        await driver.until(lambda: listing.location == music / "inner", "the folder is entered")
        await enter(driver, "..")
        await driver.shows("other")
        answered.set()
        await driver.settled()
        assert "piece.wav" not in driver.text

    try:
        drive(small, scenario, music_dir=music)
    finally:
        answered.set()


def test_a_typed_name_that_cannot_be_looked_up_is_said(
    small: Path, music: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lost = str(music / "lost")
    monkeypatch.setattr(os, "stat", _Failing(os.stat, lost, OSError(errno.EIO, os.strerror(errno.EIO))))

    async def scenario(driver: Driver) -> None:
        await pick(driver, FilePicker)
        await driver.shows("inner")
        field = driver.app.screen.query_one(Input)
        field.focus()
        for name, said in (
            ("lost", f"This cannot be opened: {os.strerror(errno.EIO)}."),
            ("x" * 300, f"This cannot be opened: {os.strerror(errno.ENAMETOOLONG)}."),
            ("nothing", "There is no such file here."),
            ("", "Choose a file, or type the name of one."),
        ):
            field.value = name
            await driver.settled()
            await driver.press("enter")
            await driver.shows(said)
        await driver.type("**")
        await driver.settled()
        field.value = "inner"
        await driver.settled()
        await driver.press("enter")
        await driver.shows("piece.wav")

    drive(small, scenario, music_dir=music)


def harmless(text: str) -> bool:
    return all(
        char == "\n" or unicodedata.category(char) not in {"Cc", "Cf", "Cs", "Zl", "Zp"} for char in text
    )


@PICKERS
def test_names_are_drawn_as_one_harmless_line_each(
    small: Path, tmp_path: Path, picker: type[FolderPicker | FilePicker]
) -> None:
    music = tmp_path / "music"
    for name in HOSTILE:
        (music / name).mkdir(parents=True)
        (music / f"{name[:40]}.wav").touch()
        for entry in (music / name, music / f"{name[:40]}.wav"):
            os.utime(entry, (0, 0))

    async def scenario(driver: Driver) -> None:
        listing = await pick(driver, picker)
        await driver.shows("[red] bar")
        rows = [line for line in driver.lines if "1970-01-01" in line]
        assert len(rows) == len(HOSTILE) * (2 if picker is FilePicker else 1)
        assert len({cell_len(row.partition("1970-01-01")[0]) for row in rows}) == 1
        assert harmless(driver.text)
        for name in HOSTILE:
            await enter(driver, name)
            await driver.until(lambda: listing.location != music, "the folder is entered")
            assert listing.location.name == name
            await driver.settled()
            assert harmless(driver.text)
            await driver.press("backspace")
            await driver.until(lambda: listing.option_count > len(HOSTILE), "the folder above is listed")
            listing.highlighted = 0

    drive(small, scenario, music_dir=music, size=(100, 40))


@pytest.mark.parametrize("name", HOSTILE[:5])
def test_a_file_is_taken_whatever_its_name(small: Path, tmp_path: Path, name: str) -> None:
    music = tmp_path / "music"
    music.mkdir()
    (music / f"{name}.wav").touch()
    taken: list[Path | None] = []

    async def scenario(driver: Driver) -> None:
        driver.app.push_screen(FilePicker(music), taken.append)
        await driver.until(lambda: isinstance(driver.app.screen, FilePicker), "the picker is open")
        await driver.shows(".wav")
        await enter(driver, f"{name}.wav")
        await driver.until(lambda: isinstance(driver.focused, Input), "the file is named")
        await driver.settled()
        assert harmless(driver.text)
        await driver.press("enter")
        await driver.until(lambda: bool(taken), "the file is taken")

    drive(small, scenario, music_dir=music)
    assert taken == [music / f"{name}.wav"]


@pytest.mark.parametrize("name", [HOSTILE[0], HOSTILE[1], HOSTILE[2], " blank at both ends "])
def test_a_folder_is_taken_whatever_its_name(small: Path, tmp_path: Path, name: str) -> None:
    music = tmp_path / "music"
    (music / name).mkdir(parents=True)
    (music / name / "piece.wav").symlink_to(tmp_path / "nowhere.wav")

    async def scenario(driver: Driver) -> None:
        listing = await pick(driver, FolderPicker)
        await driver.until(lambda: listing.option_count == 2, "the folder is listed")
        await enter(driver, name)
        await driver.until(lambda: listing.location == music / name, "the folder is entered")
        await driver.press("tab", "enter")
        await driver.shows("enter looks, enter again starts")
        await driver.settled()
        assert harmless(driver.text)
        await driver.press("enter")
        await driver.shows("There is no music in this folder.")

    drive(small, scenario, music_dir=music)


def test_no_name_is_suggested_that_cannot_be_drawn(small: Path, tmp_path: Path) -> None:
    music = tmp_path / "music"
    music.mkdir()
    (music / "z\x1b]0;PWNED\x07.wav").touch()
    (music / "fine name.wav").touch()

    async def scenario(driver: Driver) -> None:
        await pick(driver, FilePicker)
        await driver.shows("fine name.wav")
        driver.app.screen.query_one(Input).focus()
        await driver.type("z")
        await driver.settled()
        assert harmless(driver.text)
        await driver.press("backspace")
        await driver.type("fin")
        await driver.until(lambda: driver.text.count("fine name.wav") == 2, "the name is suggested")

    drive(small, scenario, music_dir=music)


@pytest.fixture
def held(monkeypatch: pytest.MonkeyPatch) -> Iterator[threading.Event]:
    """Every batch of rows of a crowded folder but the first waits for this."""
    go_on = threading.Event()
    real = folder_list.look

    def look(found: Any, token: CancelToken) -> list[folder_list.Row]:  # noqa: ANN401
        if not any(entry.name in {"00000", "00000.wav", "crowded"} for _, entry in found):
            go_on.wait(30)
        return real(found, token)

    monkeypatch.setattr(folder_list, "look", look)
    yield go_on
    go_on.set()


@PICKERS
def test_keys_are_answered_before_a_large_folder_is_listed(
    small: Path, crowd: Path, held: threading.Event, picker: type[FolderPicker | FilePicker]
) -> None:
    everything = 1 + MANY * (2 if picker is FilePicker else 1)

    async def scenario(driver: Driver) -> None:
        listing = await pick(driver, picker)
        await driver.shows("crowded")
        await enter(driver, "crowded")
        await driver.shows("00003")
        await driver.press("down", "down")
        assert listing.highlighted == 2
        assert listing.option_count == 1 + BATCH
        held.set()
        await driver.until(lambda: listing.option_count == everything, "all is listed")
        assert listing.highlighted == 2
        names = [option.row.name for option in listing.options if isinstance(option, folder_list.Entry)]
        assert names[1 : MANY + 1] == [f"{number:05}" for number in range(MANY)]

    drive(small, scenario, music_dir=crowd)


@PICKERS
def test_a_large_folder_that_is_left_lists_nothing_more(
    small: Path, crowd: Path, held: threading.Event, picker: type[FolderPicker | FilePicker]
) -> None:
    async def scenario(driver: Driver) -> None:
        listing = await pick(driver, picker)
        await driver.shows("crowded")
        await enter(driver, "crowded")
        await driver.shows("00003")
        await driver.press("backspace")
        await driver.shows("crowded ")
        held.set()
        await driver.until(lambda: not driver.app.bridge.busy(f"list {crowd / 'crowded'}"), "nothing is read")
        await driver.settled()
        assert listing.option_count == 2
        await driver.press("escape")
        await driver.until(lambda: not isinstance(driver.app.screen, picker), "the picker is closed")

    drive(small, scenario, music_dir=crowd)


def test_hidden_folders_come_and_go(small: Path, music: Path) -> None:
    (music / ".secret").mkdir()

    async def scenario(driver: Driver) -> None:
        await pick(driver, FolderPicker)
        await driver.shows("inner")
        assert ".secret" not in driver.text
        await driver.type(".")
        await driver.shows(".secret")
        await driver.type(".")
        await driver.hides(".secret")

    drive(small, scenario, music_dir=music)
