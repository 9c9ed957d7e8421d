"""How soon a preview is heard: `python -m tests.benchmarks.preview [--busy]`. Prints JSON.

Plays four-minute files from their middle on a device that is open already, as it is while one goes through a
list. `handed_over_ms` ends when the device has taken the first sample; it plays it `latency_ms` later. With
`--busy`, a thread of pure Python competes for the interpreter meanwhile; `gaps` counts silences of 15 ms in
what arrives at the sound card.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from musicsim_tui.audio.encode import write_audio
from musicsim_tui.audio.playback import open_player
from musicsim_tui.audio.sound_device import LATENCY_SECONDS
from tests.harness import sound
from tests.harness.audio_files import RATE, tone
from tests.harness.processes import wait_for

if TYPE_CHECKING:
    from musicsim_tui.audio.player import Player

_SUFFIXES = (".mp3", ".m4a", ".flac", ".opus", ".ogg", ".wav")
_MIDDLE_SECONDS = 120.0
_POLL_SECONDS = 0.0005
_LISTEN_SECONDS = 0.5


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=20, help="plays of each format")
    parser.add_argument("--busy", action="store_true", help="beside a thread that computes in Python")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        print(json.dumps(measure(Path(folder), chosen.rounds, busy=chosen.busy)))


def measure(folder: Path, rounds: int, *, busy: bool) -> dict[str, object]:
    both = np.stack([tone(440.0, 240.0)] * 2)
    paths = [folder / f"song{suffix}" for suffix in _SUFFIXES]
    for path in paths:
        write_audio(path, both, RATE)
    card = sound.make_sound_card(folder / "card")
    os.environ.update(card.environment)
    sound.restart_portaudio()
    done = threading.Event()
    if busy:
        threading.Thread(target=_compute, args=(done,), daemon=True).start()
    player = open_player()
    handed_over = [_handed_over_ms(player, path) for _ in range(rounds) for path in paths]
    player.close()
    done.set()
    first, *warm = handed_over
    return {
        "busy": busy,
        "plays": len(handed_over),
        "cold_handed_over_ms": round(first, 1),
        "handed_over_ms": {
            name: round(float(np.percentile(warm, share)), 1)
            for name, share in (("median", 50), ("p95", 95), ("worst", 100))
        },
        "latency_ms": LATENCY_SECONDS * 1000,
        "gaps": len(card.parts()) - len(handed_over),
    }


def _handed_over_ms(player: Player, path: Path) -> float:
    pause = threading.Event()
    began = time.perf_counter()
    player.play(path, _MIDDLE_SECONDS)
    while player.state.position <= _MIDDLE_SECONDS:
        pause.wait(_POLL_SECONDS)
    seconds = time.perf_counter() - began
    wait_for(lambda: player.state.position >= _MIDDLE_SECONDS + _LISTEN_SECONDS, "half a second is played")
    player.stop()
    pause.wait(2 * LATENCY_SECONDS)
    return seconds * 1000


def _compute(done: threading.Event) -> None:
    while not done.is_set():
        sum(number * number for number in range(10_000))


if __name__ == "__main__":
    main()
