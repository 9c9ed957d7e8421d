from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from musicsim_tui.errors import UnmetRequest, UsageError
from musicsim_tui.library.catalog import Catalog
from musicsim_tui.library.crates import LONGEST_NAME, Crate, CrateChange
from musicsim_tui.library.schema import MIGRATIONS
from musicsim_tui.track import TrackId
from tests.library.samples import Clock, heard, record, track_id
from tests.library.test_schema import connected, version

NUMBERS = range(1, 7)


def ids(*numbers: int) -> tuple[TrackId, ...]:
    return tuple(map(track_id, numbers))


@pytest.fixture
def stocked(catalog: Catalog) -> Catalog:
    """A catalog with six tracks of a hundred seconds each."""
    catalog.store([heard(number, duration=100.0) for number in NUMBERS])
    return catalog


def test_a_crate_is_made_by_the_first_track(stocked: Catalog, clock: Clock) -> None:
    assert stocked.crates.all() == []
    change = stocked.crates.add("Night drive", ids(3, 1))
    assert change == CrateChange("Night drive", (), ids(3, 1))
    assert stocked.crates.all() == [Crate("Night drive", 2, 200.0, clock.now)]
    assert stocked.crates.track_ids("Night drive") == ids(3, 1)


def test_no_track_is_in_a_crate_twice(stocked: Catalog) -> None:
    stocked.crates.add("x", ids(1, 2, 1))
    change = stocked.crates.add("x", ids(2, 3))
    assert change == CrateChange("x", ids(1, 2), ids(1, 2, 3))


@pytest.mark.parametrize(
    ("position", "expected"),
    [(0, ids(4, 1, 2, 3)), (2, ids(1, 2, 4, 3)), (99, ids(1, 2, 3, 4)), (-5, ids(4, 1, 2, 3))],
)
def test_tracks_are_added_where_one_wants_them(
    stocked: Catalog, position: int, expected: tuple[TrackId, ...]
) -> None:
    stocked.crates.add("x", ids(1, 2, 3))
    assert stocked.crates.add("x", ids(4), position).after == expected


def test_unknown_tracks_are_left_out(stocked: Catalog) -> None:
    assert stocked.crates.add("x", ids(77, 2)).after == ids(2)
    assert stocked.crates.put("x", ids(5, 88, 4)).after == ids(5, 4)


def test_tracks_are_removed(stocked: Catalog) -> None:
    stocked.crates.add("x", ids(1, 2, 3))
    assert stocked.crates.remove("x", ids(2, 6)) == CrateChange("x", ids(1, 2, 3), ids(1, 3))
    assert stocked.crates.track_ids("x") == ids(1, 3)


@pytest.mark.parametrize(
    ("moved", "position", "expected"),
    [
        ((1,), 1, (2, 1, 3, 4)),
        ((4,), 0, (4, 1, 2, 3)),
        ((1, 3), 9, (2, 4, 1, 3)),
        ((3, 2), 0, (2, 3, 1, 4)),
        ((2,), -1, (2, 1, 3, 4)),
        ((), 2, (1, 2, 3, 4)),
        ((6,), 0, (1, 2, 3, 4)),
    ],
)
def test_tracks_are_moved(
    stocked: Catalog, moved: tuple[int, ...], position: int, expected: tuple[int, ...]
) -> None:
    stocked.crates.put("x", ids(1, 2, 3, 4))
    stocked.crates.move("x", ids(*moved), position)
    assert stocked.crates.track_ids("x") == ids(*expected)


def test_everything_can_be_undone_and_redone(stocked: Catalog) -> None:
    crates = stocked.crates
    crates.add("x", ids(1, 2, 3))
    for change in (
        crates.add("x", ids(4, 5), 1),
        crates.remove("x", ids(1, 4)),
        crates.move("x", ids(3), 0),
        crates.delete("x"),
    ):
        crates.put(change.name, change.before)
        assert crates.track_ids("x") == change.before
        crates.put(change.name, change.after)
        assert crates.track_ids("x") == change.after


def test_crates_are_on_the_disk_at_once(stocked: Catalog) -> None:
    stocked.crates.add("x", ids(2, 1))
    with Catalog.open(stocked.path) as other:
        assert other.crates.track_ids("x") == ids(2, 1)


def test_names_are_compared_as_people_do_and_kept_as_typed(stocked: Catalog) -> None:
    assert stocked.crates.create("  Été   2026 ") == "Été 2026"
    stocked.crates.add("ete 2026", ids(1))
    assert [crate.name for crate in stocked.crates.all()] == ["Été 2026"]
    with pytest.raises(UnmetRequest, match="already"):
        stocked.crates.create("ÉTÉ 2026")


