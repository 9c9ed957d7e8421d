"""Many keys in one statement, as many as every SQLite takes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TypeVar

Key = TypeVar("Key")

_KEYS_PER_STATEMENT = 500


def batches(keys: Sequence[Key], size: int = _KEYS_PER_STATEMENT) -> Iterator[Sequence[Key]]:
    """The keys, at most `size` at a time."""
    for start in range(0, len(keys), size):
        yield keys[start : start + size]


def marks(keys: Sequence[object]) -> str:
    """One question mark per key."""
    return ",".join("?" * len(keys))
