"""What is wrong with a recording that is heard all the same, in words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from musicsim_tui.library.records import CHANGING, CUT_OFF, Flaw
from musicsim_tui.wording import clock

if TYPE_CHECKING:
    from musicsim_tui.audio.changes import FormatChange
    from musicsim_tui.audio.identity import AudioFile

_AGAIN = "Fetch or copy it again from where it came."


def flaw_of(audio: AudioFile, seconds: float, change: FormatChange | None) -> Flaw | None:
    """The worst of a file of which so many seconds could be decoded, None where all is well."""
    if audio.falls_short(seconds):
        claimed = clock(audio.exact_duration or 0.0)
        reason = f"The file is cut off: {clock(seconds)} of {claimed} are there, and heard."
        return Flaw(CUT_OFF, reason, _AGAIN)
    if audio.is_cut_off(seconds):
        reason = f"The file is cut off: it breaks off at {clock(seconds)}, and is heard until there."
        return Flaw(CUT_OFF, reason, _AGAIN)
    if change is not None:
        return Flaw(
            CHANGING,
            f"{_changes(change)}; the file is heard whole.",
            "Many players stumble there: convert it again, or look for a copy of one piece.",
        )
    return None


def _changes(change: FormatChange) -> str:
    rates = f"from {_kilohertz(change.rate)} to {_kilohertz(change.new_rate)} kHz"
    channels = f"from {change.channels} to {change.new_channels}"
    at = f"at {clock(change.seconds)}"
    if change.channels == change.new_channels:
        return f"The sample rate changes in the middle, {rates} {at}"
    if change.rate == change.new_rate:
        return f"The number of channels changes in the middle, {channels} {at}"
    return f"The sample rate changes in the middle, {rates} {at}, and the number of channels {channels}"


def _kilohertz(rate: int) -> str:
    return f"{rate / 1000:.6g}"
