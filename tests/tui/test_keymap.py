"""The registry of keys: no clashes, no gaps, and everything made from it."""

from __future__ import annotations

from pathlib import Path

import pytest
from textual.keys import _character_to_key
from textual.widgets import Input

from musicsim_tui.tui.key_names import known_key
from musicsim_tui.tui.keymap import (
    BY_ID,
    COMMANDS,
    FOOTERS,
    check_keymap,
    clashes,
    keys_of,
    main_key,
    markdown_table,
)
from musicsim_tui.tui.preferences import Preferences, load_preferences
from tests.tui.harness import Driver, drive


def test_no_two_commands_share_a_key_where_both_work() -> None:
    assert clashes({}) == []
    assert len(BY_ID) == len(COMMANDS)


def test_footers_name_commands_that_exist() -> None:
    assert {name for names in FOOTERS.values() for name in names} <= set(BY_ID)


def test_help_has_a_line_for_each_command_on_a_small_screen() -> None:
    assert [command.help for command in COMMANDS if len(command.help) > 52] == []


def test_every_command_stands_in_the_table_and_in_the_help(small: Path) -> None:
    table = markdown_table()
    assert all(f"| {command.help} |" in table for command in COMMANDS)

    async def scenario(driver: Driver) -> None:
        await driver.press("question_mark")
        await driver.shows("Everywhere")
        for command in COMMANDS:
            assert command.help in driver.text

    drive(small, scenario, size=(100, 170))


def test_help_scrolls_and_closes_on_a_small_screen(small: Path) -> None:
    async def scenario(driver: Driver) -> None:
        await driver.press("question_mark")
        await driver.shows("Everywhere")
        await driver.press("down", "j", "j")
        await driver.hides("Everywhere")
        await driver.press("escape")
        await driver.hides("escape closes")

    drive(small, scenario)


def test_the_readme_has_the_table_of_the_registry() -> None:
    readme = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")
    assert markdown_table() in readme


def test_keys_are_named_as_people_know_them() -> None:
    assert keys_of(BY_ID["list.down"], {}) == "j down"
    assert main_key(BY_ID["help"], {}) == "?"
    assert main_key(BY_ID["help"], {"help": "f1"}) == "f1"


def test_rebinding_that_cannot_work_is_left_out_and_told() -> None:
    keys, problems = check_keymap({"quit": "x", "nonsense": "y", "help": "f1"})
    assert keys == {"help": "f1"}
    assert any("nonsense" in problem for problem in problems)
    assert any("x cannot be both" in problem for problem in problems)


def test_a_field_takes_every_character_whatever_is_bound(small: Path) -> None:
    async def scenario(driver: Driver) -> None:
        await driver.press("slash")
        typed = "-a/b+c_d q1 ,.<>[]*?!=0xh"
        for char in typed:
            await driver.press(_character_to_key(char))
        assert driver.app.main.query_one("#filter", Input).value == typed
        assert driver.app.view_name == "library"

    drive(small, scenario, preferences=Preferences(keys={"help": "h", "mark": "b"}))


def test_a_rebound_key_works_and_is_shown(small: Path) -> None:
    async def scenario(driver: Driver) -> None:
        assert "f1 Help" in driver.lines[-1]
        await driver.press("question_mark")
        await driver.press("f1")
        await driver.shows("Everywhere")

    drive(small, scenario, preferences=Preferences(keys={"help": "f1"}))


@pytest.mark.parametrize(
    "key", ["blah blah", "[red]", "", "ctrl+", "++", "f99x", "hyper-x", "\x1b", "\ud800"]
)
def test_a_key_that_there_is_not_is_told_and_the_default_stays(key: str) -> None:
    keys, problems = check_keymap({"mark": f"b,{key}"})
    assert keys == {}
    assert problems == [f"mark cannot have the key {f'b,{key}'!r}: there is no such key."]


@pytest.mark.parametrize(
    ("written", "key"),
    [
        ("F1", "f1"),
        ("Ctrl+F", "ctrl+F"),
        ("shift+pgdn", "shift+pagedown"),
        ("é", "é"),
        ("%", "%"),
        ("alt+up , B", "alt+up,B"),
    ],
)
def test_a_key_is_known_as_people_write_it(written: str, key: str) -> None:
    assert check_keymap({"mark": written}) == ({"mark": key}, [])


