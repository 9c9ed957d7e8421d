"""`musicsim-tui preview`: plays a track or a file at once, or hands its sound on as WAV."""

from __future__ import annotations

import os
import sys
import threading
from contextlib import closing, contextmanager
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from musicsim_tui.cli import output
from musicsim_tui.cli.arguments import refuse_empty
from musicsim_tui.cli.current import CURRENT
from musicsim_tui.cli.noise import only_our_words
from musicsim_tui.cli.options import global_options
from musicsim_tui.cli.session import open_services
from musicsim_tui.cli.times import parse_clock
from musicsim_tui.errors import UnmetRequest, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from musicsim_tui.audio.player import PlaybackState
    from musicsim_tui.jobs import CancelToken
    from musicsim_tui.services.preview import Playable
    from musicsim_tui.track import Samples

_WAV_RATE = 44100
_LOOK_SECONDS = 0.1
_STANDARD_OUTPUT = "-"


@dataclass(frozen=True, slots=True)
class _Excerpt:
    """What to play: from `start` on, for `seconds` or to the end, with a gain in dB."""

    playable: Playable
    start: float
    seconds: float | None
    gain_db: float


@global_options
def preview(
    what: Annotated[str, typer.Argument(metavar="TRACK_ID|FILE", help="A track's id, or any audio file.")],
    at: Annotated[str, typer.Option("--at", metavar="TIME", help="Where to begin, such as 0:50.")] = "0",
    seconds: Annotated[
        str | None, typer.Option("--seconds", metavar="N", help="Play no more than N seconds.")
    ] = None,
    wav: Annotated[
        str | None,
        typer.Option("--wav", metavar="FILE", help="Write WAV to a file, or - for standard output."),
    ] = None,
    match_loudness: Annotated[
        bool, typer.Option("--match-loudness", help="As loud as every other track.")
    ] = False,
) -> None:
    """Play a track or a file; Ctrl-C stops. Over ssh: ssh HOST musicsim-tui preview ... --wav - | mpv -"""
    from musicsim_tui.services.preview import find_playable

    refuse_empty(what, wav)
    start, limit = parse_clock(at), None if seconds is None else parse_clock(seconds)
    if limit == 0:
        raise UsageError("Nothing is to be played.", "Give --seconds more than 0.")
    _check_target(wav)
    with open_services() as (services, cancel):
        playable = find_playable(services, what)
        if playable.duration is not None and start >= playable.duration:
            raise UnmetRequest(
                f"{playable.title!r} is over at {output.clock(playable.duration)}.",
                "Begin before that with --at.",
            )
        chosen = _Excerpt(playable, start, limit, playable.matching_gain if match_loudness else 0.0)
        played = _play(chosen, cancel) if wav is None else _write(chosen, wav, cancel)
    if not played:
        raise _nothing_there(chosen)
    if wav != _STANDARD_OUTPUT:
        _tell(chosen, played, wav)


def _check_target(wav: str | None) -> None:
    if wav == _STANDARD_OUTPUT:
        if CURRENT.json:
            raise UsageError(
                "Sound and JSON cannot both go to standard output.", "Leave out --json, or name a file."
            )
        if sys.stdout.isatty():
            raise UsageError(
                "A terminal cannot play sound.", "Send it on: musicsim-tui preview ... --wav - | mpv -"
            )
    elif wav is not None:
        if Path(wav).suffix.lower() != ".wav":
            raise UsageError(f"{wav} does not end in .wav.", "WAV is what is written: name the file so.")
        if os.path.lexists(wav):
            raise UnmetRequest(f"{wav} is there already.", "Name another file, or delete this one first.")


