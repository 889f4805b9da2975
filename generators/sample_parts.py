"""What every generated sample has in common."""

from __future__ import annotations

CANARY = "text2json:canary:5d3f3c1e-9b1a-4f63-8a51-0c7d2b6f9e14"
"""Marks the data set, so that training corpora can be searched for it; a column, never part of a prompt."""
