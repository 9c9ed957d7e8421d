from __future__ import annotations

import threading
from collections.abc import Callable

import pytest

from musicsim_tui.jobs import Cancelled, CancelToken, Job, JobRunner, JobState


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


def test_a_job_runs_on_its_own_thread_and_hands_over_its_result() -> None:
    runner = JobRunner()
    job: Job[str, int] = runner.submit(lambda _token, _publish: threading.current_thread().name, name="named")
    assert job.wait(10)
    assert (job.state, job.result, job.error) == (JobState.DONE, "named", None)
    assert runner.close(10)


def test_the_latest_snapshot_is_kept_and_the_listener_hears_seldom_but_always_the_end() -> None:
    runner = JobRunner()
    heard: list[tuple[JobState, int | None]] = []
    ended = threading.Event()

    def work(token: CancelToken, publish: Callable[[int], None]) -> None:
        for number in range(1000):
            publish(number)

    def listen(job: Job[None, int]) -> None:
        heard.append((job.state, job.snapshot))
        if job.ended:
            ended.set()

    job = runner.submit(work, name="counts", changed=listen)
    assert ended.wait(10)
    assert job.snapshot == 999
    assert heard[0] == (JobState.RUNNING, 0)
    assert heard[-1] == (JobState.DONE, 999)
    assert len(heard) < 500
    assert runner.close(10)


def test_cancelling_shows_at_once_and_ends_the_job() -> None:
    runner = JobRunner()
    started = threading.Event()

    def work(token: CancelToken, _publish: Callable[[object], None]) -> None:
        started.set()
        token.wait(3600)

    job = runner.submit(work, name="waits")
    assert started.wait(10)
    states = [job.state]
    job.cancel()
    states.append(job.state)
    assert job.wait(10)
    states.append(job.state)
    assert states[0] is JobState.RUNNING
    assert states[1] in (JobState.CANCELLING, JobState.CANCELLED)
    assert states[2] is JobState.CANCELLED
    assert runner.close(10)


def test_a_failure_is_kept_and_a_listener_that_fails_harms_nobody() -> None:
    runner = JobRunner()

    def work(_token: CancelToken, _publish: Callable[[object], None]) -> None:
        raise LookupError("gone")

    def listen(_job: Job[None, object]) -> None:
        raise ValueError("deaf")

    job = runner.submit(work, name="fails", changed=listen)
    assert job.wait(10)
    assert job.state is JobState.FAILED
    assert isinstance(job.error, LookupError)
    assert runner.close(10)


def test_closing_cancels_everything_but_waits_for_nobody_who_does_not_listen() -> None:
    runner = JobRunner()
    release = threading.Event()

    def stubborn(_token: CancelToken, _publish: Callable[[object], None]) -> None:
        release.wait(60)

    def obey(token: CancelToken, _publish: Callable[[object], None]) -> None:
        token.wait(60)

    deaf = runner.submit(stubborn, name="deaf")
    obedient = runner.submit(obey, name="obedient")
    assert not runner.close(0.05)
    assert obedient.wait(10)
    assert deaf.state is JobState.CANCELLING
    late: Job[str, object] = runner.submit(lambda _token, _publish: "never", name="late")
    assert (late.ended, late.state, late.result) == (True, JobState.CANCELLED, None)
    release.set()
    assert runner.close(10)


def test_threads_are_used_again_and_end_with_the_runner() -> None:
    runner = JobRunner()
    seen: list[threading.Thread] = []
    for _ in range(20):
        job: Job[None, object] = runner.submit(
            lambda _token, _publish: seen.append(threading.current_thread()), name="short"
        )
        assert job.wait(10)
    assert len(set(seen)) < 20
    assert runner.close(10)
    for thread in set(seen):
        thread.join(10)
        assert not thread.is_alive()
