from __future__ import annotations

import os
from pathlib import Path

from musicsim_tui.library.catalog import Catalog
from musicsim_tui.library.records import Root
from tests.library.samples import Clock


def test_a_root_is_remembered_once_with_its_latest_excludes(catalog: Catalog, clock: Clock) -> None:
    added = clock.now
    catalog.add_root(Path("/music"), ["*.wav"])
    clock.now += 100
    catalog.add_root(Path("/music"), ["*.ogg", "Live"])
    assert catalog.roots() == [Root(Path("/music"), ("*.ogg", "Live"), added, None)]


def test_excludes_change_only_when_they_are_given(catalog: Catalog) -> None:
    catalog.add_root(Path("/music"), ["*.wav"])
    catalog.add_root(Path("/music"))
    assert catalog.roots()[0].excludes == ("*.wav",)
    catalog.add_root(Path("/music"), ())
    assert catalog.roots()[0].excludes == ()


def test_a_scan_is_noted(catalog: Catalog) -> None:
    catalog.add_root(Path("/music"))
    catalog.mark_scanned(Path("/music"), 1_900_000_000.5)
    assert catalog.roots()[0].scanned == 1_900_000_000.5


def test_adding_again_keeps_the_scan(catalog: Catalog) -> None:
    catalog.add_root(Path("/music"))
    catalog.mark_scanned(Path("/music"), 5.0)
    catalog.add_root(Path("/music"))
    assert catalog.roots()[0].scanned == 5.0


def test_a_path_below_a_root_is_covered_by_it(catalog: Catalog) -> None:
    catalog.add_root(Path("/music"))
    catalog.add_root(Path("/music/jazz"))
    catalog.add_root(Path("/musical"))
    assert [root.path for root in catalog.roots()] == [Path("/music"), Path("/musical")]


def test_a_path_that_excludes_may_leave_out_gets_its_own_entry(catalog: Catalog) -> None:
    catalog.add_root(Path("/music"), ["jazz"])
    catalog.add_root(Path("/music/jazz"))
    assert [root.path for root in catalog.roots()] == [Path("/music"), Path("/music/jazz")]


def test_a_path_with_excludes_of_its_own_gets_its_own_entry(catalog: Catalog) -> None:
    catalog.add_root(Path("/music"))
    catalog.add_root(Path("/music/jazz"), ["*.tmp"])
    assert len(catalog.roots()) == 2


def test_a_folder_added_above_keeps_the_roots_below(catalog: Catalog) -> None:
    catalog.add_root(Path("/music/usb"))
    catalog.add_root(Path("/music"))
    assert [root.path for root in catalog.roots()] == [Path("/music"), Path("/music/usb")]


def test_a_root_whose_name_is_no_text(catalog: Catalog) -> None:
    path = Path(os.fsdecode(b"/music/\xff\xfe"))
    catalog.add_root(path)
    assert [root.path for root in catalog.roots()] == [path]
    assert catalog.forget_root(path)
    assert not catalog.forget_root(path)
    assert catalog.roots() == []


def test_settings_are_kept_changed_and_removed(catalog: Catalog) -> None:
    assert catalog.get_meta("model") is None
    catalog.set_meta("model", "mn04")
    catalog.set_meta("model", "cnn14 ')--")
    assert catalog.get_meta("model") == "cnn14 ')--"
    catalog.set_meta("model", None)
    assert catalog.get_meta("model") is None
