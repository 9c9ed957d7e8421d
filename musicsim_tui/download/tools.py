"""What downloading stands on: yt-dlp, how old it is, and the JavaScript runtime that YouTube wants."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import date

log = logging.getLogger(__name__)

OLD_DAYS = 90
"""yt-dlp itself warns of what is older: sites change, and only the newest reads them."""


@dataclass(frozen=True, slots=True)
class Tools:
    """`runtime` is the JavaScript runtime that yt-dlp found, with its version; empty when there is none."""

    version: str
    days_old: int | None
    runtime: str

    @property
    def advice(self) -> tuple[str, ...]:
        """What would make downloads work better: one sentence each."""
        advice = []
        if self.days_old is not None and self.days_old > OLD_DAYS:
            advice.append(f"yt-dlp is {self.days_old} days old: pip install -U yt-dlp.")
        if not self.runtime:
            advice.append("YouTube works better with a JavaScript runtime: pip install deno.")
        return tuple(advice)


def find_tools(today: date | None = None) -> Tools:
    """The tools that are installed here; asks nobody on the network."""
    from yt_dlp.version import __version__ as version

    return Tools(str(version), _days_old(str(version), today or date.today()), _runtime())


def _days_old(version: str, today: date) -> int | None:
    """Versions of yt-dlp are dates, such as 2026.10.26."""
    try:
        year, month, day = map(int, version.split(".")[:3])
        return (today - date(year, month, day)).days
    except ValueError:
        return None


def _runtime() -> str:
    """yt-dlp offers no public way to ask which runtime it has found."""
    from yt_dlp import YoutubeDL

    try:
        with YoutubeDL({"quiet": True, "no_warnings": True, "js_runtimes": {"deno": {}}}) as session:
            found = session._js_runtimes.values()
            usable = [
                runtime.info for runtime in found if runtime and runtime.info and runtime.info.supported
            ]
    except Exception:  # whatever another version makes of it is no reason for a diagnosis to fail
        log.debug("asking for the JavaScript runtime", exc_info=True)
        return ""
    return f"{usable[0].name} {usable[0].version}" if usable else ""
