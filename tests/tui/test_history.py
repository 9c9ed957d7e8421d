"""One history for all that can be undone."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from musicsim_tui.tui.history import MOST_KEPT, MOST_STEPS, History, Step
from musicsim_tui.tui.marks import Marks
from tests.library.samples import track_id


def nothing() -> None:
    pass


def steps_back(history: History) -> int:
    taken = 0
    while history.undo() is not None:
        taken += 1
    return taken


@given(st.lists(st.one_of(st.integers(1, 6), st.sampled_from(["clear", "all", "undo", "redo"]))))
def test_every_change_of_marks_can_be_taken_back(actions: list[int | str]) -> None:
    history = History()
    marks = Marks(history)
    states: list[tuple[object, ...]] = [()]
    at = 0
    for action in actions:
        if action == "undo":
            history.undo()
            at = max(0, at - 1)
        elif action == "redo":
            history.redo()
            at = min(len(states) - 1, at + 1)
        else:
            if action == "clear":
                marks.clear()
            elif action == "all":
                marks.add([track_id(number) for number in range(1, 7)])
            else:
                marks.toggle(track_id(int(action)))
            now = marks.tracks
            if now != states[at]:
                states = [*states[: at + 1], now]
                at += 1
        assert marks.tracks == states[at]


def test_toggling_one_of_many_marks_keeps_no_copy_of_the_others() -> None:
    history = History()
    marks = Marks(history)
    everything = [track_id(number) for number in range(MOST_KEPT // 10)]
    marks.add(everything)
    for track in everything[: MOST_STEPS - 1]:
        marks.toggle(track)
    assert marks.tracks == tuple(everything[MOST_STEPS - 1 :])
    assert steps_back(history) == MOST_STEPS
    assert marks.tracks == ()


def test_marks_that_left_with_a_change_of_the_crate_come_back_to_their_places() -> None:
    marks = Marks(History(), [track_id(number) for number in (1, 2, 3, 4)])
    change = marks.without([track_id(2), track_id(9), track_id(3)])
    marks.make(change)
    assert marks.tracks == (track_id(1), track_id(4))
    marks.toggle(track_id(5))
    marks.take_back(change)
    assert marks.tracks == tuple(track_id(number) for number in (1, 2, 3, 4, 5))


def test_memory_holds_a_bounded_number_of_steps_and_tracks() -> None:
    history = History()
    for _ in range(2 * MOST_STEPS):
        history.did(Step("", nothing, nothing))
    assert steps_back(history) == MOST_STEPS
    history = History()
    for _ in range(10):
        history.did(Step("", nothing, nothing, MOST_KEPT // 3))
    assert steps_back(history) == 3
    history = History()
    history.did(Step("", nothing, nothing, 2 * MOST_KEPT))
    assert steps_back(history) == 1


def test_a_new_change_forgets_what_was_undone() -> None:
    history = History()
    history.did(Step("first", nothing, nothing))
    undone = history.undo()
    assert undone is not None
    assert undone.words == "first"
    history.did(Step("second", nothing, nothing))
    assert history.redo() is None
