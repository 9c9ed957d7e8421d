"""Which model hears, which one answers, and the loaded networks."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from musicsim_tui.errors import UnmetRequest, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from musicsim_tui.embedding.embedder import Embedder
    from musicsim_tui.embedding.registry import ModelInfo
    from musicsim_tui.jobs import CancelToken, Progress
    from musicsim_tui.library.catalog import Catalog
    from musicsim_tui.services.engine import Engine
    from musicsim_tui.settings import Settings
    from musicsim_tui.track import ModelVersion

_CHOSEN = "model"
"""Where the catalog keeps the name of the model that its library listens with."""


class Models:
    """The models of one library."""

    def __init__(
        self, settings: Settings, catalog: Callable[[], Catalog], notice: Callable[[str], None]
    ) -> None:
        self._settings = settings
        self._catalog = catalog
        self._notice = notice
        self._embedders: dict[str, Embedder] = {}
        self._loading = threading.Lock()

    def all(self) -> list[ModelInfo]:
        """Every model there is, and whether it is installed."""
        from musicsim_tui.embedding.registry import all_models

        return all_models(self._settings.models_dir)

    def find(self, name: str) -> ModelInfo:
        """A model by its name. Raises UsageError for an unknown one."""
        for info in self.all():
            if info.model.name == name:
                return info
        known = ", ".join(info.model.name for info in self.all())
        raise UsageError(f"There is no model {name!r}.", f"Choose one of {known}.")

    def listening(self) -> ModelInfo:
        """The model that hears new tracks: asked for, else this library's, else an installed network, else
        the built-in one. Raises UsageError for an unknown name."""
        return self.find(self._settings.model) if self._settings.model else self._of_library()

    def _of_library(self) -> ModelInfo:
        """The model this library listens with when nothing else is asked for."""
        name = self._catalog().get_meta(_CHOSEN)
        if name is not None:
            return self.find(name)
        used = max(self._catalog().models(), key=lambda use: use.tracks, default=None)
        if used is not None:
            return self.find(used.model.name)
        networks = [info for info in self.all() if info.bytes and info.path is not None]
        return min(networks, key=lambda info: info.bytes) if networks else self.find("builtin")

    def searching(self) -> ModelVersion:
        """The model whose vectors answer a search, as `answering` has it; tells when another one listens."""
        catalog, listening, found = self._catalog(), self.listening(), self.answering()
        wanted = listening.model
        if found != wanted:
            heard = catalog.present_counts().get(wanted, 0)
            first = "" if listening.installed else f"musicsim-tui models install {wanted.name} and "
            self._notice(
                f"{wanted.name} has heard {heard} of {heard + catalog.waiting_count(wanted)} tracks: "
                f"searching with {found.name} until {first}musicsim-tui ingest has heard the rest."
            )
        return found

    def answering(self) -> ModelVersion:
        """The listening model once it has heard all it can of what is there, until then the one that has
        heard most. Of several that is the listening one, else a current version, else the library's own
        model, else the largest. Raises UnmetRequest when nothing has been heard."""
        catalog = self._catalog()
        wanted = self.listening().model
        used = [use.model for use in catalog.models() if use.tracks]
        if not used:
            raise UnmetRequest(
                "The library is empty.",
                "Run musicsim-tui ingest with a folder of music, or musicsim-tui demo.",
            )
        if self._settings.sources.get("model") == "flag":
            if wanted not in used:
                raise UnmetRequest(
                    f"Nothing has been heard with {wanted.name} yet.",
                    f"Run musicsim-tui --model {wanted.name} ingest first.",
                )
            return wanted
        if used == [wanted]:
            return wanted
        if wanted in used and not catalog.waiting_count(wanted):
            return wanted
        present, own = catalog.present_counts(), catalog.get_meta(_CHOSEN)
        sizes = {info.model: info.bytes for info in self.all()}

        def rank(model: ModelVersion) -> tuple[int, bool, bool, bool, int]:
            heard, size = present.get(model, 0), sizes.get(model, 0)
            return heard, model == wanted, model in sizes, model.name == own, size

        return max(used, key=rank)

    def forget(self, name: str, engine: Engine, cancel: CancelToken) -> int:
        """Forget what a model heard, as `Services.forget_model` has it."""
        catalog = self._catalog()
        kept = {self.listening().model, self._of_library().model}
        gone = [use.model for use in catalog.models() if use.model.name == name and use.model not in kept]
        if not gone:
            if name in {model.name for model in kept}:
                raise UnmetRequest(
                    f"{name} is the model that this library listens with.",
                    "Choose another one first: musicsim-tui models use NAME",
                )
            gone = [self.find(name).model]
        dropped = 0

        def drop() -> None:
            nonlocal dropped
            dropped = sum(catalog.drop_model(model, cancel) for model in gone)

        engine.forget(gone, cancel, drop)
        return dropped

    def use(self, name: str) -> ModelInfo:
        """Make a model the one this library listens with. Raises UsageError, ModelError."""
        from musicsim_tui.embedding.registry import require_installed

        info = self.find(name)
        require_installed(info)
        self._catalog().set_meta(_CHOSEN, info.model.name)
        return info

    def install(
        self,
        name: str,
        *,
        source: Path | None,
        use: bool,
        publish: Callable[[Progress], None],
        cancel: CancelToken,
    ) -> ModelInfo:
        """Fetch and check a model's weights. Raises ModelError, UsageError, Cancelled."""
        from musicsim_tui.embedding.weights import install_weights

        info = self.find(name)
        if info.bytes:
            install_weights(
                info.model.name,
                self._settings.models_dir,
                source=source,
                mirror=self._settings.weights_url,
                progress=publish,
                notice=self._notice,
                cancel=cancel,
            )
        return self.use(name) if use else self.find(name)

    def verify(self, name: str | None, publish: Callable[[Progress], None], cancel: CancelToken) -> list[str]:
        """Check weights on the disk against their digests; returns the intact ones. Raises ModelError."""
        from musicsim_tui.embedding.registry import require_installed
        from musicsim_tui.embedding.weights import verify_weights

        chosen = [self.find(name)] if name else self.all()
        intact = []
        for info in chosen:
            if name:
                require_installed(info)
            if info.bytes and info.path is not None:
                verify_weights(info.model.name, info.path, progress=publish, cancel=cancel)
                intact.append(info.model.name)
        return intact

    def embedder(self, name: str) -> Embedder:
        """A loaded embedder, kept for the next call. Raises ModelError."""
        with self._loading:
            if name not in self._embedders:
                from musicsim_tui.embedding.registry import load_embedder

                self._embedders[name] = load_embedder(
                    self.find(name),
                    device=self._settings.device,
                    threads=self._settings.threads,
                    on_notice=self._notice,
                )
            return self._embedders[name]
