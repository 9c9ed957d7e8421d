"""The keys of boxes: from the registry, shown as they are bound, and bound otherwise in the configuration."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from textual.binding import Binding
from textual.dom import DOMNode
from textual.widgets import Input

import musicsim_tui.tui
from musicsim_tui.tui.keymap import BY_ID, check_keymap
from musicsim_tui.tui.preferences import Preferences
from musicsim_tui.tui.screens.pick import Answer, Pick
from musicsim_tui.tui.screens.question import Question
from tests.tui.harness import Driver, drive


def with_keys(**keys: str) -> Preferences:
    """What a person has in `[keys]`, with `__` for the dots in the ids."""
    return Preferences(keys={name.replace("__", "."): key for name, key in keys.items()})


async def no_box(driver: Driver) -> None:
    """Wait until no box lies over the view."""
    await driver.until(lambda: driver.app.screen is driver.app.main, "the box is closed")


def own_bindings() -> Iterator[tuple[str, Binding]]:
    """Every binding that a widget or screen of the app declares."""
    package = musicsim_tui.tui
    for module in pkgutil.walk_packages(package.__path__, package.__name__ + "."):
        for item in vars(importlib.import_module(module.name)).values():
            if isinstance(item, type) and issubclass(item, DOMNode) and item.__module__ == module.name:
                for binding in item.__dict__.get("BINDINGS", ()):
                    assert isinstance(binding, Binding)
                    yield item.__name__, binding


def test_every_binding_is_one_of_the_registry() -> None:
    found = list(own_bindings())
    strangers = [(name, binding.key) for name, binding in found if binding.id not in BY_ID]
    assert strangers == []
    assert {"CratePicker", "Question", "DetailsScreen", "MusicApp"} <= {name for name, _ in found}


@pytest.mark.parametrize(
    ("name", "key", "problem"),
    [
        ("crates.new", "r", "r cannot be both crates.new and crates.rename."),
        ("crates.new", "j", "j cannot be both list.down and crates.new."),
        ("crates.new", "z", "z cannot be both undo and crates.new."),
        ("pick.forget", "3", "3 cannot be both pick.forget and pick.number."),
        ("question.yes", "ctrl+q", "ctrl+q cannot be both quit.always and question.yes."),
        ("help.close", "escape", "escape cannot be both escape and help.close."),
        ("quit.always", "S", "S cannot be both play.stop and quit.always."),
    ],
)
def test_a_key_that_means_something_else_in_the_same_box_is_refused(
    name: str, key: str, problem: str
) -> None:
    assert check_keymap({name: key}) == ({}, [problem])


@pytest.mark.parametrize(
    ("name", "key"),
    [("crates.new", "q"), ("crates.new", "y"), ("sort.title", "s"), ("question.no", "x"), ("play", "n")],
)
def test_a_box_keeps_the_keys_of_the_view_and_of_other_boxes_away(name: str, key: str) -> None:
    assert check_keymap({name: key}) == ({name: key}, [])


def test_what_leaves_a_field_is_no_character() -> None:
    keys, problems = check_keymap({"escape": "B,#"})
    assert keys == {}
    assert problems == ["escape cannot have the key 'B,#' alone: in a field that is text."]
    assert check_keymap({"escape": "B,f4"}) == ({"escape": "B,f4"}, [])


def test_the_list_of_crates_has_the_keys_that_it_shows(small: Path) -> None:
    async def scenario(driver: Driver) -> None:
        app = driver.app
        await driver.press("c")
        await driver.shows("o Pick  w New  / Rename  f8 Delete  f4 Close")
        await driver.press("n", "escape", "w")
        await driver.shows("enter makes the crate")
        field = app.screen.query_one("#crate-name", Input)
        await driver.press("w", "slash", "n", "o", "u")
        await driver.until(lambda: field.value == "w/nou", "all of it is the name")
        await driver.press("enter")
        await driver.shows("crate w/nou now")
        await driver.press("c", "f8")
        await driver.shows("w/nou is deleted; h brings it back.")
        await driver.press("h")
        await driver.shows("● w/nou")
        await driver.press("o")
        await no_box(driver)

    keys = with_keys(
        list__choose="o",
        open="O",
        crates__new="w",
        crates__rename="/",
        crates__delete="f8",
        escape="f4",
        undo="h",
    )
    drive(small, scenario, preferences=keys)


def test_an_order_is_chosen_with_the_keys_that_are_shown(small: Path) -> None:
    async def scenario(driver: Driver) -> None:
        await driver.press("s")
        await driver.shows("1  Title")
        await driver.shows("f4 leaves it as it is")
        await driver.press("t", "escape", "1")
        await no_box(driver)
        await driver.until(lambda: driver.app.main.library.listing.sort == "title", "it is taken")

    drive(small, scenario, preferences=with_keys(sort__title="1", escape="f4"))


def test_details_and_help_close_with_the_keys_they_were_given(small: Path) -> None:
    async def scenario(driver: Driver) -> None:
        await driver.press("i")
        await driver.shows("f4 closes; e changes artist and title")
        await driver.press("i", "q", "escape", "e")
        await driver.shows("enter writes both")
        field = driver.app.screen.query_one("#edit-artist", Input)
        await driver.press("end", "w")
        await driver.until(lambda: field.value.endswith("w"), "it is typed")
        await driver.press("f4")
        await driver.hides("enter writes both")
        await driver.press("w")
        await no_box(driver)
        await driver.press("question_mark")
        await driver.shows("f4 closes, J and up scroll;")
        await driver.press("q", "question_mark", "J", "J")
        await driver.hides("Everywhere")
        await driver.press("w")
        await no_box(driver)

    keys = with_keys(
        details__close="w", help__close="w", escape="f4", list__down="J", list__up="up", crate__down="f9"
    )
    drive(small, scenario, preferences=keys)


def test_the_details_have_the_keys_of_lists(small: Path) -> None:
    async def scenario(driver: Driver) -> None:
        await driver.press("i")
        await driver.shows("Weiss · Evenings")
        await driver.press("G")
        await driver.hides("Weiss · Evenings")
        await driver.press("g")
        await driver.shows("Weiss · Evenings")
        await driver.press("enter")
        await no_box(driver)

    drive(small, scenario, size=(80, 16))


def test_a_question_is_answered_with_the_keys_that_are_shown(small: Path) -> None:
    answers: list[bool | None] = []

    async def scenario(driver: Driver) -> None:
        for key in ("s", "N"):
            driver.app.push_screen(
                Question("Sure?", "It is a question.", "Do it", "Leave it"), answers.append
            )
            await driver.shows("s  Do it")
            assert "N  Leave it" in driver.text
            await driver.press("y", "n", key)
            await no_box(driver)

    drive(small, scenario, preferences=with_keys(question__yes="s", question__no="N"))
    assert answers == [True, False]


def test_one_of_several_answers_is_given_with_the_keys_that_are_shown(small: Path) -> None:
    answers: list[str | None] = []
    link = [Answer("video", "Only the video"), Answer("list", "The whole playlist")]
    numbered = [Answer(name, name, numbered=True) for name in ("firefox", "chrome", "edge")]

    async def scenario(driver: Driver) -> None:
        async def answer(box: list[Answer], shows: str, *keys: str) -> None:
            driver.app.push_screen(Pick("Which?", "One of them.", box), answers.append)
            await driver.shows(shows)
            await driver.press(*keys)
            await no_box(driver)

        await answer(link, "?  The whole playlist", "p", "v", "question_mark")
        await answer(link, "f5  Only the video", "f6")
        await answer([*numbered, Answer("none", "no cookies")], "é  chrome", "1", "2", "é")
        await answer(numbered, "a  firefox", "a")
        await answer(numbered, "   edge", "3", "down", "down", "enter")
        await answer([*numbered, Answer("none", "no cookies")], "0  no cookies", "0")

    keys = with_keys(pick__video="f5,f6", pick__list="?", pick__number="a,é", pick__queue="A")
    drive(small, scenario, preferences=keys)
    assert answers == ["list", "video", "chrome", "firefox", "edge", "none"]


def test_what_works_in_boxes_too_is_bound_otherwise(small: Path) -> None:
    async def scenario(driver: Driver) -> None:
        app = driver.app
        await driver.press("ctrl+p")
        await driver.until(lambda: app.main.library.table.cursor == 1, "the key has become one of lists")
        await driver.press("ctrl+c")
        await driver.shows("Q quits")
        await driver.press("f3")
        await driver.shows("Any action, or words of a track")
        await driver.press("J", "escape", "f5")
        await no_box(driver)
        await driver.press("s", "ctrl+q")
        await driver.shows("Sort by")
        await driver.press("ctrl+x")
        await driver.until(lambda: app.leaving, "the app ends")

    keys = with_keys(
        list__down="ctrl+p",
        palette="f3",
        escape="f5",
        quit="Q",
        quit__always="ctrl+x",
    )
    drive(small, scenario, preferences=keys)


@pytest.mark.parametrize("opens", ["f", "F"])
def test_what_picks_from_the_disk_has_the_keys_of_lists_and_boxes(
    small: Path, tmp_path: Path, opens: str
) -> None:
    music = tmp_path / "music"
    for name in ("inner", ".hidden"):
        (music / name).mkdir(parents=True)

    async def scenario(driver: Driver) -> None:
        await driver.press(opens)
        await driver.shows("inner")
        await driver.press("full_stop", "escape", "h")
        await driver.shows(".hidden")
        await driver.press("G", "enter")
        await driver.hides(".hidden")
        await driver.press("u")
        await driver.shows(".hidden")
        await driver.press("f4")
        await no_box(driver)

    drive(
        small,
        scenario,
        music_dir=music,
        preferences=with_keys(disk__hidden="h", disk__up="u", escape="f4"),
    )
