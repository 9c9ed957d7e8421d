"""A file from a place on, decoded ahead of its playing."""

from __future__ import annotations

import logging
import os
import threading
from contextlib import closing
from typing import TYPE_CHECKING

import numpy as np

from musicsim_tui.audio.decode import decode_stereo
from musicsim_tui.audio.loudness import as_factor
from musicsim_tui.audio.ring import RingBuffer
from musicsim_tui.errors import AudioError, MusicSimError
from musicsim_tui.jobs import Cancelled, CancelToken

if TYPE_CHECKING:
    from pathlib import Path

    from musicsim_tui.track import Samples

log = logging.getLogger(__name__)

_AHEAD_SECONDS = 2.0
SHORT_LEAD_SECONDS = 0.15
LONG_LEAD_SECONDS = 0.75
"""Decoded before the first sample is given out: for a device that runs, and for one that starts, which fills
all its buffers at once."""
_ROOM_CHECK_SECONDS = 0.1


class Feed:
    """Decodes in a thread of its own, from construction on until the end or `cancel`.

    `take` is for the sound callback: it never waits. Everything else may be asked from any thread.
    """

    def __init__(
        self,
        path: Path,
        start: float,
        gain_db: float,
        rate: int,
        *,
        lead: float = LONG_LEAD_SECONDS,
        duration: float | None = None,
    ) -> None:
        self.path = path
        self.gain_db = gain_db
        self.error: MusicSimError | None = None
        self._start = start
        self._rate = rate
        self._lead = round(lead * rate)
        self._factor = as_factor(gain_db)
        self._ring = RingBuffer(round(_AHEAD_SECONDS * rate))
        self._taken = 0
        self._duration = duration
        self._ready = False
        self._decoded = False
        self._token = CancelToken()
        threading.Thread(target=self._run, name="preview-decode", daemon=True).start()

    @property
    def position(self) -> float:
        """Place in the file, in seconds, up to which samples were taken."""
        position = self._start + self._taken / self._rate
        return position if self._duration is None else min(position, self._duration)

    @property
    def duration(self) -> float | None:
        """Seconds of the whole file: as decoded once that is known, else as the file claims or as was told
        when the feed was made."""
        return self._duration

    @property
    def ready(self) -> bool:
        """Whether enough is decoded to begin. It never ceases to be."""
        if not self._ready:
            self._ready = self._decoded or self._ring.filled >= self._lead
        return self._ready

    @property
    def drained(self) -> bool:
        """Whether everything there is was taken."""
        return self._decoded and not self._ring.filled

    def take(self, out: Samples) -> int:
        """The next frames into `out`, shape (n, 2), as many as are decoded; returns how many.

        None before the feed is `ready`.
        """
        if not self.ready:
            return 0
        taken = self._ring.read_into(out)
        self._taken += taken
        return taken

    def cancel(self) -> None:
        """End decoding; what is decoded can still be taken."""
        self._token.cancel()

    def _run(self) -> None:
        try:
            self._decode()
        except Cancelled:
            pass
        except MusicSimError as error:
            self.error = error
        except Exception as error:  # the edge of one file: the player goes on
            log.exception("playing %r", os.fspath(self.path))
            self.error = AudioError(
                f"The file could not be played ({type(error).__name__}: {error}).",
                "Convert it with another program; the log has the details.",
            )
        finally:
            self._decoded = True

    def _decode(self) -> None:
        blocks = decode_stereo(self.path, self._rate, start=self._start, cancel=self._token)
        with closing(blocks):
            for block in blocks:
                if self._duration is None:
                    self._duration = blocks.header_seconds
                self._write(self._amplified(block).T)
        if blocks.seconds:
            self._duration = self._start + blocks.seconds

    def _amplified(self, block: Samples) -> Samples:
        """The block with the gain of this file, which is lowered for good where it would clip."""
        if self._factor > 1.0:
            highest = float(np.abs(block).max())
            self._factor = min(self._factor, max(1.0, 1.0 / highest)) if highest else self._factor
        return block if self._factor == 1.0 else block * np.float32(self._factor)

    def _write(self, frames: Samples) -> None:
        while len(frames):
            frames = frames[self._ring.write(frames) :]
            if len(frames):
                self._token.wait(_ROOM_CHECK_SECONDS)
