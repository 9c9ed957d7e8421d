"""The pipeline over a folder, and a hook before the first look into a file: to hold it or make it fail."""

from __future__ import annotations

from typing import TYPE_CHECKING

from musicsim_tui.ingest.decoder import LocalDecoder
from musicsim_tui.ingest.pipeline import Pipeline
from musicsim_tui.ingest.plan import make_plan
from musicsim_tui.jobs import CancelToken

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    import pytest

    from musicsim_tui.audio.identity import AudioFile
    from musicsim_tui.audio.windows import AudioWindow
    from musicsim_tui.services import Services


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


def pipeline_over(
    services: Services, folder: Path, *, threads: int = 1, hang_seconds: float = 60.0
) -> Pipeline:
    """A pipeline that hears everything in a folder with the built-in embedder."""
    embedder = services.models.embedder("builtin")
    services.catalog.add_root(folder)
    plan = make_plan(
        services.catalog,
        services.catalog.roots(),
        embedder.model,
        None,
        retry_failed=False,
        cancel=CancelToken(),
    )
    return Pipeline(
        services.catalog,
        embedder,
        plan,
        None,
        threads=threads,
        publish=lambda _: None,
        index_new=lambda: None,
        notice=lambda _: None,
        hang_seconds=hang_seconds,
    )
