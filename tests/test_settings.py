from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from musicsim_tui.errors import SettingsError
from musicsim_tui.settings import ENVIRONMENT_NAMES, Settings, load_settings, without_secrets


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
        ("MUSICSIM_THREADS", "257"),
        ("MUSICSIM_THREADS", "٣"),
        ("MUSICSIM_DEVICE", "toaster"),
        ("MUSICSIM_DEVICE", "cpu:1"),
        ("MUSICSIM_DEVICE", "cuda:"),
        ("MUSICSIM_DEVICE", "cuda:x"),
        ("MUSICSIM_LOG_LEVEL", "loud"),
        ("QDB_COLLECTION", "../x"),
        ("QDB_COLLECTION", ".hidden"),
        ("QDB_COLLECTION", "x" * 101),
        ("MUSICSIM_DATA_DIR", "a\0b"),
        ("MUSICSIM_DATA_DIR", "~nobody-of-this-name/x"),
    ],
)
def test_nonsense_is_refused_with_its_name_and_source(tmp_path: Path, name: str, value: str) -> None:
    with pytest.raises(SettingsError) as caught:
        load(tmp_path, environment={name: value})
    assert name in caught.value.title
    assert "environment" in caught.value.title
    assert caught.value.hint


def test_coverage_is_full_or_a_number(tmp_path: Path) -> None:
    assert load(tmp_path, environment={"MUSICSIM_COVERAGE": "Full"}).coverage is None
    assert load(tmp_path, environment={"MUSICSIM_COVERAGE": "8"}).coverage == 8
    assert load(tmp_path).shown()["coverage"] == "full"


@pytest.mark.parametrize("device", ["auto", "cpu", "mps", "cuda", "cuda:1", "CUDA:0"])
def test_every_device_that_the_networks_know_is_accepted(tmp_path: Path, device: str) -> None:
    assert load(tmp_path, environment={"MUSICSIM_DEVICE": device}).device == device.lower()


@given(st.text(st.sampled_from("aZ0_.-/ \n"), min_size=1, max_size=4) | st.just("x" * 101))
def test_settings_and_index_agree_on_what_names_a_collection(prefix: str) -> None:
    from musicsim_tui.index.points import checked_prefix

    try:
        named = checked_prefix(prefix) == prefix
    except SettingsError:
        named = False
    assert isinstance(load_or_refuse("QDB_COLLECTION", prefix), Settings) == named


def test_dotenv_values_are_taken_as_they_stand(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME_SECRET", "s3cr3t")
    settings = load(tmp_path, dotenv="QDB_ENDPOINT=http://x/${HOME_SECRET}\nQDB_API_TOKEN='${HOME_SECRET}'")
    assert settings.qdb_endpoint == "http://x/${HOME_SECRET}"
    assert settings.qdb_api_token == "${HOME_SECRET}"


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("http://user:s3cr3t@host:6333/path", "http://(hidden)@host:6333/path"),
        ("s3cr3t@host", "(hidden)@host"),
        ("https://user:s3/cr3t@host/x", "https://(hidden)@host/x"),
        ("https://user:s3?cr3t@host", "https://(hidden)@host"),
        ("https://user:s3://cr3t@host", "https://(hidden)@host"),
        ("user:s3://cr3t@host", "(hidden)@host"),
        ("https://host/x?token=s3cr3t", "https://host/x?(hidden)"),
        ("https://mirror.example/music@v1/x", "https://mirror.example/music@v1/x"),
        ("http://[::1]:6333", "http://[::1]:6333"),
        ("localhost:6333", "localhost:6333"),
    ],
)
def test_a_password_in_an_address_shows_nowhere(tmp_path: Path, address: str, shown: str) -> None:
    settings = load(tmp_path, environment={"QDB_ENDPOINT": address, "MUSICSIM_WEIGHTS_URL": address})
    assert (settings.qdb_endpoint, settings.weights_url) == (address, address)
    assert settings.shown()["qdb_endpoint"] == settings.shown()["weights_url"] == shown
    assert "cr3t" not in repr(settings)
    assert f"qdb_endpoint={shown!r}" in repr(settings)


