"""The language of `--where` and of the filter line.

skiff night              both words occur in title, artist or album, whatever their case and accents
"night of"               the words in this order
artist:skiff             also title: album: path:  -  artist:"eric skiff", and artist:"" for the untagged
sound:piano              the network heard it; sound:piano>0.3 with at least that probability
len>2:00  len<=90        also len:2:00..3:30, len:2m30s
year>=1990               also year:1990..1999, year:1990s
added<7d                 within the last seven days; added>7d longer ago; added:2026-11, added>=2026-11-01
missing:yes              tracks whose files are all gone; missing:any for all; unsaid, those that are there
-live  !live             not; a or b; parentheses
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from difflib import get_close_matches

from musicsim_tui.errors import UsageError
from musicsim_tui.library import query_values as values
from musicsim_tui.library.conditions import (
    All,
    AnyOf,
    Between,
    Bounds,
    Condition,
    FieldEmpty,
    FieldHas,
    Missing,
    Not,
    PathHas,
    SoundHeard,
    Sql,
    Words,
    walk,
)
from musicsim_tui.library.folding import fold, without_surrogates

FIELDS = ("artist", "title", "album", "sound", "len", "year", "added", "missing", "path")

_EXAMPLES = {
    "artist": 'artist:"eric skiff"',
    "title": "title:night",
    "album": "album:resistor",
    "sound": "sound:piano or sound:piano>0.3",
    "len": "len>2:00, len<=90 or len:2:00..3:30",
    "year": "year>=1990 or year:1990..1999",
    "added": "added<7d, added:2026-11 or added>=2026-11-01",
    "missing": "missing:yes, missing:no or missing:any",
    "path": "path:albums",
}
_COMPARED = frozenset({"len", "year", "added"})
_DEEPEST = 40
_MOST_TERMS = 200

_FIELD = re.compile(r"([A-Za-z_]+)((?::|=)|(?:\s*(?:<=|>=|<|>)))\s*")
_MISWRITTEN = re.compile(r"([A-Za-z_]+)\s*(!=|(?<=\s)[:=])\s*")
_BARE = re.compile(r"[^\s()]+")
_QUOTED = re.compile(r'"((?:[^"\\]|\\.)*)"', re.DOTALL)
_ESCAPED = re.compile(r'\\(["\\])')
_LABEL = re.compile(r"[^\s()<>]+")
_SCORE = re.compile(r"\s*(<=|>=|<|>)\s*([^\s()]*)")
_DASHES = re.compile(r"[-\u2010-\u2015]+")


@dataclass(frozen=True, slots=True)
class Query:
    """A parsed query; equal queries ask for the same tracks."""

    condition: Condition | None

    @property
    def sounds(self) -> tuple[str, ...]:
        """The folded texts that names of sounds are to hold: what it asks of a network."""
        if self.condition is None:
            return ()
        return tuple(part.folded for part in walk(self.condition) if isinstance(part, SoundHeard))

    @property
    def speaks_of_missing(self) -> bool:
        """Whether the query itself says what to do with tracks whose files are gone."""
        return self.condition is not None and any(isinstance(c, Missing) for c in walk(self.condition))

    def bounds(self, column: str) -> bool:
        """Whether all it asks for lie within given ends: of `duration`, `year_order` or `added`."""
        return any(isinstance(part, Between) and part.column == column for part in self._parts)

    @property
    def is_covered(self) -> bool:
        """Whether an index holds the columns that each part asks about: a number, `missing`, the sort key of
        the artist, in which all words stand."""
        return bool(self._parts) and all(
            isinstance(part, Between | Words)
            or (isinstance(part, FieldHas) and part.field == "artist")
            or part == Missing(True)
            for part in self._parts
        )

    @property
    def is_streamed(self) -> bool:
        """Whether the first of its tracks come before all are known: SQLite first lists those that hold a
        sound or a path in full."""
        return self.condition is None or not any(
            isinstance(part, SoundHeard | PathHas) for part in walk(self.condition)
        )

    def narrows(self, other: Query) -> bool:
        """Whether this surely asks for no track that the other does not ask for: more was typed."""
        if self.speaks_of_missing or other.speaks_of_missing:
            return self == other
        return all(any(_implies(part, wider) for part in self._parts) for wider in other._parts)

    @property
    def _parts(self) -> tuple[Condition, ...]:
        """All of these hold."""
        if self.condition is None:
            return ()
        return self.condition.parts if isinstance(self.condition, All) else (self.condition,)

    def sql(self, *, few: bool = False) -> Sql:
        """An expression on the row `t` of `tracks`; leaves out the missing unless asked for.

        `few` asks for the form that is quick when only a few rows are to be judged.
        """
        condition = Sql("1") if self.condition is None else self.condition.sql(few=few)
        if self.speaks_of_missing:
            return condition
        # The plus keeps SQLite from walking all that are present in order to judge a few.
        present = "+t.missing = 0" if few else "t.missing = 0"
        return Sql(f"{present} AND {condition.text}", condition.values)


def _implies(part: Condition, wider: Condition) -> bool:
    """Whether a track that meets the one surely meets the other."""
    if part == wider:
        return True
    if isinstance(part, Words) and isinstance(wider, Words):
        return wider.folded in part.folded
    if isinstance(part, FieldHas) and isinstance(wider, FieldHas):
        return part.field == wider.field and wider.folded in part.folded
    return False


def quote(text: str) -> str:
    """`text` as one value of the language, whatever is in it."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def parse_query(text: str, *, now: datetime | None = None, lenient: bool = False) -> Query:
    """Read a query. `now` is what ages and dates refer to, and in whose time zone (default: local time).

    With `lenient`, for use while the query is typed, a last term that is not finished yet is left out, and
    parentheses that are still open are closed.

    Raises UsageError, which names the part that cannot be read and where it stands.
    """
    text = without_surrogates(text)
    return Query(_Parser(text, now or datetime.now(), lenient).parse())


