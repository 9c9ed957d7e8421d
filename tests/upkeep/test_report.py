"""The report for somebody who helps: all that helps, nothing that is private."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from musicsim_tui.errors import CatalogError
from musicsim_tui.library.catalog import Catalog
from musicsim_tui.library.records import Failure
from musicsim_tui.settings import load_settings
from musicsim_tui.upkeep.doctor import Check
from musicsim_tui.upkeep.report import LOG_LINES, Redaction, log_tail, write_report

TOKEN = "s3cr3t/t0ken+with=signs"
HOME = Path("/home/clara")


@pytest.fixture
def redact() -> Redaction:
    return Redaction([TOKEN], HOME, "clara")


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("/home/clara/Music/a.mp3", "~/Music/a.mp3"),
        ("file:///home/clara/Music", "file://~/Music"),
        ("'/home/clara'", "'~'"),
        ("/home/clarabelle/x", "/home/(user)/x"),
        ("/home/robert/x", "/home/(user)/x"),
        ("C:\\Users\\Robert\\x", "C:\\Users\\(user)\\x"),
        ("/Users/robert/x", "/Users/(user)/x"),
        ("/run/media/clara/disk", "/run/media/(user)/disk"),
        ("clara sings", "clara sings"),
        ("https://me:pass@example.org:6333/x", "https://(hidden)@example.org:6333/x"),
        ("https://example.org/watch?v=abc&key=1 failed", "https://example.org/watch?(hidden) failed"),
        ("Authorization: Bearer abc.def", "Authorization: (hidden) (hidden)"),
        ("'api-key': 'abc', next", "'api-key': '(hidden)', next"),
        ("token=abc;x", "token=(hidden);x"),
        ("the token was cancelled", "the token was cancelled"),
    ],
)
def test_what_is_private_is_taken_out(redact: Redaction, text: str, shown: str) -> None:
    assert redact(text) == shown


@given(st.text(max_size=40), st.text(max_size=40))
def test_no_secret_is_left_wherever_it_stands(before: str, after: str) -> None:
    redact = Redaction([TOKEN], HOME)
    for secret in (TOKEN, quote(TOKEN, safe="")):
        assert secret not in redact(f"{before}{secret}{after}")


@given(st.text(max_size=40), st.text(max_size=40))
def test_no_home_is_left_wherever_it_stands(before: str, after: str) -> None:
    assert "clara/" not in Redaction([], HOME)(f"{before}/home/clara/{after}").replace(after, "")


def test_a_report_tells_what_helps_and_nothing_private(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / "home"
    data_dir = home / "data"
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("QDB_API_TOKEN", TOKEN)
    nowhere = tmp_path / "nowhere"
    settings = load_settings(
        {"data_dir": str(data_dir)},
        environment={"QDB_ENDPOINT": "https://example.org:6333", "QDB_API_TOKEN": TOKEN},
        dotenv=nowhere,
        config=nowhere,
    )
    checks = [Check("disk", "ok", f"{data_dir}, 3.0 GB free"), Check("index", "fail", "gone", "Rebuild it.")]
    with Catalog.open(settings.library_path) as catalog:
        catalog.record_failures(
            [
                Failure(
                    home / f"my song {number}.mp3", None, "decode", "It is damaged.", "Convert it.", 1.0, 1
                )
                for number in range(3)
            ]
        )
        settings.log_path.write_text(f"first\nsent {TOKEN} from {home}/x \x1b[31m\n")
        report = write_report(settings, checks, lambda: catalog)
    for text in (
        "ok    disk: ~/data, 3.0 GB free",
        "fail  index: gone",
        "Rebuild it.",
        "QDB_API_TOKEN = (hidden) (environment)",
        "3 x decode: It is damaged. (.mp3)",
        "first",
        "sent (hidden) from ~/x",
    ):
        assert text in report
    for text in (TOKEN, str(home), "my song", "\x1b"):
        assert text not in report


@pytest.mark.parametrize(
    ("name", "reason", "told"),
    [
        ("empty.flac", "The file is empty.", "The file is empty."),
        ("The", "The file is empty.", "The file is empty."),
        ("a.mp3", "It has a flaw.", "It has a flaw."),
        ("1.mp3", "1 of 12 packets is damaged.", "1 of 12 packets is damaged."),
        ("empty.flac", "empty.flac is damaged.", "(file) is damaged."),
        ("Anna.flac", "There is no 'Anna' to read.", "There is no '(file)' to read."),
        ("Anna and I.flac", "Anna and I cannot be read.", "(file) cannot be read."),
        ("Anna.flac", "/music/Anna.flac cannot be read.", "(file) cannot be read."),
    ],
)
def test_names_of_files_are_taken_out_of_reasons_and_ordinary_words_are_not(
    tmp_path: Path, name: str, reason: str, told: str
) -> None:
    nowhere = tmp_path / "nowhere"
    settings = load_settings(
        {"data_dir": str(tmp_path / "data")}, environment={}, dotenv=nowhere, config=nowhere
    )
    with Catalog.open(settings.library_path) as catalog:
        catalog.record_failures([Failure(Path("/music") / name, None, "decode", reason, "Hint.", 1.0, 1)])
        assert f"1 x decode: {told} (" in write_report(settings, [], lambda: catalog)


def test_a_report_is_made_of_a_library_that_cannot_be_opened(tmp_path: Path) -> None:
    nowhere = tmp_path / "nowhere"
    settings = load_settings({"data_dir": str(tmp_path)}, environment={}, dotenv=nowhere, config=nowhere)

    def broken() -> Catalog:
        raise CatalogError("The library is damaged.", "Restore it.")

    report = write_report(settings, [], broken)
    assert "not known: The library is damaged." in report
    assert "empty" in report


def test_the_end_of_the_log_is_read_whatever_its_size(tmp_path: Path) -> None:
    path = tmp_path / "log"
    assert log_tail(path, 10) == []
    path.write_bytes(b"".join(b"line %d \xff\tx\n" % number for number in range(50_000)))
    lines = log_tail(path, LOG_LINES)
    assert len(lines) == LOG_LINES
    assert lines[-1].startswith("line 49999 ")
    assert log_tail(path, 1_000_000)[0].startswith("line ")