def _play(chosen: _Excerpt, cancel: CancelToken) -> float:
    """Play on the sound device; returns how many seconds. Raises PlaybackError, AudioError, Cancelled."""
    from musicsim_tui.audio.playback import open_player

    ended = threading.Event()
    endings: list[PlaybackState] = []

    def on_end(state: PlaybackState) -> None:
        endings.append(state)
        ended.set()

    with only_our_words(), closing(open_player(on_end)) as player:
        _raise_problem(player.state)
        player.play(chosen.playable.path, chosen.start, chosen.gain_db)
        with _position_line(chosen.playable) as show:
            while not ended.wait(_LOOK_SECONDS):
                cancel.check()
                state = player.state
                show(state)
                if state.position <= chosen.start or state.status == "paused":
                    _raise_problem(state)
                elif chosen.seconds is not None and state.position >= chosen.start + chosen.seconds:
                    return chosen.seconds
        _raise_problem(endings[0])
        return max(0.0, endings[0].position - chosen.start)


def _nothing_there(chosen: _Excerpt) -> UnmetRequest:
    return UnmetRequest(
        f"There is nothing to play at {output.clock(chosen.start)}.",
        "The recording is over by then: begin earlier with --at.",
    )


def _raise_problem(state: PlaybackState) -> None:
    if state.problem is not None:
        raise state.problem


def _write(chosen: _Excerpt, wav: str, cancel: CancelToken) -> float:
    """Write WAV; returns how many seconds. Raises AudioError, StorageError, Cancelled."""
    from musicsim_tui.audio.decode import decode_stereo
    from musicsim_tui.audio.encode import write_audio
    from musicsim_tui.audio.excerpt import excerpt
    from musicsim_tui.audio.loudness import as_factor
    from musicsim_tui.audio.wav import wav_stream

    limit = None if chosen.seconds is None else round(chosen.seconds * _WAV_RATE)
    written = 0

    def counted(blocks: Iterator[Samples]) -> Iterator[Samples]:
        nonlocal written
        for block in blocks:
            written += block.shape[1]
            yield block

    with closing(
        decode_stereo(chosen.playable.path, _WAV_RATE, start=chosen.start, cancel=cancel)
    ) as decoded:
        blocks = counted(excerpt(decoded, limit, as_factor(chosen.gain_db)))
        first = next(blocks, None)
        if first is None:
            raise _nothing_there(chosen)
        blocks = chain([first], blocks)
        if wav == _STANDARD_OUTPUT:
            with output.to_stdout():  # ends when whoever listens has heard enough
                for piece in wav_stream(blocks, _WAV_RATE):
                    cancel.check()
                    sys.stdout.buffer.write(piece)
                sys.stdout.buffer.flush()
        else:
            write_audio(Path(wav), blocks, _WAV_RATE, cancel=cancel)
    return written / _WAV_RATE


def _tell(chosen: _Excerpt, played: float, wav: str | None) -> None:
    playable = chosen.playable
    if CURRENT.json:
        output.emit(
            {
                "path": str(playable.path),
                "id": None if playable.track_id is None else str(playable.track_id),
                "title": playable.title or None,
                "artist": playable.artist or None,
                "at": round(chosen.start, 3),
                "seconds": round(played, 3),
                "wav": wav,
            }
        )
    elif wav is not None:
        output.say(f"Wrote {output.duration_words(played)} to {output.plain(wav)}.")


@contextmanager
def _position_line(playable: Playable) -> Iterator[Callable[[PlaybackState], None]]:
    """One line on a terminal: what plays and how far it is."""
    if not output.shows_progress():
        yield lambda _: None
        return
    from rich.console import Console
    from rich.live import Live
    from rich.text import Text

    name = " — ".join(output.plain(words) for words in (playable.title, playable.artist) if words)
    console = Console(file=sys.stderr)
    with Live(
        console=console,
        auto_refresh=False,
        transient=True,
        redirect_stdout=False,
        redirect_stderr=False,
    ) as live:

        def show(state: PlaybackState) -> None:
            length = state.duration or playable.duration
            words = f" {output.clock(state.position)}/{output.clock(length)}"
            room = max(10, console.width - len(words) - 3)
            line = Text(f"▶ {name}", overflow="ellipsis", no_wrap=True)
            line.truncate(room, overflow="ellipsis")
            live.update(line.append(words), refresh=True)

        yield show
