"""The catalog: SQLite, the truth about files, tracks, embeddings and sounds."""

from __future__ import annotations
