"""Keeping catalog and index in step, diagnosis, the demo library."""

from __future__ import annotations
