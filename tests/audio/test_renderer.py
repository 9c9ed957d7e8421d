from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from musicsim_tui.audio.feed import Feed
from musicsim_tui.audio.renderer import Renderer
from tests.harness.audio_files import RATE, tone, write_channels
from tests.harness.processes import wait_for

if TYPE_CHECKING:
    from pathlib import Path

    from musicsim_tui.track import Samples

BLOCK = 512
BEND_OF_THE_TONE = 0.5 * (2 * np.pi * 440 / RATE) ** 2
"""Largest second difference of a sine of 440 Hz and amplitude 0.5."""


@pytest.fixture
def song(tmp_path: Path) -> Path:
    sine = tone(440.0, 1.5, amplitude=0.5)
    return write_channels(tmp_path / "song.wav", np.stack([sine, sine]), "stereo", "pcm_f32le")


def ready(path: Path, start: float = 0.0, gain_db: float = 0.0) -> Feed:
    """A feed that has decoded all there is."""
    feed = Feed(path, start, gain_db, RATE)
    wait_for(lambda: feed._decoded, "the feed is decoded")
    return feed


def rendered(renderer: Renderer, blocks: int, frames: int = BLOCK) -> Samples:
    out = np.full((blocks, frames, 2), np.nan, dtype=np.float32)
    for block in out:
        renderer.render(block)
    left: Samples = out.reshape(-1, 2)[:, 0]
    return left


def smooth(samples: Samples) -> bool:
    """Whether there is no click: a fade of 10 ms bends a little, a jump very much."""
    return bool(np.abs(np.diff(samples, 2)).max() < 2.5 * BEND_OF_THE_TONE)


def test_nothing_wanted_is_silence() -> None:
    assert not rendered(Renderer(RATE), 3).any()


def test_a_feed_is_played_as_it_is_after_a_short_fade(song: Path) -> None:
    renderer = Renderer(RATE)
    renderer.wanted = ready(song)
    out = rendered(renderer, 20)
    fade = RATE // 100
    np.testing.assert_allclose(out[fade:], tone(440.0, 1.5, amplitude=0.5)[fade : len(out)], atol=1e-6)
    assert np.abs(out[: fade // 2]).max() < 0.3
    assert smooth(out)


def test_leaving_and_coming_back_goes_on_where_it_was_without_a_click(song: Path) -> None:
    renderer = Renderer(RATE)
    feed = renderer.wanted = ready(song)
    first = rendered(renderer, 10)
    renderer.wanted = None
    fading = rendered(renderer, 1)
    silence = rendered(renderer, 4)
    position = feed.position
    renderer.wanted = feed
    again = rendered(renderer, 10)
    assert not silence.any()
    assert position == pytest.approx((len(first) + RATE // 100) / RATE)
    assert smooth(np.concatenate([first, fading, silence, again]))
    fade, begin = RATE // 100, round(position * RATE)
    expected = tone(440.0, 1.5, amplitude=0.5)[begin + fade : begin + len(again)]
    np.testing.assert_allclose(again[fade:], expected, atol=1e-6)


def test_one_feed_after_another_without_a_click(song: Path) -> None:
    renderer = Renderer(RATE)
    renderer.wanted = ready(song)
    first = rendered(renderer, 5)
    renderer.wanted = ready(song, start=0.7)
    assert smooth(np.concatenate([first, rendered(renderer, 5)]))


def test_a_change_of_gain_is_a_ramp(song: Path) -> None:
    renderer = Renderer(RATE)
    renderer.wanted = ready(song)
    loud = rendered(renderer, 10)
    renderer.gain = 0.1
    quiet = rendered(renderer, 10)
    assert smooth(np.concatenate([loud, quiet]))
    assert np.abs(quiet[RATE // 100 :]).max() == pytest.approx(0.05, abs=1e-3)


def test_the_end_is_followed_by_silence(song: Path) -> None:
    renderer = Renderer(RATE)
    feed = renderer.wanted = ready(song, start=1.4)
    out = rendered(renderer, 20)
    assert np.flatnonzero(out)[-1] == pytest.approx(0.1 * RATE, abs=3)
    assert feed.drained
    assert feed.position == feed.duration == pytest.approx(1.5)
    assert renderer.calls == 20


def test_a_large_block_is_filled_too(song: Path) -> None:
    renderer = Renderer(RATE)
    renderer.wanted = ready(song)
    out = rendered(renderer, 1, frames=3 * RATE)
    assert np.isfinite(out).all()
    assert np.flatnonzero(out)[-1] == pytest.approx(1.5 * RATE, abs=3)


@pytest.mark.parametrize(("gain_db", "peak"), [(-6.0206, 0.25), (0.0, 0.5), (3.0, 0.7063), (20.0, 1.0)])
def test_a_feed_may_be_made_louder_but_not_so_that_it_clips(song: Path, gain_db: float, peak: float) -> None:
    renderer = Renderer(RATE)
    renderer.wanted = ready(song, gain_db=gain_db)
    out = rendered(renderer, 100)
    assert np.abs(out).max() == pytest.approx(peak, abs=1e-3)
    assert np.abs(out).max() <= 1.0 + 1e-6