class _Unfinished(Exception):
    """The text ends inside a term, and that is no error."""


class _Parser:
    """Recursive descent: any = all ("or" all)*; all = (["-"] (term | "(" any ")"))*."""

    def __init__(self, text: str, now: datetime, lenient: bool) -> None:
        self._text = text
        self._now = now
        self._lenient = lenient
        self._at = 0
        self._previous = ""
        self._depth = 0
        self._terms = 0

    def parse(self) -> Condition | None:
        condition = self._any()
        if self._at < len(self._text):
            raise self._error(")", "It closes a parenthesis that is not open.", "quote it to search for it")
        return condition

    def _any(self) -> Condition | None:
        parts = [self._all()]
        while self._takes_or():
            if not self._follows():
                if self._lenient and self._at == len(self._text):
                    break
                raise self._error("or", "Something must stand on both sides.", "for example: piano or organ")
            self._previous = "or"
            parts.append(self._all())
        kept = [part for part in parts if part is not None]
        return AnyOf(tuple(kept)) if len(kept) > 1 else (kept[0] if kept else None)

    def _all(self) -> Condition | None:
        if self._next_is_or():
            if self._lenient and self._at + 2 == len(self._text):
                self._at += 2
                return None
            raise self._error(
                "or", "Something must stand on both sides.", 'to search for the word, write "or"'
            )
        parts = []
        while self._follows():
            part = self._one()
            if part is not None:
                parts.append(part)
        return All(tuple(parts)) if len(parts) > 1 else (parts[0] if parts else None)

    def _one(self) -> Condition | None:
        negated = False
        while self._at < len(self._text) and self._text[self._at] in "-!":
            negated = not negated
            self._at += 1
        # A dash with nothing after it, as in "Artist - Title", says nothing.
        if self._at == len(self._text) or self._text[self._at].isspace() or self._text[self._at] == ")":
            return None
        condition = self._group() if self._text[self._at] == "(" else self._term()
        return Not(condition) if negated and condition is not None else condition

    def _group(self) -> Condition | None:
        self._depth += 1
        if self._depth > _DEEPEST:
            raise self._error("(", "Parentheses are nested too deeply.", "write it with fewer")
        opened = (self._at, self._previous)
        self._at += 1
        condition = self._any()
        self._depth -= 1
        if self._at < len(self._text):
            self._at += 1
        elif not self._lenient:
            self._at, self._previous = opened
            raise self._error("(", "It is never closed.", "close it, or quote it to search for it")
        self._previous = ")"
        return condition

    def _term(self) -> Condition | None:
        self._terms += 1
        if self._terms > _MOST_TERMS:
            raise self._error(self._rest(), "There are too many terms.", f"use at most {_MOST_TERMS}")
        start = self._at
        try:
            condition = self._read_term()
        except _Unfinished:
            return None
        except UsageError:
            if self._lenient and self._at == len(self._text):
                return None
            raise
        self._previous = self._text[start : self._at].strip()
        return condition

    def _read_term(self) -> Condition | None:
        start = self._at
        if self._text[self._at] == '"':
            return _words(self._quoted(start))
        match = _FIELD.match(self._text, self._at)
        # "I <3 music" has no field: only a field's own name may stand apart from its sign.
        if match is None or (match[1].lower() not in FIELDS and match[2][0].isspace()):
            self._refuse_miswritten_field()
            word = self._bare()
            return None if _DASHES.fullmatch(word) else _words(word)
        name, operator = match[1].lower(), match[2].strip()
        if name not in FIELDS:
            self._bare()
            near = get_close_matches(name, FIELDS, 1)
            raise self._error(
                self._text[start : self._at],
                f"There is no field {name}.",
                f"Did you mean {near[0]}:?" if near else f"the fields are {', '.join(FIELDS)}",
                f"To search for the text itself, quote it: {quote(self._text[start : self._at])}",
            )
        self._at = match.end()
        return self._field(name, ":" if operator == "=" else operator, start)

    def _refuse_miswritten_field(self) -> None:
        """`len!=24` and `artist : x` are no words, except that while typing a colon may stand alone."""
        match = _MISWRITTEN.match(self._text, self._at)
        if match is None or match[1].lower() not in FIELDS or (self._lenient and match[2] != "!="):
            return
        start, name = self._at, match[1].lower()
        self._at = match.end()
        value = self._run(_QUOTED) or self._bare()
        minus = "-" if match[2] == "!=" else ""
        part = self._text[start : self._at].strip()
        raise self._error(
            part,
            "Not equal is written with a minus." if minus else "No space stands before the colon.",
            f"Did you mean {minus}{name}:{value}?" if value else f"for example: {minus}{_EXAMPLES[name]}",
            f"To search for the text itself, quote it: {quote(part)}",
        )

    def _field(self, name: str, operator: str, start: int) -> Condition | None:
        quoted = self._at < len(self._text) and self._text[self._at] == '"'
        value = self._quoted(start) if quoted else self._run(_LABEL if name == "sound" else _BARE)
        if not value and not quoted:
            if self._lenient and self._at == len(self._text):
                raise _Unfinished
            raise self._bad_value(name, start, "Its value is missing.")
        if operator != ":" and name not in _COMPARED:
            raise self._bad_value(name, start, f"{name} is followed by a colon.")
        try:
            if name == "sound":
                return self._sound(value)
            return self._condition(name, operator, value)
        except (ValueError, OverflowError):
            raise self._bad_value(name, start, "Its value cannot be read.") from None

    def _condition(self, name: str, operator: str, value: str) -> Condition | None:
        readers: dict[str, Callable[[], Condition | None]] = {
            "len": lambda: Between("duration", values.length_bounds(operator, value.lower())),
            "year": lambda: Between("year_order", values.year_bounds(operator, value.lower())),
            "added": lambda: Between("added", values.added_bounds(operator, value.lower(), self._now)),
            "missing": lambda: Missing({"yes": True, "no": False, "any": None}[value.lower()]),
            "path": lambda: PathHas(fold(value)) if fold(value) else None,
        }
        if name in readers:
            try:
                return readers[name]()
            except KeyError:
                raise ValueError(value) from None
        if not value.strip():
            return FieldEmpty(name)
        return FieldHas(name, fold(value)) if fold(value) else None

    def _sound(self, label: str) -> Condition:
        score = _SCORE.match(self._text, self._at)
        if score is None:
            return SoundHeard(fold(label), Bounds())
        self._at = score.end()
        return SoundHeard(fold(label), values.score_bounds(score[1], score[2]))

    def _quoted(self, start: int) -> str:
        match = _QUOTED.match(self._text, self._at)
        if match is None:
            self._at = len(self._text)
            if self._lenient:
                raise _Unfinished
            raise self._error(self._text[start:], "The quote is never closed.", "close it, or leave it out")
        self._at = match.end()
        return _ESCAPED.sub(r"\1", match[1])

    def _bare(self) -> str:
        return self._run(_BARE)

    def _run(self, pattern: re.Pattern[str]) -> str:
        match = pattern.match(self._text, self._at)
        if match is None:
            return ""
        self._at = match.end()
        return match[0]

    def _skip_space(self) -> None:
        while self._at < len(self._text) and self._text[self._at].isspace():
            self._at += 1

    def _rest(self) -> str:
        match = _BARE.match(self._text, self._at)
        return match[0] if match else self._text[self._at : self._at + 1]

    def _next_is_or(self) -> bool:
        self._skip_space()
        return self._rest().casefold() == "or"

    def _takes_or(self) -> bool:
        if not self._next_is_or():
            return False
        self._at += 2
        return True

    def _follows(self) -> bool:
        """Whether another term or group comes before the end, a closing parenthesis or an `or`."""
        self._skip_space()
        return self._at < len(self._text) and self._text[self._at] != ")" and not self._next_is_or()

    def _bad_value(self, name: str, start: int, what: str) -> UsageError:
        return self._error(self._text[start : self._at], what, f"for example: {_EXAMPLES[name]}")

    def _error(self, part: str, what: str, hint: str, quoting: str = "") -> UsageError:
        where = f"after {_short(self._previous)}" if self._previous else "at its beginning"
        hint = hint[:1].upper() + hint[1:]
        return UsageError(
            f"The filter cannot be read at {_short(part)}, {where}. {what}",
            f"{hint}{'' if hint.endswith('?') else '.'}{' ' + quoting + '.' if quoting else ''}",
        )


def _words(text: str) -> Condition | None:
    return Words(fold(text)) if fold(text) else None


def _short(text: str) -> str:
    text = " ".join(text.split())
    return f"“{text}”" if len(text) <= 40 else f"“{text[:39]}…”"
