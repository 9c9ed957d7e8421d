"""Calls leave the UI thread; only answers that are still wanted come back."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from textual.message import Message

from musicsim_tui.errors import MusicSimError, UsageError
from musicsim_tui.jobs import CancelToken
from musicsim_tui.library.catalog import Catalog
from musicsim_tui.services import Services
from musicsim_tui.tui.bridge import Answered, Bridge, CatalogChanged, Noticed
from tests.harness.library import settings_for
from tests.library.samples import heard


class Desk:
    """A bridge whose messages are handed back by the test, as the app does on its thread."""

    def __init__(self, data_dir: Path) -> None:
        self.messages: queue.Queue[Message] = queue.Queue()
        self.services = Services(settings_for(data_dir))
        self.bridge = Bridge(self.services, self.messages.put)

    def deliver(self, seconds: float = 10.0) -> Message:
        message = self.messages.get(timeout=seconds)
        if isinstance(message, Answered):
            self.bridge.deliver(message)
        return message


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    desk = Desk(tmp_path)
    yield desk
    assert desk.bridge.runner.close(10)
    desk.services.close()


def test_an_answer_comes_back_on_the_thread_that_delivers_it(desk: Desk) -> None:
    answers: list[tuple[str, str]] = []
    here = threading.current_thread().name
    desk.bridge.ask(
        "name",
        lambda _token: threading.current_thread().name,
        lambda name: answers.append((name, threading.current_thread().name)),
    )
    assert desk.bridge.busy("name")
    desk.deliver()
    assert answers == [("name", here)]
    assert not desk.bridge.busy("name")


def test_only_the_newest_question_of_a_topic_is_answered(desk: Desk) -> None:
    gate = threading.Event()
    ran: list[int] = []
    answers: list[int] = []

    def work(number: int) -> Callable[[CancelToken], int]:
        def run(_token: CancelToken) -> int:
            ran.append(number)
            gate.wait(10)
            return number

        return run

    for number in range(50):
        desk.bridge.ask("list", work(number), answers.append)
    gate.set()
    desk.deliver()
    desk.deliver()
    assert answers == [49]
    assert ran == [0, 49]


def test_topics_do_not_wait_for_each_other(desk: Desk) -> None:
    gate = threading.Event()
    answers: list[str] = []

    def slow(_token: CancelToken) -> str:
        gate.wait(10)
        return "slow"

    desk.bridge.ask("slow", slow, answers.append)
    desk.bridge.ask("quick", lambda _token: "quick", answers.append)
    desk.deliver()
    assert answers == ["quick"]
    gate.set()
    desk.deliver()
    assert answers == ["quick", "slow"]


def test_an_abandoned_question_is_cancelled_and_never_answered(desk: Desk) -> None:
    answers: list[object] = []
    desk.bridge.ask("search", lambda token: token.wait(60), answers.append, answers.append)
    assert desk.bridge.abandon("search")
    assert not desk.bridge.busy("search")
    assert not desk.bridge.abandon("search")
    desk.deliver()
    assert answers == []


def test_failures_come_in_words(desk: Desk) -> None:
    errors: list[MusicSimError] = []

    def fail(error: Exception) -> Callable[[CancelToken], None]:
        def run(_token: CancelToken) -> None:
            raise error

        return run

    desk.bridge.ask("one", fail(UsageError("What.", "Do.")), lambda _: None, errors.append)
    desk.deliver()
    desk.bridge.ask("one", fail(KeyError("boom")), lambda _: None, errors.append)
    desk.deliver()
    assert errors[0].title == "What."
    assert "unexpected" in errors[1].title
    desk.bridge.ask("one", fail(UsageError("What.", "Do.")), lambda _: None)
    desk.deliver()
    told = desk.deliver()
    assert isinstance(told, Noticed)
    assert (told.text, told.trouble) == ("What. Do.", True)


def test_another_writer_is_noticed(desk: Desk) -> None:
    assert desk.services.catalog.count() == 0
    desk.bridge.watch_catalog()
    with Catalog.open(desk.services.settings.library_path) as other:
        other.store([heard(1)])
        message = None
        for number in range(2, 20):
            try:
                message = desk.deliver(2.0)
                break
            except queue.Empty:
                other.store([heard(number)])
    assert isinstance(message, CatalogChanged)
