"""The table and its parts, without an app around them where that will do."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from musicsim_tui.tui.glyphs import ASCII, UNICODE
from musicsim_tui.tui.text import fit, shown
from musicsim_tui.tui.widgets.columns import GAP, Column, lay_out
from musicsim_tui.tui.widgets.rows import PAGE_ROWS, PagedRows
from musicsim_tui.tui.widgets.waveform import outline, reduce_peaks


@given(st.text(), st.integers(0, 60), st.booleans())
def test_text_takes_exactly_its_cells(text: str, width: int, right: bool) -> None:
    assert cell_len(fit(shown(text), width, right=right)) == width


@given(st.text())
def test_shown_text_is_one_line_without_controls(text: str) -> None:
    line = shown(text)
    assert "\n" not in line
    assert "\x1b" not in line
    assert len(line.splitlines()) <= 1


def _columns() -> list[Column[str]]:
    return [
        Column("title", "Title", str, 18, 70, 4, 0),
        Column("artist", "Artist", str, 14, 44, 3, 1),
        Column("len", "Len", str, 7, 7, 0, 2),
        Column("sounds", "Sounds", str, 18, 60, 3, 3),
        Column("added", "Added", str, 10, 10, 0, 4),
    ]


@given(st.integers(18, 400))
def test_columns_never_take_more_than_there_is(width: int) -> None:
    layout = lay_out(_columns(), width)
    assert sum(cells for _, cells in layout) + GAP * (len(layout) - 1) <= width
    assert all(column.least <= cells <= column.most for column, cells in layout)


def test_columns_appear_as_there_is_room() -> None:
    names = {
        width: [column.id for column, _ in lay_out(_columns(), width)] for width in (10, 40, 60, 70, 120)
    }
    assert names[10] == ["title"]
    assert names[40] == ["title", "artist"]
    assert names[60] == ["title", "artist", "len"]
    assert names[70] == ["title", "artist", "len", "sounds"]
    assert names[120] == ["title", "artist", "len", "sounds", "added"]


class _Source:
    """Pages that come when they are told to."""

    def __init__(self, total: int) -> None:
        self.asked: list[int] = []
        self.changes = 0
        self._arrive: Callable[[Sequence[int] | None], None] | None = None
        self.rows: PagedRows[int] = PagedRows(total, self._fetch, self._changed)

    def _fetch(self, page: int, arrived: Callable[[Sequence[int] | None], None]) -> None:
        self.asked.append(page)
        self._arrive = arrived

    def _changed(self) -> None:
        self.changes += 1

    def arrive(self, *, failed: bool = False) -> None:
        assert self._arrive is not None
        arrive, self._arrive = self._arrive, None
        first = self.asked[-1] * PAGE_ROWS
        arrive(None if failed else range(first, min(first + PAGE_ROWS, self.rows.total)))


def test_pages_come_one_at_a_time_those_on_the_screen_first() -> None:
    source = _Source(1_000 * PAGE_ROWS)
    fifth, far = 5 * PAGE_ROWS, 450 * PAGE_ROWS
    source.rows.look(fifth, fifth + 20)
    assert source.asked == [5]
    assert source.rows.row(fifth) is None
    source.arrive()
    assert source.rows.row(fifth) == fifth
    assert source.asked == [5]
    source.rows.fetch_ahead()
    source.rows.look(fifth, fifth + 20)
    source.rows.look(far, far + 20)
    source.arrive()
    assert source.asked == [5, 6, 450]
    assert source.changes == 1
    source.arrive()
    assert source.rows.row(far + 10) == far + 10
    assert source.changes == 2


def test_a_page_that_fails_is_asked_for_again_when_it_is_looked_at() -> None:
    source = _Source(50)
    source.rows.look(0, 20)
    source.arrive(failed=True)
    assert source.changes == 0
    source.rows.look(0, 20)
    source.arrive()
    assert source.rows.row(49) == 49
    assert source.rows.row(50) is None


def test_rows_that_come_before_their_number_go_on_when_it_is_known() -> None:
    source = _Source(PAGE_ROWS)
    source.rows.put(0, range(PAGE_ROWS))
    source.rows.fetch_ahead()
    source.rows.look(PAGE_ROWS - 20, PAGE_ROWS - 1)
    assert source.asked == []
    source.rows.set_total(3 * PAGE_ROWS)
    source.rows.look(PAGE_ROWS - 20, PAGE_ROWS - 1)
    assert source.asked == [1]


def test_memory_holds_a_bounded_number_of_pages() -> None:
    source = _Source(1_000_000)
    for page in range(200):
        source.rows.put(page, range(page * PAGE_ROWS, (page + 1) * PAGE_ROWS))
    kept = [page for page in range(200) if source.rows.row(page * PAGE_ROWS) is not None]
    assert kept == list(range(136, 200))


@given(st.binary(max_size=300), st.integers(1, 100))
def test_a_waveform_keeps_its_peaks_at_every_width(peaks: bytes, width: int) -> None:
    reduced = reduce_peaks(peaks, width)
    assert len(reduced) == width
    assert max(reduced) == max(peaks, default=0)
    for glyphs in (UNICODE, ASCII):
        lines = outline(peaks, width, 3, glyphs)
        assert [len(line) for line in lines] == [width] * 3


@given(st.floats(-1, 2), st.integers(1, 40))
def test_bars_stay_in_their_cells(share: float, width: int) -> None:
    for glyphs in (UNICODE, ASCII):
        assert len(glyphs.bar(share, width)) <= width
    assert UNICODE.bar(1, width) == "█" * width
    assert UNICODE.bar(0, width) == ""
