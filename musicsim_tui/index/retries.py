"""Asking a server again where the trouble may pass by itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from musicsim_tui.index.server_failures import passes_by_itself, retry_after

if TYPE_CHECKING:
    from collections.abc import Callable

    from tenacity import RetryCallState

T = TypeVar("T")

WRITE_ATTEMPTS = 6
READ_ATTEMPTS = 3
FIRST_PAUSE_SECONDS = 0.5
LONGEST_PAUSE_SECONDS = 15.0


def repeated(
    call: Callable[[], T], *, writing: bool, pause: Callable[[float], None], stopped: Callable[[], bool]
) -> T:
    """The answer of a call, made several times if need be; raises what the last attempt raised.

    `pause` waits that many seconds between two attempts; once `stopped` there is no further one.
    """
    from tenacity import Retrying, retry_if_exception, stop_after_attempt

    retrying = Retrying(
        retry=retry_if_exception(lambda error: not stopped() and passes_by_itself(error, writing=writing)),
        wait=seconds_before_retry,
        stop=stop_after_attempt(WRITE_ATTEMPTS if writing else READ_ATTEMPTS),
        sleep=pause,
        reraise=True,
    )
    return retrying(call)


def seconds_before_retry(state: RetryCallState) -> float:
    """What the server asks for, else exponential back-off with jitter."""
    from tenacity import wait_exponential, wait_random

    error = state.outcome.exception() if state.outcome is not None else None
    asked = None if error is None else retry_after(error)
    if asked is not None:
        return asked
    backoff = wait_exponential(multiplier=FIRST_PAUSE_SECONDS, max=LONGEST_PAUSE_SECONDS)
    return backoff(state) + wait_random(0, FIRST_PAUSE_SECONDS)(state)
