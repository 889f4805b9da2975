"""Cut a frozen version: `python -m text2json.freeze 1.0.0` writes its manifest and the data set card.

For maintainers. A version that exists is never written again.
"""

from __future__ import annotations

import sys
from pathlib import Path

from text2json.batches import Digest
from text2json.card import Figures, folder_card, qwen_tokens
from text2json.console import note
from text2json.errors import DataError, Text2JSONError
from text2json.generators import generate
from text2json.manifest import VERSIONS, Entry, Manifest, inputs

WANTED = {
    "short": {"test": 400, "train": 4000},
    "paper": {"test": 500, "train": 500},
    "nested": {"test": 400, "train": 800},
    "curated": {"test": 200},
    "intensity": {"test": 280},
    "long": {"test": 100},
}
"""Samples of each configuration and split; another split has another seed, so that ids tell nothing."""
SEEDS = {"test": 0, "train": 1}


def freeze(version: str, card: Path | None) -> Manifest:
    """Make every document of a version, write its manifest to the package and the card to `card`.

    Raises:
        DataError: the version exists.
    """
    file = VERSIONS / f"{version}.json"
    if file.exists():
        raise DataError("exists, and a version is never changed", file=file, remedy="cut the next one")
    configs: dict[str, dict[str, Entry]] = {}
    figures = []
    count = qwen_tokens()
    for config, splits in WANTED.items():
        for split, samples in splits.items():
            found, digest = Figures(config, split, count), Digest()
            for sample in generate(config, split=split, seed=SEEDS[split], samples=samples):
                digest.add(sample)
                found.add(sample)
            entry = Entry(samples=samples, seed=SEEDS[split], sha256=digest.hexdigest())
            configs.setdefault(config, {})[split] = entry
            figures.append(found)
            note(f"{config}/{split}: {entry.sha256}, tokens {found.size}, answers {found.answer}")
    manifest = Manifest(version=version, inputs=inputs(), configs=configs)
    file.parent.mkdir(exist_ok=True)
    file.write_text(manifest.text(), encoding="utf-8")
    if card is not None:
        card.write_text(folder_card(manifest, figures), encoding="utf-8")
    return manifest


if __name__ == "__main__":
    try:
        freeze(sys.argv[1], Path("dataset_card.md"))
    except Text2JSONError as error:
        sys.exit(str(error))
