from __future__ import annotations

import threading

import pytest

from musicsim_tui.jobs import Cancelled, CancelToken


def test_check_raises_once_cancelled() -> None:
    token = CancelToken()
    token.check()
    token.cancel()
    token.cancel()
    assert token.cancelled
    with pytest.raises(Cancelled):
        token.check()


def test_cancel_ends_a_pause_at_once() -> None:
    token = CancelToken()
    ended = threading.Event()

    def pause() -> None:
        with pytest.raises(Cancelled):
            token.wait(3600)
        ended.set()

    thread = threading.Thread(target=pause)
    thread.start()
    token.cancel()
    assert ended.wait(10)
    thread.join(10)
