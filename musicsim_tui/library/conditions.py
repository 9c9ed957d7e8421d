"""What a query asks of a track, compiled to SQL. Text of the user only ever travels as a parameter.

Every condition speaks of a row `t` of the table `tracks` and is true or false, never null. It has two forms
with one meaning: the usual one finds all tracks soonest, the one for `few` rows looks at nothing but theirs.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeAlias

SqlValue: TypeAlias = str | int | float | bytes | None

# The separator between the parts of a sort key: the first part ends there.
_FIRST_PART_ENDS = "instr(t.{order}, char(31))"


@dataclass(frozen=True, slots=True)
class Sql:
    """An expression and the values of its question marks."""

    text: str
    values: tuple[SqlValue, ...] = ()


class Condition(Protocol):
    """Something that is true or false of a track."""

    def sql(self, *, few: bool = False) -> Sql: ...


@dataclass(frozen=True, slots=True)
class All:
    """Every part holds."""

    parts: tuple[Condition, ...]

    def sql(self, *, few: bool = False) -> Sql:
        return _join(" AND ", self.parts, few)


@dataclass(frozen=True, slots=True)
class AnyOf:
    """At least one part holds."""

    parts: tuple[Condition, ...]

    def sql(self, *, few: bool = False) -> Sql:
        return _join(" OR ", self.parts, few)


@dataclass(frozen=True, slots=True)
class Not:
    """The part does not hold."""

    part: Condition

    def sql(self, *, few: bool = False) -> Sql:
        inner = self.part.sql(few=few)
        return Sql(f"NOT ({inner.text})", inner.values)


@dataclass(frozen=True, slots=True)
class Words:
    """The folded text occurs in the title, the artist or the album."""

    folded: str

    def sql(self, *, few: bool = False) -> Sql:
        # Every sort key holds all texts; that of the artist is as good as any.
        return Sql("instr(t.artist_order, ?) > 0", (self.folded,))


@dataclass(frozen=True, slots=True)
class FieldHas:
    """The folded text occurs in one field: `title`, `artist` or `album`."""

    field: str
    folded: str

    def sql(self, *, few: bool = False) -> Sql:
        order = f"{self.field}_order"
        end = _FIRST_PART_ENDS.format(order=order)
        return Sql(f"instr(t.{order}, ?) BETWEEN 1 AND {end}", (self.folded,))


@dataclass(frozen=True, slots=True)
class FieldEmpty:
    """The files say nothing of a field: `title`, `artist` or `album`."""

    field: str

    def sql(self, *, few: bool = False) -> Sql:
        return Sql(f"t.{self.field} = ''")


@dataclass(frozen=True, slots=True)
class PathHas:
    """The folded text occurs in the path of one of the files that the track shows."""

    folded: str

    def sql(self, *, few: bool = False) -> Sql:
        if few:
            return Sql(
                "EXISTS (SELECT 1 FROM files AS f WHERE f.track = t.id AND instr(f.path_key, ?) > 0"
                " AND (f.missing = 0 OR t.missing = 1))",
                (self.folded,),
            )
        return Sql(
            "t.id IN (SELECT f.track FROM files AS f WHERE instr(f.path_key, ?) > 0"
            " AND (f.missing = 0 OR f.track IN (SELECT gone.id FROM tracks AS gone WHERE gone.missing = 1)))",
            (self.folded,),
        )


@dataclass(frozen=True, slots=True)
class Bounds:
    """An interval; None leaves an end open, `low_out` and `high_out` leave the end itself out."""

    low: float | None = None
    high: float | None = None
    low_out: bool = False
    high_out: bool = False

    def sql(self, column: str) -> Sql:
        texts = ["1"] if self.low is None and self.high is None else []
        values: list[SqlValue] = []
        if self.low is not None:
            texts.append(f"{column} {'>' if self.low_out else '>='} ?")
            values.append(self.low)
        if self.high is not None:
            texts.append(f"{column} {'<' if self.high_out else '<='} ?")
            values.append(self.high)
        return Sql(" AND ".join(texts), tuple(values))


@dataclass(frozen=True, slots=True)
class Between:
    """A number of the track lies in an interval: `duration`, `year_order` or `added`."""

    column: str
    bounds: Bounds

    def sql(self, *, few: bool = False) -> Sql:
        inner = self.bounds.sql(f"t.{self.column}")
        return Sql(f"({inner.text})", inner.values)


@dataclass(frozen=True, slots=True)
class SoundHeard:
    """A sound whose name holds the folded text was heard with a score in the interval."""

    folded: str
    score: Bounds

    def sql(self, *, few: bool = False) -> Sql:
        score = self.score.sql("s.score")
        if few:
            return Sql(
                "EXISTS (SELECT 1 FROM embeddings AS e CROSS JOIN sounds AS s ON s.embedding = e.id"
                " WHERE e.track = t.id AND s.label IN"
                f" (SELECT l.id FROM labels AS l WHERE instr(l.folded, ?) > 0) AND {score.text})",
                (self.folded, *score.values),
            )
        return Sql(
            "t.id IN (SELECT s.track FROM sounds AS s WHERE s.label IN"
            f" (SELECT l.id FROM labels AS l WHERE instr(l.folded, ?) > 0) AND {score.text})",
            (self.folded, *score.values),
        )


@dataclass(frozen=True, slots=True)
class Missing:
    """All files of the track are gone, or not; None where it does not matter."""

    missing: bool | None

    def sql(self, *, few: bool = False) -> Sql:
        return (
            Sql("1")
            if self.missing is None
            else Sql(f"{'+' if few else ''}t.missing = ?", (int(self.missing),))
        )


def walk(condition: Condition) -> Iterator[Condition]:
    """The condition and everything inside it."""
    yield condition
    if isinstance(condition, All | AnyOf):
        for part in condition.parts:
            yield from walk(part)
    elif isinstance(condition, Not):
        yield from walk(condition.part)


def _join(operator: str, parts: Sequence[Condition], few: bool) -> Sql:
    compiled = [part.sql(few=few) for part in parts]
    return Sql(
        "(" + operator.join(part.text for part in compiled) + ")",
        tuple(value for part in compiled for value in part.values),
    )
