"""How to listen: the models, what each costs and can do."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual import on
from textual.content import Content
from textual.message import Message
from textual.widgets import OptionList, Static
from textual.widgets.option_list import Option

from musicsim_tui.jobs import Job, JobState, Progress
from musicsim_tui.tui.bridge import in_words
from musicsim_tui.tui.screens.boxes import Box, frame, words
from musicsim_tui.tui.text import safe
from musicsim_tui.wording import size_words

if TYPE_CHECKING:
    from collections.abc import Callable

    from textual.app import ComposeResult

    from musicsim_tui.embedding.registry import ModelInfo
    from musicsim_tui.errors import MusicSimError
    from musicsim_tui.jobs import CancelToken

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
        self._job: Job[ModelInfo, Progress] | None = None

    def compose(self) -> ComposeResult:
        with frame("How to listen"):
            yield OptionList(id="models")
            yield Static(id="model-progress", markup=False)
            yield words(
                "enter chooses; a model that is not installed is downloaded first. Music heard with\n"
                "another model is heard again, and search stays as it is until that is done.",
                classes="hint",
            )

    def on_mount(self) -> None:
        models = self.host.bridge.services.models
        self.host.bridge.ask("models", lambda _token: models.all(), self._show)

    def _show(self, found: list[ModelInfo]) -> None:
        if not self.is_mounted:
            return
        self._models = {info.model.name: info for info in found}
        options = self.query_one(OptionList)
        for info in found:
            name = info.model.name
            state = "in use" if name == self._current else "installed" if info.installed else "not installed"
            size = f"{size_words(info.bytes)} to download" if info.bytes and not info.installed else ""
            options.add_option(
                Option(
                    Content.assemble(
                        (f"{name:<10}", "bold"),
                        (f"{state:<15}", "$accent" if name == self._current else "$foreground-muted"),
                        (size, "$foreground-muted"),
                        "\n",
                        (_ABOUT.get(name, info.summary), "$foreground-muted"),
                        "\n",
                    ),
                    id=name,
                )
            )
        places = [info.model.name for info in found]
        options.highlighted = places.index(self._current) if self._current in places else 0
        options.focus()

    @on(OptionList.OptionSelected)
    def _choose(self, event: OptionList.OptionSelected) -> None:
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
        if job is None:
            return
        if job.state is JobState.DONE and job.result is not None:
            self.dismiss(job.result.model.name)
        elif job.state is JobState.FAILED and job.error is not None:
            self._fail(in_words(job.error))
        elif job.snapshot is not None:
            done, total = job.snapshot.done, job.snapshot.total or 0
            share = f" of {size_words(total)}" if total else ""
            self._say(f"Downloading: {size_words(done)}{share}. escape stops.")

    def _fail(self, error: MusicSimError) -> None:
        self._say(f"{error.title} {error.hint}", trouble=True)

    def _say(self, text: str, *, trouble: bool = False) -> None:
        line = self.query_one("#model-progress", Static)
        line.set_class(trouble, "-trouble")
        line.update(safe(text))

    def action_close(self) -> None:
        if self._job is not None:
            self._job.cancel()
        super().action_close()