@given(st.text(min_size=1), st.sampled_from(["http://", "https://", ""]))
def test_no_password_survives_hiding(password: str, scheme: str) -> None:
    assume(not re.match("[0-9]+[/?#]", password))  # that would be a host's port
    assert without_secrets(f"{scheme}user:{password}@host") == f"{scheme}(hidden)@host"


@pytest.mark.parametrize("text", ["[broken", "model = \xff"])
def test_a_damaged_config_is_one_clear_sentence(tmp_path: Path, text: str) -> None:
    (tmp_path / "config.toml").write_bytes(text.encode("latin-1"))
    with pytest.raises(SettingsError, match=r"config\.toml cannot be read"):
        load_settings({}, environment={}, dotenv=tmp_path / "none", config=tmp_path / "config.toml")


@pytest.mark.parametrize(
    ("config", "told"),
    [
        ("covrage = 8", "'covrage' (did you mean coverage?)"),
        ('QDB_ENDPOINT = "http://x"', "'QDB_ENDPOINT' (did you mean qdb_endpoint?)"),
        ('MUSICSIM_COVERAGE = "abc"', "'MUSICSIM_COVERAGE' (did you mean coverage?)"),
        ("[downlod]\npause = 1", "'downlod' (did you mean download?)"),
        ("zzzzzzz = 1", "'zzzzzzz'"),
        ("model = 5", "model has to be text in quotes"),
        ("coverage = 1.5", "coverage has to be a number, or text in quotes"),
        ("threads = true", "threads has to be a number"),
        ("qdb_api_token = ['s3cr3t']", "qdb_api_token has to be text"),
    ],
)
def test_what_is_left_out_of_the_config_is_told(tmp_path: Path, config: str, told: str) -> None:
    settings = load(tmp_path, config=config)
    assert settings.problem is not None
    assert told in settings.problem
    assert "config.toml" in settings.problem
    assert "s3cr3t" not in settings.problem
    assert set(settings.sources.values()) == {"default"}


def test_a_config_without_mistakes_has_no_problem(tmp_path: Path) -> None:
    right = 'coverage = 8\nthreads = "2"\nmodel = ""\ntheme = "nord"\nascii = true\ncalm = false\n'
    settings = load(tmp_path, config=f"{right}[keys]\nhelp = 'f1'\n[download]\npause = 1\n")
    assert settings.problem is None
    assert (settings.coverage, settings.threads, settings.model) == (8, 2, None)


def test_the_readme_lists_the_keys_of_the_config() -> None:
    words = (Path(__file__).parents[1] / "README.md").read_text().split("## Settings")[1].split("## ")[0]
    assert [name for name in ENVIRONMENT_NAMES if f"`{name}`" not in words] == []


def test_env_example_lists_exactly_the_settings() -> None:
    lines = (Path(__file__).parents[1] / ".env.example").read_text().splitlines()
    listed = [line.removeprefix("#").split("=")[0] for line in lines if "=" in line and line.startswith("#")]
    assert sorted(listed) == sorted(ENVIRONMENT_NAMES.values())


def load_or_refuse(name: str, value: str) -> Settings | SettingsError:
    nowhere = Path("/nonexistent/file")
    try:
        return load_settings({}, environment={name: value}, dotenv=nowhere, config=nowhere)
    except SettingsError as refusal:
        return refusal


@given(st.sampled_from(sorted(ENVIRONMENT_NAMES.values())), st.text())
def test_any_value_loads_or_is_refused_in_words(name: str, value: str) -> None:
    outcome = load_or_refuse(name, value)
    if isinstance(outcome, SettingsError):
        assert outcome.title
        assert outcome.hint
    else:
        assert isinstance(outcome.data_dir, Path)
