"""What sets results apart, on the command line."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.harness.changes import CHANGES, write_changes

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cli.conftest import Shell


def test_search_tells_what_sets_each_result_apart(shell: Shell, tmp_path: Path) -> None:
    original = write_changes(tmp_path / "music")
    assert shell("ingest", tmp_path / "music").code == 0
    expected: dict[str, str | None] = {title: word for title, (_, word) in CHANGES.items()}
    results = shell("search", original, "--json").json["results"]
    assert {result["title"]: result["apart"] for result in results} == {**expected, "copy": None}
    explained = shell("search", original, "--explain")
    assert "builtin names no sounds" in explained.err
    lines = explained.out.splitlines()
    assert lines[0].split()[-1] == "Apart"
    for title, word in expected.items():
        assert next(line for line in lines if title in line).rstrip().endswith(f"  {word}")
    assert "same recording" in next(line for line in lines if "copy" in line)
    assert "Apart" not in shell("search", original).out
