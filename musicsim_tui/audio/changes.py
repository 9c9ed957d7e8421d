"""Notices where a recording goes on at another sample rate, or with another number of channels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from av.audio.frame import AudioFrame

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
    """Keeps the first change of a recording. Whoever goes through its frames counts `samples` up: a call for
    each of them would be felt."""

    def __init__(self) -> None:
        self.samples = 0
        self._seconds = 0.0
        self._kind: tuple[int, int] | None = None
        self._lasting: tuple[int, int] | None = None
        self._first: FormatChange | None = None

    def begin(self, frame: AudioFrame) -> None:
        """A frame is the first, or differs from those before in some way."""
        kind = frame.sample_rate, frame.layout.nb_channels
        if kind != self._kind:
            self._end()
            self._kind = kind

    def finish(self) -> FormatChange | None:
        """The first change, once every frame was there; None where there was none."""
        self._end()
        return self._first

    def _end(self) -> None:
        """The frames of one kind have come to their end."""
        if self._kind is None:
            return
        seconds = self.samples / self._kind[0]
        if seconds >= _LASTING_SECONDS:
            if self._first is None and self._lasting is not None and self._lasting != self._kind:
                self._first = FormatChange(self._seconds, *self._lasting, *self._kind)
            self._lasting = self._kind
        self._seconds += seconds
        self.samples = 0
