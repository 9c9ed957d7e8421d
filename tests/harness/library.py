"""A library in a temporary folder, with the real services on it."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from musicsim_tui.ingest.ingest import IngestHooks, IngestRequest
from musicsim_tui.jobs import CancelToken
from musicsim_tui.services import Services
from musicsim_tui.settings import load_settings

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from musicsim_tui.ingest.report import IngestSummary
    from musicsim_tui.settings import Settings


def settings_for(data_dir: Path, **environment: str) -> Settings:
    """Settings of a library in `data_dir`, untouched by the environment and the files of this machine."""
    nowhere = data_dir / "nowhere"
    return load_settings({"data_dir": str(data_dir)}, environment=environment, dotenv=nowhere, config=nowhere)


@contextmanager
def library(data_dir: Path, notices: list[str] | None = None, **environment: str) -> Iterator[Services]:
    """The services of a library; what they notice is appended to `notices`."""
    heard = [] if notices is None else notices
    services = Services(settings_for(data_dir, **environment), notice=heard.append)
    try:
        yield services
    finally:
        services.close()


def ingest_into(
    services: Services, *paths: Path, hooks: IngestHooks | None = None, retry_failed: bool = False
) -> IngestSummary:
    """Ingest paths, or refresh when none is given."""
    request = IngestRequest(
        paths=paths, coverage=services.settings.coverage, retry_failed=retry_failed, threads=2
    )
    return services.ingest(request, hooks or IngestHooks(), CancelToken())
