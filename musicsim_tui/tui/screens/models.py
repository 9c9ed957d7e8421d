"""How to listen: the models, what each costs and can do."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual import on
from textual.content import Content
from textual.message import Message
from textual.widgets import Static
from textual.widgets.option_list import Option

from musicsim_tui.jobs import Job, JobState, Progress
from musicsim_tui.tui.bridge import in_words
from musicsim_tui.tui.screens.boxes import Box, frame, words
from musicsim_tui.tui.text import safe, shown
from musicsim_tui.tui.widgets.choices import Choices
from musicsim_tui.wording import count, duration_words, size_words

if TYPE_CHECKING:
    from collections.abc import Callable

    from textual.app import ComposeResult

    from musicsim_tui.embedding.registry import ModelInfo
    from musicsim_tui.errors import MusicSimError
    from musicsim_tui.jobs import CancelToken
    from musicsim_tui.services.outlook import Outlook

_ABOUT = {
    "builtin": "always works; hears timbre, rhythm and harmony, knows no names of sounds",
    "mn04": "a small network: hears better and names 527 sounds",
    "cnn14": "the large network of the field's papers: wants a graphics card or patience",
}


class ModelScreen(Box[str]):
    """Choose a model; one that is not installed is fetched first. Answers with its name once it is in use."""

    class Moved(Message):
        """The job of installing has moved on."""

    def __init__(self, current: str) -> None:
        super().__init__()
        self._current = current
        self._models: dict[str, ModelInfo] = {}
        self._outlook: Outlook | None = None
        self._job: Job[ModelInfo, Progress] | None = None
        self._stopping = False

    def compose(self) -> ComposeResult:
        with frame("How to listen"):
            yield Choices(id="models")
            yield Static(id="model-music", markup=False)
            yield Static(id="model-progress", markup=False)
            yield words(
                f"{self.key('list.choose')} chooses; a model that is not installed is downloaded first. Music"
                " heard with another model is heard again, and search stays as it is until that is done.",
                classes="hint",
            )

    def on_mount(self) -> None:
        services = self.host.bridge.services
        self.ask("models", lambda _token: services.models.all(), self._show)
        self.ask("outlook", services.look_ahead, self._show_outlook)

    def _show_outlook(self, outlook: Outlook | None) -> None:
        if outlook is None:
            return
        self._outlook = outlook
        where = f" in {shown(outlook.folder)}" if outlook.folder is not None else ""
        self.query_one("#model-music", Static).update(
            Content(f"Times and sizes are for {count(outlook.tracks, 'track')}{where}.")
        )
        if self._models:
            self._show(list(self._models.values()))

    def _needs(self, name: str) -> str:
        """What all the music needs with a model, in words."""
        needs = self._outlook.models.get(name) if self._outlook is not None else None
        if needs is None:
            return ""
        return f"about {duration_words(needs.work_seconds)}, {size_words(needs.disk_bytes)}"

    def _show(self, found: list[ModelInfo]) -> None:
        options = self.query_one(Choices)
        at = options.highlighted
        options.clear_options()
        first = not self._models
        self._models = {info.model.name: info for info in found}
        for info in found:
            name = info.model.name
            state = "in use" if name == self._current else "installed" if info.installed else "not installed"
            size = f"{size_words(info.bytes)} to download" if info.bytes and not info.installed else ""
            options.add_option(
                Option(
                    Content.assemble(
                        (f"{name:<9}", "bold"),
                        (f"{state:<14}", "$accent" if name == self._current else "$foreground-muted"),
                        (f"{size:<20}", "$foreground-muted"),
                        (self._needs(name), "$secondary"),
                        "\n",
                        (_ABOUT.get(name, info.summary), "$foreground-muted"),
                        "\n",
                    ),
                    id=name,
                )
            )
        places = [info.model.name for info in found]
        if not first:
            options.highlighted = at
        else:
            options.highlighted = places.index(self._current) if self._current in places else 0
        self.set_focus(options)

    @on(Choices.OptionSelected)
    def _choose(self, event: Choices.OptionSelected) -> None:
        if self._job is not None and not self._job.ended:
            return
        name = str(event.option.id)
        models = self.host.bridge.services.models

        def work(token: CancelToken, publish: Callable[[Progress], None]) -> ModelInfo:
            if models.find(name).installed:
                return models.use(name)
            return models.install(name, source=None, use=True, publish=publish, cancel=token)

        self._say(f"Getting {name} ready ...")
        self._job = self.host.bridge.runner.submit(work, name="model", changed=self._moved)

    def _moved(self, _job: object) -> None:
        self.post_message(self.Moved())

    def on_model_screen_moved(self) -> None:
        job = self._job
        if job is None or self.has_ended:
            return
        if job.state is JobState.DONE and job.result is not None:
            self.dismiss(job.result.model.name)
        elif self._stopping and job.ended:
            self.dismiss(None)
        elif job.state is JobState.FAILED and job.error is not None:
            self._fail(in_words(job.error))
        elif job.snapshot is not None and not self._stopping:
            done, total = job.snapshot.done, job.snapshot.total or 0
            share = f" of {size_words(total)}" if total else ""
            self._say(f"Downloading: {size_words(done)}{share}. {self.key('escape')} stops.")

    def _fail(self, error: MusicSimError) -> None:
        self._say(f"{error.title} {error.hint}", trouble=True)

    def _say(self, text: str, *, trouble: bool = False) -> None:
        line = self.query_one("#model-progress", Static)
        line.set_class(trouble, "-trouble")
        line.update(safe(text))

    def action_close(self) -> None:
        """Close once the job has ended: what cannot be stopped any more still tells which model is in use."""
        job = self._job
        if job is None or (job.ended and job.state is not JobState.DONE) or self._stopping:
            super().action_close()
            return
        self._stopping = True
        job.cancel()
        self._say("Stopping ...")
