"""The search: one contract over the embedded Qdrant and a Qdrant server."""

from __future__ import annotations
