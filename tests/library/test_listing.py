"""A listing gives the same rows as a page of it, whichever way it finds them, and ends when it is stale."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from musicsim_tui.errors import UsageError
from musicsim_tui.jobs import Cancelled, CancelToken
from musicsim_tui.library.catalog import Catalog
from musicsim_tui.library.query import parse_query
from musicsim_tui.track import Sound, Tags
from tests.library.samples import embedding, heard, track_id

TRACKS = 2_600
"""More than a glance looks at."""


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Catalog]:
    """Every hundredth track is rare, the last of every order have a word of their own."""
    same = embedding(1)
    with Catalog.open(tmp_path_factory.mktemp("large") / "library.db") as catalog:
        for first in range(0, TRACKS, 200):
            catalog.store(
                [
                    heard(
                        number,
                        tags=Tags(
                            f"{'rare' if number % 100 == 0 else 'usual'} {number:04}",
                            f"{'zz last' if number >= TRACKS - 400 else 'band'} {number % 7}",
                            "album",
                            1990 + number % 30,
                        ),
                        duration=60.0 + number,
                        sounds=(Sound("Piano" if number % 3 else "Organ", 0.5, 0.0),),
                        heard_as=same,
                    )
                    for number in range(first, first + 200)
                ]
            )
        yield catalog


@pytest.mark.parametrize("sort", ["artist", "title", "len", "year"])
@pytest.mark.parametrize("descending", [False, True])
@pytest.mark.parametrize(
    "text",
    [
        *("", "usual", "rare", "zz", "nothing", "sound:piano", "sound:organ rare", "len>2:00", "len>40:00"),
        *("year:1995", "-usual", "title:usual artist:band", "rare or zz", "missing:any", "len>10:00 or rare"),
    ],
)
def test_rows_are_those_of_a_page(large: Catalog, text: str, sort: str, descending: bool) -> None:
    query = parse_query(text)
    for offset, limit in ((0, 30), (1_900, 30), (2_590, 30)):
        page = large.tracks(query, sort=sort, descending=descending, limit=limit, offset=offset)
        listing = large.listing(query, sort=sort, descending=descending)
        found = listing.rows(offset, limit)
        assert found == list(page.rows)
        assert listing.known_total in (None, page.total)
        assert listing.total() == page.total
        assert listing.rows(offset, limit) == found


def test_what_fills_the_first_page_is_not_counted_for_it(large: Catalog) -> None:
    listing = large.listing(parse_query("usual"))
    assert len(listing.rows(0, 100)) == 100
    assert listing.known_total is None
    assert listing.total() == TRACKS - TRACKS // 100
    before = listing.rows(2_300, 50)
    listing.prepare()
    assert listing.rows(2_300, 50) == before


@pytest.mark.parametrize("text", ["rare 1", "title:rare 02", "zz 3", "sound:organ rare 1", "us len>2:00 -zz"])
def test_what_is_typed_on_narrows_what_was_found(large: Catalog, text: str) -> None:
    within = None
    for end in range(1, len(text) + 1):
        query = parse_query(text[:end], lenient=True)
        listing = large.listing(query, within=within)
        page = large.tracks(query, limit=30)
        assert listing.rows(0, 30) == list(page.rows)
        assert listing.total() == page.total
        listing.prepare()
        within = listing


@pytest.mark.parametrize(
    ("query", "other", "narrows"),
    [
        ("rare", "", True),
        ("rare", "ra", True),
        ("ra", "rare", False),
        ("rare zz", "zz", True),
        ("title:rare", "title:ra", True),
        ("title:rare", "artist:ra", False),
        ("title:rare", "rare", False),
        ("-rare", "-ra", False),
        ("rare or zz", "ra", False),
        ("missing:any rare", "rare", False),
        ("rare", "missing:yes", False),
        ("len>2:00 a", "len>2:00", True),
    ],
)
def test_only_what_surely_is_a_part_narrows(query: str, other: str, narrows: bool) -> None:
    assert parse_query(query).narrows(parse_query(other)) is narrows


def test_an_unknown_order_is_an_error(large: Catalog) -> None:
    with pytest.raises(UsageError, match="colour"):
        large.listing(None, sort="colour")


def test_a_stale_listing_ends(large: Catalog) -> None:
    token = CancelToken()
    token.cancel()
    listing = large.listing(parse_query("usual"))
    for call in (lambda: listing.total(token), lambda: listing.rows(0, 100, token)):
        with pytest.raises(Cancelled):
            call()
    assert listing.total() > 0


def test_a_statement_ends_in_its_middle(large: Catalog) -> None:
    token = CancelToken()
    endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT max(i) FROM n"

    def count_for_ever() -> None:
        with large._read(token) as db:
            token.cancel()
            db.execute(endless)

    with pytest.raises(Cancelled):
        count_for_ever()
    assert large.count() == TRACKS


def test_tracks_that_go_meanwhile_are_left_out(tmp_path: Path) -> None:
    with Catalog.open(tmp_path / "library.db") as catalog:
        catalog.store([heard(number) for number in range(1, 6)])
        listing = catalog.listing(parse_query("title"))
        assert listing.total() == 5
        catalog.delete_tracks([track_id(3)])
        assert [row.track.id for row in listing.rows(0, 10)] == [track_id(n) for n in (1, 2, 4, 5)]
