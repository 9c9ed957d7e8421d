"""Samples to vectors and sounds: three embedders behind one protocol, and their weights."""

from __future__ import annotations
