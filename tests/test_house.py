"""The rules of the house that neither the linter nor the type checker knows."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

README = Path(__file__).parents[1] / "README.md"
PACKAGE = README.parent / "musicsim_tui"
MODULES = sorted(PACKAGE.rglob("*.py"))
LONGEST_MODULE, LONGEST_FUNCTION = 400, 60
LONGEST = {"tui/app.py": 200}
"""Modules that must stay shorter than the others."""


def name_of(path: Path) -> str:
    return path.relative_to(PACKAGE).as_posix()


def nodes(path: Path) -> Iterator[ast.AST]:
    return ast.walk(ast.parse(path.read_text()))


def test_there_is_a_house() -> None:
    assert {"__main__.py", "cli/main.py", "track.py"} <= {name_of(path) for path in MODULES}


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_a_module_is_short_and_says_what_it_is(path: Path) -> None:
    text = path.read_text()
    assert len(text.splitlines()) < LONGEST.get(name_of(path), LONGEST_MODULE)
    assert ast.get_docstring(ast.parse(text)), "the module has no docstring"


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_functions_are_short(path: Path) -> None:
    lengths = [
        (node.name, (node.end_lineno or node.lineno) - node.lineno + 1)
        for node in nodes(path)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    ]
    assert [name for name, length in lengths if length >= LONGEST_FUNCTION] == []


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_only_the_command_line_prints(path: Path) -> None:
    printing = any(
        isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "print"
        for node in nodes(path)
    )
    assert not printing or name_of(path).startswith("cli/")


def test_the_picture_in_the_readme_is_complete_in_itself() -> None:
    pictures = re.findall(r"!\[.+?\]\((.+?)\)", README.read_text())
    assert pictures
    for picture in pictures:
        drawn = (README.parent / picture).read_text()
        assert set(re.findall(r"https?://[^\"' )]+", drawn)) <= {
            "http://www.w3.org/2000/svg",
            "https://www.textualize.io",
        }
