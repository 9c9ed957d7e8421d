"""Contestants that do the same work by turns, each in a process of its own where everything is loaded.

One runs while the others sleep, round after round, so that whatever slows the machine down slows all of them
down: ratios are taken within a round, and their median is what counts.
"""

from __future__ import annotations

import multiprocessing
import os
import resource
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from tests.benchmarks.report import against_aim, spread, tell

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from multiprocessing.connection import Connection
    from typing import TypeAlias

    Work: TypeAlias = Callable[[], int]
    """Does everything once; returns how many tracks that were."""

_TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Contestant:
    """`prepare` is called in a process of its own, loads what the work needs, and gives the work. It must be
    possible to pickle it: a function of a module, or a `partial` of one."""

    name: str
    prepare: Callable[[], Work]


@dataclass(frozen=True, slots=True)
class Turn:
    """One time through the work. `core_seconds` are those of the machine, which has nothing else to do."""

    tracks: int
    seconds: float
    core_seconds: float


@dataclass(frozen=True, slots=True)
class Results:
    """The turns of every contestant, in the order of the rounds, over `audio_seconds` of `tracks`."""

    tracks: int
    audio_seconds: float
    turns: dict[str, list[Turn]]

    def rows(self) -> dict[str, Any]:
        """For each contestant its pace by the clock and by the processor time it took."""
        return {name: self._row(turns) for name, turns in self.turns.items()}

    def ratio(self, ours: str, other: str, aim: float) -> dict[str, Any]:
        """How many times as fast as the other: the median over the rounds, and the same in core-seconds."""
        pairs = list(zip(self.turns[ours], self.turns[other], strict=True))
        return {
            **against_aim(float(np.median([them.seconds / us.seconds for us, them in pairs])), aim),
            "rounds": [round(them.seconds / us.seconds, 3) for us, them in pairs],
            "in_core_seconds": round(
                float(np.median([them.core_seconds / us.core_seconds for us, them in pairs])), 3
            ),
        }

    def share(self, ours: str, bound: str) -> float:
        """Our pace as a part of that of a row which nothing can be faster than."""
        pairs = zip(self.turns[ours], self.turns[bound], strict=True)
        return round(float(np.median([limit.seconds / us.seconds for us, limit in pairs])), 3)

    def _row(self, turns: list[Turn]) -> dict[str, Any]:
        seconds = float(np.median([turn.seconds for turn in turns]))
        core_seconds = float(np.median([turn.core_seconds for turn in turns]))
        return {
            "tracks_per_minute": round(60 * self.tracks / seconds, 1),
            "realtime": round(self.audio_seconds / seconds, 1),
            "audio_seconds_per_core_second": round(self.audio_seconds / core_seconds, 1),
            "seconds": spread([turn.seconds for turn in turns]),
            "core_seconds": spread([turn.core_seconds for turn in turns]),
        }


def hold(contestants: Sequence[Contestant], rounds: int, tracks: int, audio_seconds: float) -> Results:
    """Let the contestants work by turns, `rounds` times, each round beginning with another one.

    A first turn, for warming up, does not count. Raises RuntimeError when one leaves tracks out.
    """
    stalls = [_Stall(contestant) for contestant in contestants]
    turns: dict[str, list[Turn]] = {contestant.name: [] for contestant in contestants}
    try:
        for number in range(-1, rounds):
            first = max(number, 0) % len(stalls)
            for stall in [*stalls[first:], *stalls[:first]]:
                turn = stall.work()
                tell(f"  {'warm-up' if number < 0 else number + 1} {stall.name}: {turn.seconds:.2f} s")
                if turn.tracks != tracks:
                    raise RuntimeError(f"{stall.name} did {turn.tracks} of {tracks} tracks")
                if number >= 0:
                    turns[stall.name].append(turn)
    finally:
        for stall in stalls:
            stall.close()
    return Results(tracks, audio_seconds, turns)


class _Stall:
    """A contestant in its process."""

    def __init__(self, contestant: Contestant) -> None:
        self.name = contestant.name
        context = multiprocessing.get_context("spawn")
        self._ours, theirs = context.Pipe()
        self._process = context.Process(target=_serve, args=(theirs, contestant.prepare))
        self._process.start()
        theirs.close()
        self._ours.recv()

    def work(self) -> Turn:
        before = _busy_seconds()
        self._ours.send(True)
        tracks, seconds = self._ours.recv()
        return Turn(tracks, seconds, _busy_seconds() - before)

    def close(self) -> None:
        self._ours.close()
        self._process.join(30)
        if self._process.is_alive():
            self._process.kill()
            self._process.join()


def _serve(connection: Connection, prepare: Callable[[], Work]) -> None:
    work = prepare()
    connection.send(True)
    while True:
        try:
            connection.recv()
        except EOFError:
            return
        started = time.perf_counter()
        tracks = work()
        connection.send((tracks, time.perf_counter() - started))


def _busy_seconds() -> float:
    """Time that the processors have been at work, whoever for, as Linux tells; elsewhere that of children
    that have ended."""
    try:
        first = Path("/proc/stat").read_text(encoding="utf-8").partition("\n")[0]
    except OSError:
        usage = resource.getrusage(resource.RUSAGE_CHILDREN)
        return usage.ru_utime + usage.ru_stime
    user, nice, system, _idle, _waiting, interrupts, soft_interrupts, *_ = map(int, first.split()[1:])
    return (user + nice + system + interrupts + soft_interrupts) / _TICKS_PER_SECOND
