"""`musicsim-tui models`: the ways of listening, and their weights."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from musicsim_tui.cli import output
from musicsim_tui.cli.arguments import refuse_empty
from musicsim_tui.cli.asking import confirmed
from musicsim_tui.cli.current import CURRENT
from musicsim_tui.cli.options import global_options
from musicsim_tui.cli.output import Column
from musicsim_tui.cli.session import open_services

if TYPE_CHECKING:
    from musicsim_tui.embedding.registry import ModelInfo

app = typer.Typer(help="List, install, choose, verify or forget models.", invoke_without_command=True)


@app.callback()
@global_options
def _default(ctx: typer.Context) -> None:
    if ctx.invoked_subcommand is None:
        _print_models()


@app.command("list")
@global_options
def list_models() -> None:
    """List the models: what each costs and can do."""
    _print_models()


@app.command("install")
@global_options
def install(
    name: Annotated[str, typer.Argument(metavar="NAME", help="mn04 or cnn14.")],
    source: Annotated[
        str | None, typer.Option("--from", metavar="FILE", help="Take the weights from a file.")
    ] = None,
    no_use: Annotated[bool, typer.Option("--no-use", help="Do not make it the current model.")] = False,
) -> None:
    """Download a model's weights, check them, and make the model current."""
    refuse_empty(source)
    path = None if source is None else Path(source)
    with open_services() as (services, cancel):
        with output.progress_bar(f"installing {name}") as publish:
            info = services.models.install(name, source=path, use=not no_use, publish=publish, cancel=cancel)
        current = services.models.listening().model.name
    _print_one(info, f"{info.model.name} is installed; this library listens with {current}.")


@app.command("use")
@global_options
def use(name: Annotated[str, typer.Argument(metavar="NAME", help="builtin, mn04 or cnn14.")]) -> None:
    """Make a model the one this library listens with; the next ingest hears the library again with it."""
    with open_services() as (services, _):
        info = services.models.use(name)
    _print_one(info, f"This library listens with {info.model.name}; musicsim-tui ingest hears it again.")


@app.command("forget")
@global_options
def forget(
    name: Annotated[str, typer.Argument(metavar="NAME", help="A model that the library no longer needs.")],
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
) -> None:
    """Forget all that a model heard, and give the space back to the disk. Its weights stay."""
    with open_services() as (services, cancel):
        heard = sum(use.tracks for use in services.catalog.models() if use.model.name == name)
        if not heard:
            services.models.find(name)  # which refuses a name that is none
        question = f"Forget how {name} heard {output.count(heard, 'track')}?"
        wanted = bool(heard) and confirmed(question, yes=yes, command=f"musicsim-tui models forget {name}")
        forgotten = services.forget_model(name, cancel) if wanted else 0
    if CURRENT.json:
        output.emit({"model": name, "forgotten": forgotten})
    elif forgotten:
        output.say(f"Forgot how {name} heard {output.count(forgotten, 'track')}.")
    else:
        output.say("Nothing forgotten.")


@app.command("verify")
@global_options
def verify(
    name: Annotated[
        str | None, typer.Argument(metavar="[NAME]", help="One model; none: all installed.")
    ] = None,
) -> None:
    """Check the weights on the disk against their SHA-256."""
    with open_services() as (services, cancel), output.progress_bar("verifying") as publish:
        verified = services.models.verify(name, publish, cancel)
    if CURRENT.json:
        output.emit({"verified": verified})
    else:
        output.say(f"Intact: {', '.join(verified)}." if verified else "No weights are installed.")


def _print_one(info: ModelInfo, text: str) -> None:
    if CURRENT.json:
        output.emit({"model": _as_json(info, current=None)})
    else:
        output.say(text)


def _print_models() -> None:
    with open_services() as (services, _):
        found = services.models.all()
        current = services.models.listening().model.name
    if CURRENT.json:
        output.emit({"models": [_as_json(info, current=info.model.name == current) for info in found]})
        return
    output.print_table(
        [
            Column(""),
            Column("Model"),
            Column("State"),
            Column("Weights", "right"),
            Column("What it does", shrinks=True),
        ],
        [
            [
                ">" if info.model.name == current else "",
                info.model.name,
                "installed" if info.installed else "not installed",
                output.size_words(info.bytes) if info.bytes else "none",
                info.summary,
            ]
            for info in found
        ],
    )


def _as_json(info: ModelInfo, *, current: bool | None) -> dict[str, object]:
    value: dict[str, object] = {
        "name": info.model.name,
        "installed": info.installed,
        "current": current,
        "dimensions": info.model.dimensions,
        "bytes": info.bytes,
        "path": None if info.path is None else str(info.path),
        "licence": info.licence,
        "version": info.model.version,
    }
    if current is None:
        del value["current"]
    return value
