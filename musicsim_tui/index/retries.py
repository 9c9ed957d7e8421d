"""Asking a server again where the trouble may pass by itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from musicsim_tui.index.server_failures import LONGEST_RETRY_AFTER, passes_by_itself, retry_after

if TYPE_CHECKING:
    from collections.abc import Callable

    from tenacity import RetryCallState

T = TypeVar("T")

FIRST_PAUSE_SECONDS = 0.5
LONGEST_PAUSE_SECONDS = 15.0


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a call is repeated: so many attempts, and no longer wait than that asked for by the server.

    `for_server` also sits out one that does not answer at all.
    """

    attempts: int
    longest_retry_after: float
    for_server: bool = False


PROMPT = Patience(2, 2.0)
"""For what a person waits for."""
READING = Patience(3, LONGEST_RETRY_AFTER)
WRITING = Patience(6, LONGEST_RETRY_AFTER, for_server=True)


def repeated(
    call: Callable[[], T],
    patience: Patience,
    *,
    pause: Callable[[float], None],
    stopped: Callable[[], bool],
) -> T:
    """The answer of a call, made several times if need be; raises what the last attempt raised.

    `pause` waits that many seconds between two attempts; once `stopped` there is no further one.
    """
    from tenacity import Retrying, retry_if_exception, stop_after_attempt

    def again(error: BaseException) -> bool:
        asked = retry_after(error) or 0.0
        return (
            not stopped()
            and asked <= patience.longest_retry_after
            and passes_by_itself(error, patient=patience.for_server)
        )

    retrying = Retrying(
        retry=retry_if_exception(again),
        wait=seconds_before_retry,
        stop=stop_after_attempt(patience.attempts),
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
