from __future__ import annotations

import pytest

from musicsim_tui.download import pace as pacing
from musicsim_tui.download.fetch import Pause, Stage
from musicsim_tui.download.forecast import WORK_SECONDS
from musicsim_tui.download.pace import Lap, Pace


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(pacing, "time", clock)
    return clock


def lap(clock: Clock, asking: float, converting: float) -> Lap:
    """An entry that took that long with the site, and then without it."""
    fetched = Lap()
    fetched.at(Stage.ASKING)
    clock.now += asking
    if converting:
        fetched.at(Stage.CONVERTING)
        clock.now += converting
        fetched.at(Stage.FINISHING)
    return fetched


def test_the_pause_begins_when_the_site_is_left_alone(clock: Clock) -> None:
    assert Pace().add(lap(clock, 4.0, 7.0)) == 104.0
    assert Pace().add(lap(clock, 2.0, 0.0)) == clock.now  # one that failed while it was fetched


def test_the_rest_takes_as_long_as_what_was(clock: Clock) -> None:
    pace = Pace()
    assert pace.seconds_for(1, 240.0, 1, Pause(10, 20), keep_original=True) == WORK_SECONDS
    pace.add(lap(clock, 4.0, 7.0))
    pace.add(lap(clock, 2.0, 3.0))
    assert pace.seconds_for(10, 0.0, 0, Pause(10, 20), keep_original=False) == pytest.approx(
        10 * (3.0 + 15.0)
    )
    assert pace.seconds_for(10, 0.0, 0, Pause(0, 0), keep_original=False) == pytest.approx(10 * (3.0 + 5.0))
    assert pace.seconds_for(0, 0.0, 0, Pause(0, 0), keep_original=False) == 0.0
