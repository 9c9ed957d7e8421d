from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from musicsim_tui.errors import UnmetRequest, UsageError
from musicsim_tui.jobs import CancelToken
from musicsim_tui.library.records import HEARD_STAGES, Failure
from musicsim_tui.services import Services
from musicsim_tui.track import ModelVersion
from tests.harness.library import library
from tests.library.samples import embedding, heard, record

OLD = ModelVersion("mn04", 1, 384)
EARLIER = ModelVersion("builtin", 0, 12)


@pytest.fixture
def notices() -> list[str]:
    return []


@pytest.fixture
def services(tmp_path: Path, notices: list[str]) -> Iterator[Services]:
    """Five tracks heard with an old model; the library listens with `builtin` and has heard two of them."""
    with library(tmp_path / "data", notices) as opened:
        opened.catalog.store([heard(number, heard_as=embedding(number, OLD)) for number in range(1, 6)])
        opened.models.use("builtin")
        hear_anew(opened, 1, 2)
        yield opened


def hear_anew(services: Services, *numbers: int) -> None:
    new = services.models.listening().model
    services.catalog.store([heard(number, heard_as=embedding(number, new)) for number in numbers])


def test_search_stays_on_the_old_model_until_the_new_one_has_heard_the_rest(
    services: Services, notices: list[str]
) -> None:
    assert services.models.searching() == OLD
    (notice,) = notices
    assert "has heard 2 of 5 tracks" in notice
    hear_anew(services, 3, 4, 5)
    assert services.models.searching().name == "builtin"
    assert len(notices) == 1


def test_what_cannot_be_heard_again_does_not_keep_search_on_the_old_model(services: Services) -> None:
    services.catalog.mark_missing([record(3).path])
    services.catalog.record_failures([Failure(record(4).path, None, "decode", "damaged", "", 0.0, 1)])
    assert services.models.searching() == OLD
    hear_anew(services, 5)
    assert services.models.searching().name == "builtin"


def test_of_models_that_have_heard_all_the_librarys_own_answers(services: Services, tmp_path: Path) -> None:
    hear_anew(services, 3, 4, 5)
    notices: list[str] = []
    services.close()
    for own in ("mn04", "builtin"):
        with library(tmp_path / "data", notices, MUSICSIM_MODEL="cnn14") as reopened:
            reopened.catalog.set_meta("model", own)
            assert reopened.models.searching().name == own
    with library(tmp_path / "data", notices) as reopened:
        reopened.catalog.set_meta("model", "cnn14")
        assert reopened.models.searching().name == "mn04"
    assert "cnn14 has heard 0 of 5 tracks" in notices[-1]
    assert "until musicsim-tui models install cnn14 and musicsim-tui ingest has" in notices[-1]


def test_of_versions_of_a_model_the_current_one_answers(services: Services, tmp_path: Path) -> None:
    hear_anew(services, 3, 4, 5)
    services.catalog.store([heard(number, heard_as=embedding(number, EARLIER)) for number in range(1, 6)])
    current = services.models.listening().model
    services.close()
    with library(tmp_path / "data", MUSICSIM_MODEL="cnn14") as reopened:
        assert reopened.models.searching() == current


@pytest.mark.parametrize("stage", HEARD_STAGES)
def test_a_flawed_file_is_still_to_be_heard_by_the_new_model(services: Services, stage: str) -> None:
    hear_anew(services, 3, 4)
    services.catalog.record_failures([Failure(record(5).path, None, stage, "flawed", "", 0.0, 1)])
    assert services.models.searching() == OLD
    hear_anew(services, 5)
    assert services.models.searching().name == "builtin"


@pytest.mark.parametrize("indexed", [False, True])
def test_a_forgotten_model_leaves_catalog_and_index(services: Services, indexed: bool) -> None:
    if indexed:
        services.engine.finish_ingest(lambda _: None, CancelToken())
    assert services.forget_model("mn04", CancelToken()) == 5
    assert [use.model.name for use in services.catalog.models()] == ["builtin"]
    index = services.engine.open()
    assert index is not None
    assert index.count(OLD) == 0
    assert index.count(services.models.listening().model) == (2 if indexed else 0)
    assert services.forget_model("mn04", CancelToken()) == 0


def test_of_the_listening_model_only_earlier_versions_are_forgotten(services: Services) -> None:
    services.catalog.store([heard(1, heard_as=embedding(1, EARLIER))])
    assert services.forget_model("builtin", CancelToken()) == 1
    with pytest.raises(UnmetRequest, match="listens with"):
        services.forget_model("builtin", CancelToken())
    with pytest.raises(UsageError, match="no model"):
        services.forget_model("bulitin", CancelToken())
    assert services.catalog.embedded_count(services.models.listening().model) == 2


def test_the_librarys_own_model_is_kept_whatever_a_flag_says(tmp_path: Path) -> None:
    with library(tmp_path / "data", MUSICSIM_MODEL="mn04") as services:
        services.catalog.store([heard(1)])
        services.models.use("builtin")
        with pytest.raises(UnmetRequest, match="listens with"):
            services.forget_model("builtin", CancelToken())
