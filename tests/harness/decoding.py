"""A hook before the first look into a file: to hold decoding, to make it fail, to see what it is asked."""

from __future__ import annotations

from typing import TYPE_CHECKING

from musicsim_tui.ingest.decoder import LocalDecoder

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    import pytest

    from musicsim_tui.audio.identity import AudioFile
    from musicsim_tui.audio.windows import AudioWindow
    from musicsim_tui.jobs import CancelToken


def before_decoding(monkeypatch: pytest.MonkeyPatch, hook: Callable[[Path, CancelToken], None]) -> None:
    """Let decoders in this process call `hook` with the file, and the token of whoever waits for it, before
    they first look into it. Only small folders are decoded in this process."""
    examine, windows = LocalDecoder.examine, LocalDecoder.windows

    def hooked_examine(decoder: LocalDecoder, path: Path) -> AudioFile:
        hook(path, decoder._cancel)
        return examine(decoder, path)

    def hooked_windows(
        decoder: LocalDecoder, path: Path, expected_seconds: float | None, *, identify: bool = False
    ) -> Iterator[AudioWindow]:
        if identify:
            hook(path, decoder._cancel)
        yield from windows(decoder, path, expected_seconds, identify=identify)

    monkeypatch.setattr(LocalDecoder, "examine", hooked_examine)
    monkeypatch.setattr(LocalDecoder, "windows", hooked_windows)
