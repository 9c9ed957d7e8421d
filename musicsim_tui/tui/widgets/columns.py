"""Columns of a table: which fit into a width, and how wide each is."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

Row = TypeVar("Row")

GAP = 2
"""Cells between columns."""


@dataclass(frozen=True, slots=True)
class Column(Generic[Row]):
    """A column. `least` cells it needs, `most` it can use, of what is left it takes a share by `weight`.

    Columns of a low `rank` appear first, those of a high one when there is room. `tone` is how strongly the
    text is drawn: `strong`, `plain` or `faint`. `cell` gives the text of a row, fit to be shown.
    """

    id: str
    heading: str
    cell: Callable[[Row], str]
    least: int
    most: int
    weight: int = 0
    rank: int = 0
    right: bool = False
    tone: str = "plain"


def lay_out(columns: Sequence[Column[Row]], width: int) -> list[tuple[Column[Row], int]]:
    """The columns that fit into `width` cells, in their own order, each with its cells.

    Never wider than `width`, unless the most important column alone is.
    """
    chosen: list[Column[Row]] = []
    for column in sorted(columns, key=lambda column: column.rank):
        wider = [*chosen, column]
        if chosen and _needed(wider) > width:
            break
        chosen = wider
    shown = [column for column in columns if column in chosen]
    cells = {column.id: column.least for column in shown}
    left = width - _needed(shown)
    while left > 0:
        growing = [column for column in shown if column.weight and cells[column.id] < column.most]
        total = sum(column.weight for column in growing)
        if not total:
            break
        given = 0
        for column in growing:
            share = min(max(1, left * column.weight // total), column.most - cells[column.id], left - given)
            cells[column.id] += share
            given += share
        left -= given
    return [(column, cells[column.id]) for column in shown]


def _needed(columns: Sequence[Column[Row]]) -> int:
    return sum(column.least for column in columns) + GAP * max(0, len(columns) - 1)
