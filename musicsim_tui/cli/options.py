"""Global options, accepted before and after every command."""

from __future__ import annotations

import functools
import inspect
from typing import TYPE_CHECKING, Annotated, Any, get_type_hints

import typer

from musicsim_tui.cli.arguments import refuse_empty
from musicsim_tui.cli.current import CURRENT

if TYPE_CHECKING:
    from collections.abc import Callable

DataDir = Annotated[str | None, typer.Option("--data-dir", metavar="DIR", help="Where the library lives.")]
Model = Annotated[
    str | None, typer.Option("--model", metavar="NAME", help="How to listen: builtin, mn04 or cnn14.")
]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object on standard output.")]
Quiet = Annotated[bool, typer.Option("--quiet", help="No progress and no notices.")]
Verbose = Annotated[
    int, typer.Option("-v", "--verbose", count=True, show_default=False, help="More in the log.")
]

_GLOBAL: dict[str, tuple[Any, Any]] = {
    "data_dir": (DataDir, None),
    "model": (Model, None),
    "json": (Json, False),
    "quiet": (Quiet, False),
    "verbose": (Verbose, 0),
}


def global_options(function: Callable[..., None]) -> Callable[..., None]:
    """Give a command or callback the global options, next to its own parameters."""
    hints = get_type_hints(function, include_extras=True)
    signature = inspect.signature(function)
    own = [
        parameter.replace(annotation=hints.get(name, parameter.annotation))
        for name, parameter in signature.parameters.items()
    ]
    added = [
        inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation)
        for name, (annotation, default) in _GLOBAL.items()
    ]

    @functools.wraps(function)
    def wrapper(*args: Any, **kwargs: Any) -> None:  # noqa: ANN401 - passes a command's own parameters through
        refuse_empty(kwargs.get("data_dir"))
        CURRENT.merge({name: kwargs.pop(name) for name in _GLOBAL if name in kwargs})
        function(*args, **kwargs)

    keyword_only = [
        parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY)
        if parameter.kind is not inspect.Parameter.VAR_POSITIONAL
        else parameter
        for parameter in own
    ]
    wrapper.__signature__ = signature.replace(parameters=[*keyword_only, *added])  # type: ignore[attr-defined]
    wrapper.__annotations__ = {
        **{parameter.name: parameter.annotation for parameter in own},
        **{name: annotation for name, (annotation, _) in _GLOBAL.items()},
    }
    return wrapper