def test_every_key_of_the_registry_can_be_written_in_the_configuration() -> None:
    keys = [key for command in COMMANDS for key in command.keys.split(",")]
    assert [known_key(key) for key in keys] == [key.strip() for key in keys]


def test_all_that_is_wrong_in_the_configuration_can_be_read(small: Path) -> None:
    wrong = Preferences(
        keys={"filter": "blah blah", "mark": "[red]"}, theme="no theme", problems=("ascii has to be true.",)
    )

    async def scenario(driver: Driver) -> None:
        await driver.shows("4 entries of config.toml are left out; ! tells why.")
        await driver.press("slash", "escape", "x")
        await driver.shows("1 marked")
        await driver.press("exclamation_mark")
        await driver.shows("mark cannot have the key '[red]': there is no such key.")
        for words in ("ascii has to be true.", "filter cannot have", "There is no theme 'no theme'"):
            assert words in driver.text
        await driver.press("escape", "exclamation_mark")
        await driver.shows("> Doctor")

    drive(small, scenario, preferences=wrong)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("[keys]\nhelp = 3\n", "The key of help"),
        ("keys = 3\n", "[keys]"),
        ("theme = 3\n", "theme"),
        ("ascii = 'yes'\n", "ascii"),
        ("not toml", "cannot be read"),
    ],
)
def test_preferences_that_make_no_sense_are_told(tmp_path: Path, text: str, problem: str) -> None:
    path = tmp_path / "config.toml"
    path.write_text(text, encoding="utf-8")
    preferences = load_preferences(path, {})
    assert problem in preferences.problems[0]
    assert dict(preferences.keys) == {}


def test_an_id_with_a_dot_needs_no_quotes(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_text('[keys]\n"crate.add" = "f2"\ncrates.new = "w"\nplay.stop = 3\n', encoding="utf-8")
    preferences = load_preferences(path, {})
    assert dict(preferences.keys) == {"crate.add": "f2", "crates.new": "w"}
    assert preferences.problems == (f"The key of play.stop in {path} has to be text such as 'ctrl+f'.",)


def test_preferences_are_read(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_text('theme = "nord"\nascii = true\n[keys]\nhelp = "f1"\n', encoding="utf-8")
    preferences = load_preferences(path, {"LANG": "en_GB.UTF-8"})
    assert (preferences.theme, preferences.ascii, dict(preferences.keys)) == ("nord", True, {"help": "f1"})
    assert load_preferences(tmp_path / "none", {"LANG": "C"}).ascii
    assert not load_preferences(tmp_path / "none", {"LANG": "en_GB.UTF-8"}).ascii


@pytest.mark.parametrize(
    ("environment", "plain"),
    [
        ({"LANG": "C"}, True),
        ({"LANG": "C", "LC_CTYPE": "C.UTF-8"}, True),
        ({"LANG": "POSIX", "LC_CTYPE": "C.UTF-8"}, True),
        ({"LC_ALL": "C", "LANG": "en_GB.UTF-8"}, True),
        ({"LC_CTYPE": "C", "LANG": "en_GB.UTF-8"}, True),
        ({"LANG": "en_GB.UTF-8", "TERM": "dumb"}, True),
        ({"LANG": "en_GB.UTF-8", "TERM": "linux"}, True),
        ({"LC_CTYPE": "C.UTF-8"}, False),
        ({"LANG": "C.UTF-8"}, False),
        ({"LANG": "C", "LC_CTYPE": "de_DE.UTF-8"}, False),
        ({"LC_ALL": "C.UTF-8", "LANG": "C"}, False),
        ({}, False),
    ],
)
def test_a_poor_terminal_is_drawn_on_with_ascii(
    tmp_path: Path, environment: dict[str, str], plain: bool
) -> None:
    assert load_preferences(tmp_path / "none", environment).ascii is plain


def test_an_ascii_screen_is_ascii(small: Path) -> None:
    async def scenario(driver: Driver) -> None:
        await driver.press("x", "i")
        await driver.shows("Loudness")
        assert driver.text.isascii(), [char for char in driver.text if not char.isascii()]
        await driver.press("escape", "enter")
        await driver.until(lambda: driver.app.main.search.table.rows.total > 0, "results are shown")
        assert driver.text.isascii(), [char for char in driver.text if not char.isascii()]

    drive(small, scenario, preferences=Preferences(ascii=True))
