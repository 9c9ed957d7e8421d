"""The app: everything the command line does, on screens that stay live."""

from __future__ import annotations
