"""Notices where a recording goes on at another sample rate, or with another number of channels."""

from __future__ import annotations

from dataclasses import dataclass

_LASTING_SECONDS = 1.0
"""What is shorter is no part of the recording: a damaged frame that passes for one of another kind, or the
beginning of an HE-AAC stream, which plays at half the rate until its first extension comes."""


@dataclass(frozen=True, slots=True)
class FormatChange:
    """`seconds` from its beginning on, a recording has `new_rate`, in Hz, and `new_channels`; `rate` and
    `channels` before."""

    seconds: float
    rate: int
    channels: int
    new_rate: int
    new_channels: int


class ChangeWatch:
    """Keeps the first change of a recording, which it is told of stretch by stretch."""

    def __init__(self) -> None:
        self._samples = 0
        self._seconds = 0.0
        self._kind: tuple[int, int] | None = None
        self._lasting: tuple[int, int] | None = None
        self._first: FormatChange | None = None

    def add(self, rate: int, channels: int, samples: int) -> None:
        """The next samples of the recording, by their kind; it may be that of those before."""
        if (rate, channels) != self._kind:
            self._end()
            self._kind = rate, channels
        self._samples += samples

    def finish(self) -> FormatChange | None:
        """The first change, once all of the recording was there; None where there was none."""
        self._end()
        return self._first

    def _end(self) -> None:
        """The samples of one kind have come to their end."""
        if self._kind is None:
            return
        seconds = self._samples / self._kind[0]
        if seconds >= _LASTING_SECONDS:
            if self._first is None and self._lasting is not None and self._lasting != self._kind:
                self._first = FormatChange(self._seconds, *self._lasting, *self._kind)
            self._lasting = self._kind
        self._seconds += seconds
        self._samples = 0
