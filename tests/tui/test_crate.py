"""Gathering tracks from the app: into the crate, in an order, out again, and back."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from textual.widgets import Input

from musicsim_tui.errors import CatalogError
from musicsim_tui.library.catalog import Catalog
from musicsim_tui.library.crates import CrateChange
from musicsim_tui.track import TrackId
from musicsim_tui.tui import crate as crate_module
from musicsim_tui.tui.crate import put_back
from musicsim_tui.tui.preferences import Preferences
from musicsim_tui.tui.widgets.keyed_rows import KeyedRows
from tests.library.samples import track_id
from tests.tui.conftest import SMALL, compare
from tests.tui.harness import HOSTILE, Driver, Sample, drive, fill


def put(data_dir: Path, *numbers: int, name: str = "Crate") -> None:
    """Put tracks of the library into a crate, as another process does."""
    with Catalog.open(data_dir / "library.db") as catalog:
        catalog.crates.add(name, [track_id(number) for number in numbers])


def kept(data_dir: Path, name: str = "Crate") -> list[str]:
    """The titles in a crate, as another process finds them now."""
    with Catalog.open(data_dir / "library.db") as catalog:
        return [row.track.title for row in catalog.crates.tracks(name)]


def titles(driver: Driver) -> list[str]:
    """The titles in the crate, as they stand on the screen."""
    known = [sample.title for sample in SMALL]
    found = (next((title for title in known if title[:12] in line), "") for line in driver.lines[3:-2])
    return [title for title in found if title]


@pytest.mark.parametrize(("size", "name"), [((80, 24), "crate-80x24"), ((120, 40), "crate-120x40")])
def test_a_crate_as_it_is_drawn(small: Path, size: tuple[int, int], name: str) -> None:
    put(small, 4, 1, 5)

    async def scenario(driver: Driver) -> None:
        await driver.press("5")
        await driver.shows("Rain on the Roof")
        await driver.press("x", "j")
        await driver.until(lambda: "A Night" in driver.cursor_line, "the cursor stands on the second row")
        await driver.settled()
        compare(driver, name)

    drive(small, scenario, size=size)


def test_an_empty_crate_says_what_a_crate_is(small: Path) -> None:
    async def scenario(driver: Driver) -> None:
        await driver.shows("5 Crate 0")
        await driver.press("5")
        await driver.shows("A crate is a list of tracks that you gather while you listen")
        await driver.settled()
        compare(driver, "crate-empty-80x24")
        for key in ("J", "K", "D", "e", "i", "y", "x", "space", "enter", "slash", "a"):
            await driver.press(key)
        await driver.shows("There is no track here")
        assert driver.app.view_name == "crate"

    drive(small, scenario)


def test_tracks_are_put_in_from_every_list_and_saved_at_once(small: Path) -> None:
    async def scenario(driver: Driver) -> None:
        await driver.press("a")
        await driver.shows("1 track put into the crate Crate; 5 shows it")
        assert "5 Crate 1" in driver.lines[0]
        assert kept(small) == ["Nocturne in E flat"]
        await driver.press("x", "j", "x", "j", "x")
        await driver.shows("3 marked")
        await driver.press("a")
        await driver.shows("2 tracks put into the crate Crate; 1 there already")
        await driver.hides("marked")
        assert kept(small) == ["Nocturne in E flat", "Rain on the Roof", "A Night of Dizzy Spells"]
        await driver.press("a")
        await driver.shows("It is in the crate Crate already.")
        await driver.press("z")
        await driver.shows("3 marked")
        await driver.shows("5 Crate 1")
        assert kept(small) == ["Nocturne in E flat"]
        await driver.press("Z")
        await driver.shows("5 Crate 3")
        await driver.press("enter")
        await driver.shows("Moment")
        await driver.press("asterisk", "a")
        await driver.shows("5 Crate 6")
        await driver.press("3")
        assert "5 Crate 6" in driver.lines[0]

    async def again(driver: Driver) -> None:
        await driver.shows("5 Crate 6")

    drive(small, scenario)
    assert len(kept(small)) == 6
    drive(small, again)


def test_rows_are_moved_removed_and_put_back(small: Path) -> None:
    put(small, 1, 2, 3, 4)
    one, two, three, four = (SMALL[number].title for number in range(4))

    async def shows_order(driver: Driver, *order: str) -> None:
        await driver.until(lambda: titles(driver) == list(order), f"the order is {order}")

    async def scenario(driver: Driver) -> None:
        await driver.press("5")
        await shows_order(driver, one, two, three, four)
        await driver.press("J", "J")
        await shows_order(driver, two, three, one, four)
        assert one[:12] in driver.cursor_line
        await driver.press("K")
        await shows_order(driver, two, one, three, four)
        assert kept(small) == [two, one, three, four]
        await driver.press("j", "D")
        await driver.shows("1 track taken out of the crate Crate; z puts back. No file is touched.")
        await shows_order(driver, two, one, four)
        assert four in driver.cursor_line
        await driver.press("z")
        await shows_order(driver, two, one, three, four)
        await driver.press("g", "x", "j", "x", "D")
        await shows_order(driver, three, four)
        assert "●" not in driver.text
        for _ in range(6):
            await driver.press("z")
        await shows_order(driver, one, two, three, four)
        await driver.press("z")
        await driver.shows("There is nothing to undo.")
        await driver.press("Z")
        await driver.until(lambda: titles(driver)[0] == two, "a move is made again")

    drive(small, scenario)


def test_keys_in_a_burst_are_done_in_their_order(small: Path) -> None:
    put(small, 1, 2, 3, 4, 5, 6)
    expected = [SMALL[number].title for number in (1, 2, 3, 4, 5, 0)]

    async def scenario(driver: Driver) -> None:
        await driver.press("5")
        await driver.shows(SMALL[5].title)
        await driver.send("J", "J", "J", "J", "J", "J", "D", "z", "z", "Z")
        await driver.until(lambda: kept(small) == expected, "all of them were done")
        await driver.shows("Done again")
        await driver.until(lambda: titles(driver) == expected, "and are shown")

    assert drive(small, scenario).crate.unsaved is None


def test_what_others_do_to_the_crate_is_shown_and_survives_an_undo(small: Path) -> None:
    put(small, 1, 2)

    async def scenario(driver: Driver) -> None:
        await driver.press("5", "D")
        await driver.shows("5 Crate 1")
        put(small, 6)
        await driver.shows("Untitled")
        await driver.press("z")
        await driver.shows("5 Crate 3")
        assert kept(small) == [SMALL[0].title, SMALL[1].title, "Untitled"]
        with Catalog.open(small / "library.db") as catalog:
            catalog.delete_tracks([track_id(2)])
        await driver.hides("Chibi Ninja")

    drive(small, scenario)


def test_a_filter_shows_some_rows_with_their_places(small: Path) -> None:
    put(small, 1, 2, 3, 4, 5)

    async def scenario(driver: Driver) -> None:
        await driver.press("5", "slash")
        await driver.type("artist:weiss")
        await driver.shows("2 of 5")
        assert titles(driver) == ["Nocturne in E flat", "Rain on the Roof"]
        await driver.press("enter")
        await driver.until(lambda: "4  Nocturne" in driver.cursor_line, "the row has its place")
        await driver.press("J")
        await driver.shows("escape clears the filter; then rows can be moved.")
        await driver.press("asterisk", "D")
        await driver.shows("No track matches.")
        await driver.press("escape")
        await driver.until(lambda: len(titles(driver)) == 3, "the others are shown")
        await driver.press("slash")
        await driver.press(*"a!*c", "slash", "minus", "z")
        assert driver.app.main.crate.query_one("#crate-filter", Input).value == "a!*c/-z"
        await driver.press("escape", "escape")
        await driver.hides("/ ")
        await driver.press("enter")
        await driver.shows("like  ")

    drive(small, scenario)


def test_crates_are_made_picked_renamed_and_deleted(small: Path) -> None:
    put(small, 1, 2)

    async def scenario(driver: Driver) -> None:
        await driver.press("c")
        await driver.shows("─ Crates ─")
        await driver.press("n")
        await driver.type("night drive")
        await driver.press("enter")
        await driver.shows("a puts tracks into the crate night drive now.")
        assert "5 Crate 0" in driver.text
        await driver.press("j", "a")
        await driver.shows("5 Crate 1")
        assert len(kept(small, "night drive")) == 1
        await driver.press("5")
        await driver.shows("crate  night drive")
        assert "one of 2 crates: c picks" in driver.text
        await driver.press("c", "r")
        driver.app.screen.query_one("#crate-name", Input).value = "crate"
        await driver.press("enter")
        await driver.shows("There is a crate 'crate' already.")
        driver.app.screen.query_one("#crate-name", Input).value = "dawn"
        await driver.press("enter")
        await driver.shows("● dawn")
        await driver.press("k", "D")
        await driver.shows("Crate is deleted; z brings it back.")
        await driver.press("z")
        await driver.shows("2 tracks")
        await driver.press("k", "enter")
        await driver.shows("5 Crate 2")
        assert "crate  Crate" in driver.text
        await driver.press("c", "down", "enter")
        await driver.shows("crate  dawn")
        await driver.press("z", "z")
        await driver.shows("crate  night drive")

    async def again(driver: Driver) -> None:
        await driver.shows("crate  night drive")

    assert drive(small, scenario).crate.unsaved is None
    assert kept(small) == [SMALL[0].title, SMALL[1].title]
    drive(small, again)


def test_rows_are_clicked_and_keys_can_be_others(small: Path) -> None:
    put(small, 1, 2, 3)

    async def scenario(driver: Driver) -> None:
        await driver.pilot.click("#tabs", offset=(driver.lines[0].index("Crate"), 0))
        await driver.shows("Underclocked")
        await driver.pilot.click("#crate-tracks", offset=(12, 3))
        assert "Underclocked" in driver.cursor_line
        await driver.pilot.click("#keys", offset=(driver.lines[-1].index("Higher"), 0))
        await driver.until(lambda: kept(small)[1] == "Underclocked", "the row was moved")
        await driver.press("1", "f2")
        await driver.shows("5 Crate 4")
        await driver.press("5")
        await driver.pilot.click("#crate-tracks", offset=(12, 2), times=2)
        await driver.shows("like  Underclocked")

    drive(small, scenario, preferences=Preferences(keys={"crate.add": "f2"}))


def test_actions_are_in_the_palette(small: Path) -> None:
    async def scenario(driver: Driver) -> None:
        await driver.press("ctrl+p")
        await driver.type("in the crate")
        await driver.shows("Put this track")
        await driver.press("down", "enter")
        await driver.shows("5 Crate 1")

    drive(small, scenario)


def test_a_crate_that_cannot_be_read_says_so_and_is_read_again(
    small: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(small, 1)
    real = crate_module.read_crate

    def broken(*_: object) -> None:
        raise CatalogError("The disk is [/gone].", "Connect it.")

    monkeypatch.setattr(crate_module, "read_crate", broken)

    async def scenario(driver: Driver) -> None:
        await driver.press("5")
        await driver.shows("The disk is [/gone].")
        assert "5 tries again" in driver.text
        monkeypatch.setattr(crate_module, "read_crate", real)
        await driver.press("5")
        await driver.shows("A Night of Dizzy")

    drive(small, scenario)


@pytest.mark.parametrize("size", [(80, 24), (40, 10)])
def test_hostile_titles_and_names_are_shown_as_they_are(tmp_path: Path, size: tuple[int, int]) -> None:
    fill(tmp_path, [Sample(title, title, title, None, 60, (title or "Piano",)) for title in HOSTILE])
    names = [name[:80] for name in HOSTILE if name]
    with Catalog.open(tmp_path / "library.db") as catalog:
        for name in names:
            catalog.crates.create(name)

    async def scenario(driver: Driver) -> None:
        await driver.press("asterisk", "a")
        await driver.until(lambda: driver.app.crate.size == len(HOSTILE), "all are in the crate")
        await driver.press("5", "J", "K", "x", "i", "escape", "e", "escape", "D", "z", "c")
        await driver.shows("Crates")
        for _ in names:
            await driver.press("down")
        await driver.press("enter", "c", "r", "enter", "escape")
        assert "\x1b" not in driver.text
        assert "\u202e" not in driver.text

    drive(tmp_path, scenario, size=size)


def test_an_ascii_crate_is_ascii(small: Path) -> None:
    put(small, 1, 2)

    async def scenario(driver: Driver) -> None:
        for keys in (["5", "x"], ["c"], ["escape", "e"], ["escape", "exclamation_mark"], ["tab"]):
            await driver.press(*keys)
            await driver.settled()
            assert driver.text.isascii(), [char for char in driver.text if not char.isascii()]

    drive(small, scenario, preferences=Preferences(ascii=True))


@given(st.data())
def test_an_undo_takes_back_its_own_change_only(data: st.DataObject) -> None:
    tracks = [track_id(number) for number in range(1, 9)]
    before, after, present = (
        data.draw(st.lists(st.sampled_from(tracks), unique=True), label=name)
        for name in ("before", "after", "present")
    )

    class Kept:
        """A crate without a catalog."""

        def track_ids(self, _name: str) -> tuple[TrackId, ...]:
            return tuple(present)

        def put(self, name: str, ids: list[TrackId]) -> CrateChange:
            return CrateChange(name, tuple(present), tuple(ids))

    change = CrateChange("Crate", tuple(before), tuple(after))
    result = put_back(Kept(), change).after  # type: ignore[arg-type]
    assert len(set(result)) == len(result)
    came, left = set(present) - set(after), set(after) - set(present)
    assert set(result) == (set(before) - left) | came
    if present == after:
        assert list(result) == before


def test_rows_of_a_large_list_come_as_they_are_looked_at() -> None:
    asked: list[list[int]] = []
    arrive: list[Callable[[dict[int, str] | None], None]] = []

    def fetch(keys: Sequence[int], arrived: Callable[[dict[int, str] | None], None]) -> None:
        asked.append(list(keys))
        arrive.append(arrived)

    rows: KeyedRows[int, str] = KeyedRows(fetch, lambda: None)
    rows.set_keys(range(100_000))
    rows.look(0, 20)
    rows.look(50_000, 50_020)
    assert len(asked) == 1
    arrive[-1]({key: str(key) for key in asked[-1]})
    assert asked[-1][0] > 49_000
    arrive[-1]({key: str(key) for key in asked[-1]})
    placed = rows.row(50_010)
    assert placed is not None
    assert (placed.place, placed.row) == (50_011, "50010")
    rows.set_keys(list(reversed(range(100_000))))
    rows.look(49_980, 49_990)
    assert len(asked) == 2
    rows.refetch()
    rows.look(49_980, 49_990)
    assert len(asked) == 3
    arrive[-1](None)
    assert rows.row(49_985) is not None
    assert rows.row(100_000) is None
