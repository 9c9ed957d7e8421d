"""Real files in layouts beyond the usual one of each format, by name."""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from tests.harness.audio_files import EVERY_SUFFIX, RATE, music, write_channels, write_music

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class _Layout:
    """What encoder and container are told. `rate` where the encoder knows few."""

    codec: str
    options: dict[str, str] = field(default_factory=dict)
    container_options: dict[str, str] = field(default_factory=dict)
    rate: int = RATE


_FRAGMENTS = {"frag_duration": "3000000"}

_LAYOUTS = {
    "constant rate.mp3": _Layout("libmp3lame", {"b": "128000"}),
    "bare, constant rate.mp3": _Layout("libmp3lame", {"b": "128000"}, {"write_xing": "0"}),
    "bare, variable rate.mp3": _Layout(
        "libmp3lame", {"flags": "+qscale", "global_quality": "236"}, {"write_xing": "0"}
    ),
    "index first.m4a": _Layout("aac", {}, {"movflags": "+faststart"}),
    "lossless, index first.m4a": _Layout("alac", {}, {"movflags": "+faststart"}),
    "fragments.m4a": _Layout("aac", {}, {"movflags": "+dash", **_FRAGMENTS}),
    "fragments with an index.m4a": _Layout(
        "aac", {}, {"movflags": "+dash+global_sidx+empty_moov", **_FRAGMENTS}
    ),
    "flac.oga": _Layout("flac"),
    "vorbis.webm": _Layout("vorbis", {"strict": "experimental"}),
    "live.webm": _Layout("libopus", {}, {"live": "1"}, rate=48000),
    "uncompressed.mka": _Layout("pcm_s16le"),
    "extensible.wav": _Layout("pcm_s24le"),
    "floats.wav": _Layout("pcm_f32le"),
    "adpcm.wav": _Layout("adpcm_ima_wav"),
    "mp3.wav": _Layout("libmp3lame"),
    "rf64.wav": _Layout("pcm_s16le", {}, {"rf64": "always"}),
    "uncompressed.caf": _Layout("pcm_s16be"),
    "plain.au": _Layout("pcm_s16be"),
    "plain.wv": _Layout("wavpack"),
    "plain.tta": _Layout("tta"),
    "plain.ac3": _Layout("ac3"),
}
EVERY_LAYOUT = (*(f"usual{suffix}" for suffix in EVERY_SUFFIX), *_LAYOUTS)
"""The usual layout of every format that can be written, and the others."""


def write_layout(folder: Path, name: str, seconds: float) -> Path:
    """Something musical in the layout of that name."""
    path = folder / name
    layout = _LAYOUTS.get(name)
    if layout is None:
        return write_music(path, 3, seconds)
    return write_channels(
        path,
        np.stack([music(3, seconds, rate=layout.rate)] * 2),
        "stereo",
        layout.codec,
        rate=layout.rate,
        options=layout.options,
        container_options=layout.container_options,
    )


def write_film(path: Path, seconds: int, sound_seconds: int) -> Path:
    """Black pictures, 25 a second, with something musical below the first of them."""
    import av

    black = np.zeros((64, 64, 3), np.uint8)
    sound = music(3, sound_seconds, rate=48000)[None]
    with av.open(str(path), "w") as container:
        pictures = container.add_stream("mpeg4", rate=25)
        pictures.width = pictures.height = 64
        pictures.pix_fmt = "yuv420p"
        stream = cast("Any", container.add_stream("aac", rate=48000))
        stream.layout = "mono"
        for second in range(seconds):
            for number in range(25):
                picture = av.VideoFrame.from_ndarray(black, format="rgb24")
                picture.pts, picture.time_base = 25 * second + number, Fraction(1, 25)
                container.mux(pictures.encode(picture))
            block = np.ascontiguousarray(sound[:, 48000 * second : 48000 * (second + 1)])
            if block.size:
                frame = av.AudioFrame.from_ndarray(block, format="fltp", layout="mono")
                frame.sample_rate, frame.pts, frame.time_base = 48000, 48000 * second, Fraction(1, 48000)
                container.mux(stream.encode(frame))
        container.mux(pictures.encode(None))
        container.mux(stream.encode(None))
    return path
