from __future__ import annotations

import hashlib
from typing import Any

import pytest

from text2json.generators import generate
from text2json.schemas.canonical import canonical_json

# Bundled models learn from these documents, so their bytes may never change.
FROZEN = [
    ({"samples": 50, "records": (5, 7), "extra": (2, 4), "length": (2400, 3200)},
     "f7c16798d2c53da24e0cac0bbff8a362101ce0a2ce0545171003f34f9fb38ba5"),
    ({"split": "train", "seed": 1, "samples": 200, "records": (1, 2), "extra": (2, 4), "length": (300, 700)},
     "a5cd4bf055596c382e16812fc41961bbffb9e66eeccbc29af1b0b0e7eb46cbb6"),
]  # fmt: skip


@pytest.mark.parametrize(("knobs", "sha256"), FROZEN)
def test_the_demos_bytes_are_frozen(knobs: dict[str, Any], sha256: str) -> None:
    digest = hashlib.sha256()
    for sample in generate("demo", **knobs):
        digest.update(canonical_json(sample.to_dict()).encode() + b"\n")
    assert digest.hexdigest() == sha256
