"""What every command line stands on: the library's folder, the log, where the settings come from."""

from __future__ import annotations

import logging
import os
from pathlib import Path

import pytest

from musicsim_tui.services import Services
from tests.cli.conftest import Shell


def test_the_first_command_logs_already(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(self: Services) -> None:
        raise ZeroDivisionError("unforeseen")

    monkeypatch.setattr(Services, "diagnose", fail)
    assert shell("doctor").code == 1
    assert "unforeseen" in (shell.data_dir / "musicsim.log").read_text()


@pytest.mark.parametrize("arguments", [["list"], ["ingest"], ["search", "abcd"], ["list", "--json"]])
def test_a_library_that_cannot_be_made_is_told_in_words(
    shell: Shell, tmp_path: Path, arguments: list[str]
) -> None:
    shell.data_dir.write_text("in the way")
    for folder in (shell.data_dir, shell.data_dir / "below"):
        outcome = shell(*arguments, "--data-dir", folder)
        assert outcome.code == 1
        told = outcome.json["error"]["title"] if "--json" in arguments else outcome.err
        assert "folder" in told
        assert str(shell.data_dir) in told
        assert "Traceback" not in outcome.err
    assert shell.data_dir.read_text() == "in the way"


def test_doctor_diagnoses_a_library_that_cannot_be_made(shell: Shell) -> None:
    shell.data_dir.write_text("in the way")
    outcome = shell("doctor", "--json")
    assert outcome.code == 1
    states = {check["name"]: check["state"] for check in outcome.json["checks"]}
    assert states["packages"] == "ok"
    assert states["library"] == "fail"


def test_a_log_that_cannot_be_written_stops_nothing(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(self: Services) -> None:
        raise ZeroDivisionError("unforeseen")

    (shell.data_dir / "musicsim.log").mkdir(parents=True)
    monkeypatch.setattr(Services, "diagnose", fail)
    outcome = shell("doctor")
    assert outcome.code == 1
    assert [line.split(":")[0] for line in outcome.err.splitlines()] == ["error", "hint"]


def test_what_fails_before_there_is_a_log_is_told_in_words(
    shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise ZeroDivisionError("unforeseen")

    monkeypatch.setattr("musicsim_tui.settings.load_settings", fail)
    outcome = shell("list")
    assert outcome.code == 1
    assert [line.split(":")[0] for line in outcome.err.splitlines()] == ["error", "hint"]


@pytest.mark.parametrize(
    ("setting", "options", "level"),
    [
        ("DEBUG", ["-v"], "DEBUG"),
        ("DEBUG", [], "DEBUG"),
        ("ERROR", [], "ERROR"),
        ("WARNING", ["-v"], "INFO"),
        ("ERROR", ["-v", "-v"], "DEBUG"),
    ],
)
def test_verbosity_never_lowers_the_level(
    shell: Shell, monkeypatch: pytest.MonkeyPatch, setting: str, options: list[str], level: str
) -> None:
    monkeypatch.setenv("MUSICSIM_LOG_LEVEL", setting)
    assert shell("list", *options).code == 0
    assert logging.getLevelName(logging.getLogger("musicsim_tui").level) == level


def test_mistakes_in_the_config_are_told_once_by_every_command(shell: Shell, tmp_path: Path) -> None:
    config = tmp_path / "config" / "musicsim-tui" / "config.toml"
    config.parent.mkdir(parents=True)
    config.write_text('covrage = 8\nQDB_ENDPOINT = "http://me:s3cr3t@x"\nmodel = 5\n')
    for command in (["config", "show"], ["list"], ["sources", "forget", "x"]):
        told = shell(*command).err
        assert told.count("config.toml, ") == 1
        for words in (
            "did you mean coverage?",
            "did you mean qdb_endpoint?",
            "model has to be text in quotes",
        ):
            assert words in told
        assert "s3cr3t" not in told
    assert "did you mean coverage?" in shell("config", "--json").json["problem"]
    assert {row["value"] for row in shell("config", "--json").json["settings"] if "MODEL" in row["name"]} == {
        None
    }
    checks = {check["name"]: check for check in shell("doctor", "--json").json["checks"]}
    assert checks["settings"]["state"] == "warn"
    assert "did you mean coverage?" in checks["settings"]["detail"]


def test_an_unknown_home_is_a_usage_error(shell: Shell) -> None:
    outcome = shell("list", "--data-dir", "~nobody-of-this-name/x")
    assert outcome.code == 2
    assert "~nobody-of-this-name/x" in outcome.err
    assert len(outcome.err.splitlines()) == 2


def test_a_server_that_a_dotenv_names_is_named_with_it(shell: Shell, tmp_path: Path) -> None:
    Path(".env").write_text("QDB_ENDPOINT=http://me:s3cr3t@127.0.0.1:1")
    told = shell("list").err
    assert "127.0.0.1:1" in told
    assert os.fspath(tmp_path / ".env") in told
    assert "s3cr3t" not in told
    assert len(told.splitlines()) == 1
    assert shell("list", "--quiet").err == ""


def test_a_server_from_the_environment_needs_no_notice(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QDB_ENDPOINT", "http://127.0.0.1:1")
    assert shell("list").err == ""
