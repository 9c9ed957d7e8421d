"""Where a table's rows come from: a list that is there, or pages that are fetched as they are looked at."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import Generic, Protocol, TypeVar

Row = TypeVar("Row")
Shown = TypeVar("Shown", covariant=True)

PAGE_ROWS = 100
_KEPT_PAGES = 64
_AHEAD = 2


class Rows(Protocol[Shown]):
    """The rows of a table. `row` gives None for one that is on its way."""

    @property
    def total(self) -> int: ...

    def row(self, index: int) -> Shown | None: ...

    def look(self, first: int, last: int) -> None:
        """Rows `first` to `last` are on the screen: make sure that they, and their neighbours, come."""


class ListedRows(Generic[Row]):
    """Rows that are all there."""

    def __init__(self, rows: Sequence[Row] = ()) -> None:
        self.rows = rows

    @property
    def total(self) -> int:
        return len(self.rows)

    def row(self, index: int) -> Row | None:
        return self.rows[index] if 0 <= index < len(self.rows) else None

    def look(self, first: int, last: int) -> None:
        """Nothing has to come."""


class PagedRows(Generic[Row]):
    """Rows fetched a page at a time, those on the screen first; memory holds a bounded number of pages.

    `fetch(page, arrived)` starts to fetch a page and later, on the same thread, calls `arrived` with its
    rows, or with None when it failed. One page is on its way at a time, so scrolling fast skips pages.
    `changed` is called when rows have come that are on the screen.
    """

    def __init__(
        self,
        total: int,
        fetch: Callable[[int, Callable[[Sequence[Row] | None], None]], None],
        changed: Callable[[], None],
    ) -> None:
        self._total = total
        self._fetch = fetch
        self._changed = changed
        self._pages: OrderedDict[int, Sequence[Row]] = OrderedDict()
        self._wanted: list[int] = []
        self._on_screen = range(0)
        self._ahead = False
        self._fetching: int | None = None

    @property
    def total(self) -> int:
        return self._total

    def set_total(self, total: int) -> None:
        """It has become known how many rows there are, or to be others."""
        self._total = total

    def fetch_ahead(self) -> None:
        """From now on, bring the pages around those on the screen as well."""
        self._ahead = True

    def put(self, page: int, rows: Sequence[Row]) -> None:
        """Take in a page that was fetched by other means."""
        self._pages[page] = rows
        self._pages.move_to_end(page)
        while len(self._pages) > _KEPT_PAGES:
            self._pages.popitem(last=False)

    def row(self, index: int) -> Row | None:
        page, place = divmod(index, PAGE_ROWS)
        rows = self._pages.get(page)
        return rows[place] if rows is not None and place < len(rows) else None

    def look(self, first: int, last: int) -> None:
        """Want the pages of these rows, then, once told to, those around them, nearest first."""
        if not self._total:
            return
        top, bottom = first // PAGE_ROWS, last // PAGE_ROWS
        self._on_screen = range(top, bottom + 1)
        order = list(self._on_screen)
        for step in range(1, _AHEAD + 1 if self._ahead else 1):
            order += [bottom + step, top - step]
        highest = (self._total - 1) // PAGE_ROWS
        for page in range(top, bottom + 1):
            if page in self._pages:
                self._pages.move_to_end(page)
        self._wanted = [page for page in order if 0 <= page <= highest and page not in self._pages]
        self._fetch_next()

    def _fetch_next(self) -> None:
        if self._fetching is not None or not self._wanted:
            return
        page = self._wanted.pop(0)
        self._fetching = page

        def arrived(rows: Sequence[Row] | None) -> None:
            self._fetching = None
            if rows is not None:
                self.put(page, rows)
                if page in self._on_screen:
                    self._changed()
            self._fetch_next()

        self._fetch(page, arrived)
