"""One file a command; `register` hangs them all on the application."""

from __future__ import annotations

from typing import TYPE_CHECKING

from musicsim_tui.cli.commands import (
    config,
    crate,
    demo,
    doctor,
    download,
    edit,
    evaluate,
    failures,
    index,
    ingest,
    listing,
    models,
    preview,
    prune,
    search,
    show,
    sources,
)

if TYPE_CHECKING:
    import typer


def register(app: typer.Typer) -> None:
    """Add every command, in the order in which help lists them."""
    app.command("demo")(demo.demo)
    app.command("ingest")(ingest.ingest)
    app.command("download")(download.download)
    app.command("search")(search.search)
    app.command("list")(listing.list_tracks)
    app.command("show")(show.show)
    app.command("edit")(edit.edit)
    app.command("preview")(preview.preview)
    app.add_typer(sources.app, name="sources")
    app.command("failures")(failures.failures)
    app.command("prune")(prune.prune)
    app.add_typer(crate.app, name="crate")
    app.add_typer(models.app, name="models")
    app.add_typer(index.app, name="index")
    app.command("eval")(evaluate.evaluate)
    app.add_typer(config.app, name="config")
    app.command("doctor")(doctor.doctor)
