from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from musicsim_tui.errors import UsageError
from musicsim_tui.settings import ENVIRONMENT_NAMES, Settings, load_settings


def load(
    tmp_path: Path,
    *,
    flags: dict[str, str | None] | None = None,
    environment: dict[str, str] | None = None,
    dotenv: str = "",
    config: str = "",
) -> Settings:
    (tmp_path / ".env").write_text(dotenv)
    (tmp_path / "config.toml").write_text(config)
    return load_settings(
        flags or {},
        environment=environment or {},
        dotenv=tmp_path / ".env",
        config=tmp_path / "config.toml",
    )


def test_a_flag_beats_the_environment_beats_dotenv_beats_config(tmp_path: Path) -> None:
    layers = {
        "flags": {"model": "cnn14"},
        "environment": {"MUSICSIM_MODEL": "mn04"},
        "dotenv": "MUSICSIM_MODEL=builtin",
        "config": 'model = "other"',
    }
    for source, expected in (
        ("flag", "cnn14"),
        ("environment", "mn04"),
        (".env", "builtin"),
        ("config.toml", "other"),
    ):
        settings = load(tmp_path, **layers)  # type: ignore[arg-type]
        assert (settings.model, settings.sources["model"]) == (expected, source)
        del layers[next(iter(layers))]
    assert load(tmp_path).model is None
    assert load(tmp_path).sources["model"] == "default"


def test_empty_means_unset(tmp_path: Path) -> None:
    settings = load(
        tmp_path,
        environment={"MUSICSIM_MODEL": "", "MUSICSIM_THREADS": ""},
        dotenv="MUSICSIM_MODEL=mn04\nMUSICSIM_THREADS=",
    )
    assert settings.model == "mn04"
    assert settings.threads is None


@pytest.mark.parametrize("source", ["environment", ".env", "config.toml"])
def test_the_token_is_taken_only_from_where_the_endpoint_is_set(tmp_path: Path, source: str) -> None:
    endpoint = {"QDB_ENDPOINT": "http://127.0.0.1:6333"}
    pair = {**endpoint, "QDB_API_TOKEN": "secret"}
    together = {
        "environment": {"environment": pair},
        ".env": {"dotenv": "\n".join(f"{name}={value}" for name, value in pair.items())},
        "config.toml": {"config": 'qdb_endpoint = "http://127.0.0.1:6333"\nqdb_api_token = "secret"'},
    }[source]
    assert load(tmp_path, **together).qdb_api_token == "secret"  # type: ignore[arg-type]
    apart = load(tmp_path, environment=endpoint, dotenv="QDB_API_TOKEN=secret")
    assert apart.qdb_api_token is None


def test_the_token_shows_nowhere(tmp_path: Path) -> None:
    settings = load(tmp_path, environment={"QDB_ENDPOINT": "http://x", "QDB_API_TOKEN": "s3cr3t"})
    assert "s3cr3t" not in repr(settings)
    assert "s3cr3t" not in str(settings.shown())


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("MUSICSIM_COVERAGE", "some"),
        ("MUSICSIM_COVERAGE", "0"),
        ("MUSICSIM_THREADS", "-1"),
        ("MUSICSIM_THREADS", "٣"),
        ("MUSICSIM_DEVICE", "toaster"),
        ("MUSICSIM_LOG_LEVEL", "loud"),
        ("QDB_COLLECTION", "../x"),
        ("MUSICSIM_DATA_DIR", "a\0b"),
    ],
)
def test_nonsense_is_refused_with_its_name_and_source(tmp_path: Path, name: str, value: str) -> None:
    with pytest.raises(UsageError) as caught:
        load(tmp_path, environment={name: value})
    assert name in caught.value.title
    assert "environment" in caught.value.title
    assert caught.value.hint


def test_coverage_is_full_or_a_number(tmp_path: Path) -> None:
    assert load(tmp_path, environment={"MUSICSIM_COVERAGE": "Full"}).coverage is None
    assert load(tmp_path, environment={"MUSICSIM_COVERAGE": "8"}).coverage == 8
    assert load(tmp_path).shown()["coverage"] == "full"


@pytest.mark.parametrize("text", ["[broken", "model = \xff"])
def test_a_damaged_config_is_one_clear_sentence(tmp_path: Path, text: str) -> None:
    (tmp_path / "config.toml").write_bytes(text.encode("latin-1"))
    with pytest.raises(UsageError, match=r"config\.toml cannot be read"):
        load_settings({}, environment={}, dotenv=tmp_path / "none", config=tmp_path / "config.toml")


def test_env_example_lists_exactly_the_settings() -> None:
    lines = (Path(__file__).parents[1] / ".env.example").read_text().splitlines()
    listed = [line.removeprefix("#").split("=")[0] for line in lines if "=" in line and line.startswith("#")]
    assert sorted(listed) == sorted(ENVIRONMENT_NAMES.values())


def load_or_refuse(name: str, value: str) -> Settings | UsageError:
    nowhere = Path("/nonexistent/file")
    try:
        return load_settings({}, environment={name: value}, dotenv=nowhere, config=nowhere)
    except UsageError as refusal:
        return refusal


@given(st.sampled_from(sorted(ENVIRONMENT_NAMES.values())), st.text())
def test_any_value_loads_or_is_refused_in_words(name: str, value: str) -> None:
    outcome = load_or_refuse(name, value)
    if isinstance(outcome, UsageError):
        assert outcome.title
        assert outcome.hint
    else:
        assert isinstance(outcome.data_dir, Path)
