"""What is remembered from one start to the next, and what a file that makes no sense does."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from musicsim_tui.tui.state import AppState, StateFile, load_state, save_state
from tests.library.samples import track_id
from tests.tui.harness import Driver, drive


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("sort", "zzz"),
        ("sort", 3),
        ("filter", "\ud800"),
        ("crate", "\ud800"),
        ("volume", -5),
        ("volume", 1000),
        ("volume", True),
        ("playlist", 10**30),
        ("trail_at", -1),
        ("marks", [1]),
        ("unfinished", ["/music\0"]),
    ],
)
def test_a_value_that_cannot_be_is_the_default(tmp_path: Path, name: str, value: object) -> None:
    path = tmp_path / "app.json"
    path.write_text(json.dumps({name: value, "descending": True}), encoding="utf-8")
    assert load_state(path) == AppState(descending=True)


@given(st.dictionaries(st.sampled_from(list(AppState.__slots__)), st.text() | st.integers() | st.booleans()))
def test_no_state_file_is_too_odd_to_be_read(
    tmp_path_factory: pytest.TempPathFactory, stored: dict[str, object]
) -> None:
    path = tmp_path_factory.mktemp("state") / "app.json"
    path.write_text(json.dumps(stored), encoding="utf-8")
    assert isinstance(load_state(path), AppState)


def test_every_mark_is_remembered(tmp_path: Path) -> None:
    marks = tuple(str(track_id(number)) for number in range(12_000))
    save_state(tmp_path / "app.json", AppState(marks=marks, entry_marks=marks))
    kept = load_state(tmp_path / "app.json")
    assert (kept.marks, kept.entry_marks) == (marks, marks)


def test_the_state_asked_for_last_is_kept_whichever_thread_comes_first(tmp_path: Path) -> None:
    file = StateFile(tmp_path / "app.json")
    earlier = file.writing(lambda: AppState(volume=1))
    later = file.writing(lambda: AppState(volume=2))
    later()
    earlier()
    assert load_state(tmp_path / "app.json").volume == 2
    file.writing(lambda: AppState(volume=3))()
    assert load_state(tmp_path / "app.json").volume == 3


def test_a_crate_that_is_opened_is_remembered_while_the_app_runs(small: Path) -> None:
    async def scenario(driver: Driver) -> None:
        await driver.press("x")
        driver.app.open_crate("evening")
        await driver.until(lambda: load_state(small / "app.json").crate == "evening", "it is remembered")
        assert load_state(small / "app.json").marks == (str(track_id(4)),)

    drive(small, scenario)


def test_the_library_opens_whatever_the_state_says(small: Path) -> None:
    odd = {
        "view": "nowhere",
        "sort": "zzz",
        "filter": "\ud800",
        "crate": "\ud800",
        "playlist": 10**30,
        "marks": ["x"],
        "entry_marks": ["9" * 5000, "\ud800"],
        "theme": "none",
    }
    (small / "app.json").write_text(json.dumps(odd), encoding="utf-8")

    async def scenario(driver: Driver) -> None:
        await driver.shows("Nocturne in E flat")
        await driver.press("2", "5", "4", "1")
        await driver.shows("Nocturne in E flat")

    drive(small, scenario)


def test_a_crash_forgets_no_marks(small: Path) -> None:
    def break_down() -> None:
        raise ZeroDivisionError("unforeseen")

    async def scenario(driver: Driver) -> None:
        await driver.press("slash")
        await driver.type("skiff")
        await driver.shows("3 of 6")
        await driver.press("enter", "x")
        await driver.shows("1 marked")
        driver.app.call_later(break_down)
        await driver.until(lambda: not driver.app.is_running, "the app is down")

    with pytest.raises(ZeroDivisionError):
        drive(small, scenario)
    kept = load_state(small / "app.json")
    assert (kept.marks, kept.filter) == ((str(track_id(1)),), "skiff")
