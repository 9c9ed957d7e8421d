"""What can go wrong, in words for the person at the keyboard."""

from __future__ import annotations


class MusicSimError(Exception):
    """A failure with one sentence saying what happened and one saying what to do."""

    def __init__(self, title: str, hint: str) -> None:
        super().__init__(title)
        self.title = title
        self.hint = hint


STOPPED = MusicSimError("Stopped.", "What was finished is kept; run the command again to go on.")
"""What is told when somebody ended the command."""


class UsageError(MusicSimError):
    """The request itself cannot be understood: an option, a filter, a model of no known name."""


class UnmetRequest(MusicSimError):
    """The request is understood and cannot be met as things are: nothing of that name, an empty library."""


class SettingsError(MusicSimError):
    """A setting makes no sense where it stands: in the environment, in `.env` or in `config.toml`."""


class AudioError(MusicSimError):
    """A file that cannot be heard; remembered until the file changes or a retry is asked for."""


class StorageError(MusicSimError):
    """The disk or network share failed: no fault of the file, nothing is remembered against it."""


class CatalogError(MusicSimError):
    """The library's catalog cannot be opened or written."""


class ModelError(MusicSimError):
    """A model is not installed, its weights are damaged, or the processor cannot run it."""


class IndexFailure(MusicSimError):
    """The vector index cannot be used."""


class IndexLocked(IndexFailure):
    """Another process holds the embedded index of this library."""
