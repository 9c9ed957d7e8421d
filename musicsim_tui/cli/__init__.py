"""The command line: every action, in words and in JSON."""

from __future__ import annotations