def test_renaming(stocked: Catalog) -> None:
    stocked.crates.add("one", ids(1))
    stocked.crates.create("two")
    assert stocked.crates.rename("one", "ONE") == "ONE"
    with pytest.raises(UnmetRequest, match="already"):
        stocked.crates.rename("one", "Two")
    assert stocked.crates.rename("one", "three") == "three"
    assert stocked.crates.track_ids("three") == ids(1)
    with pytest.raises(UnmetRequest, match="no crate"):
        stocked.crates.track_ids("one")


def test_deleting_leaves_the_tracks(stocked: Catalog) -> None:
    stocked.crates.add("x", ids(1, 2))
    assert stocked.crates.delete("X") == CrateChange("x", ids(1, 2), ())
    assert stocked.crates.all() == []
    assert stocked.count() == len(NUMBERS)


def test_an_unknown_crate_is_named_with_the_nearest(stocked: Catalog) -> None:
    stocked.crates.create("Night drive")
    with pytest.raises(UnmetRequest, match="Nigth drive") as refused:
        stocked.crates.track_ids("Nigth drive")
    assert "'Night drive'" in refused.value.hint
    for call in (stocked.crates.delete, stocked.crates.tracks):
        with pytest.raises(UnmetRequest):
            call("zzz")


@pytest.mark.parametrize("name", ["", "   ", "\n\x1b", "x" * (LONGEST_NAME + 1)])
def test_names_that_are_none(stocked: Catalog, name: str) -> None:
    with pytest.raises(UsageError):
        stocked.crates.create(name)
    with pytest.raises(UsageError):
        stocked.crates.add(name, ids(1))
    assert stocked.crates.all() == []


def test_a_deleted_track_leaves_its_crates(stocked: Catalog) -> None:
    stocked.crates.add("x", ids(1, 2, 3))
    stocked.delete_tracks([track_id(2)])
    assert stocked.crates.track_ids("x") == ids(1, 3)
    assert stocked.crates.add("x", ids(4)).after == ids(1, 3, 4)


def test_rows_come_in_the_order_of_the_crate_missing_ones_too(stocked: Catalog) -> None:
    stocked.crates.add("x", ids(3, 1))
    stocked.mark_missing([record(3).path])
    rows = stocked.crates.tracks("x")
    assert [(row.track.title, row.track.missing) for row in rows] == [("Title 3", True), ("Title 1", False)]


def test_an_older_catalog_gets_crates_and_keeps_its_tracks(tmp_path: Path) -> None:
    path = tmp_path / "library.db"
    with Catalog.open(path) as catalog:
        catalog.store([heard(1)])
    with connected(path) as db:
        for table in ("queue", "entries", "sources", "playlists", "crate_tracks", "crates"):
            db.execute(f"DROP TABLE {table}")
        db.execute("ALTER TABLE pending DROP COLUMN refused")
        db.execute("PRAGMA user_version = 1")
    with Catalog.open(path) as catalog:
        assert catalog.crates.all() == []
        assert catalog.crates.add("x", ids(1)).after == ids(1)
    assert version(path)[0] == len(MIGRATIONS)


@given(
    steps=st.lists(
        st.tuples(
            st.sampled_from(["add", "remove", "move", "put"]),
            st.lists(st.integers(1, 9), max_size=5),
            st.integers(-2, 12),
        ),
        max_size=12,
    )
)
@settings(deadline=None, max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_crate_behaves_like_a_list_without_repetition(
    stocked: Catalog, steps: list[tuple[str, list[int], int]]
) -> None:
    model: list[int] = []
    crates = stocked.crates
    crates.put("model", ())
    for action, numbers, position in steps:
        known = [number for number in dict.fromkeys(numbers) if number in NUMBERS]
        if action == "add":
            crates.add("model", ids(*numbers), position)
            place = max(0, position)
            model[place:place] = [number for number in known if number not in model]
        elif action == "remove":
            crates.remove("model", ids(*numbers))
            model = [number for number in model if number not in known]
        elif action == "move":
            crates.move("model", ids(*numbers), position)
            block = [number for number in model if number in known]
            model = [number for number in model if number not in known]
            place = max(0, position)
            model[place:place] = block
        else:
            crates.put("model", ids(*numbers))
            model = known
        assert crates.track_ids("model") == ids(*model)


@given(name=st.text(max_size=150))
@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_name_is_kept_on_one_line_or_refused(stocked: Catalog, name: str) -> None:
    try:
        kept = stocked.crates.create(name)
    except UsageError:
        assert stocked.crates.all() == []
        return
    assert len(kept.splitlines()) == 1
    assert [crate.name for crate in stocked.crates.all()] == [kept]
    stocked.crates.delete(name)
