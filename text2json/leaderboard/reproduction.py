"""Let the model of an entry answer again, and compare: the strongest check that a row can have."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from math import isclose
from pathlib import Path
from typing import TYPE_CHECKING

from text2json.errors import SpecError, Text2JSONError
from text2json.leaderboard.documents import documents
from text2json.leaderboard.verification import Row
from text2json.metrics.predictions import read_predictions
from text2json.schemas.entry import PREDICTIONS_FILE, LeaderboardEntry
from text2json.schemas.run import RunFigures
from text2json.schemas.sample import Sample

if TYPE_CHECKING:
    from text2json.baselines.models import LoadedModel

BYTES = ("device_bytes_per_token", "host_bytes_per_token", "moved_bytes_per_step", "moved_bytes_per_step_with_reuse")
"""Figures that follow from the method and the documents, on any machine."""
TOLERANCE = 1e-6


@dataclass
class Reproducer:
    """Runs entries again.

    Args:
        models: names of the models that may be loaded; an entry cannot make us load any other.
        most: documents of each entry at most, rounded up to whole batches; None for all.
        device: a torch device; the usual one unless given.
    """

    models: Sequence[str]
    most: int | None = None
    device: str | None = None
    _loaded: dict[tuple[str, str], LoadedModel] = field(default_factory=dict, repr=False)

    def __post_init__(self) -> None:
        if self.most is not None and self.most < 1:
            raise SpecError(f"{self.most} documents of each entry", remedy="ask for at least one")

    def check(self, row: Row, root: Path, advance: Callable[[int], None] = lambda _: None) -> Row:
        """Return the row with what running its model again showed; a row that fails keeps its mark and gets a note."""
        entry = row.entry
        if entry is None or not row.ok or entry.model.name not in self.models:
            return row
        told = read_predictions(root / row.place / PREDICTIONS_FILE)
        try:
            outputs, figures = self._answers(entry, advance)
        except Text2JSONError as error:
            return _noted(row, f"not reproduced: {error}")
        wrong = [name for name, output in outputs.items() if told[name] != output]
        if wrong:
            return _noted(
                row, f"not reproduced: {len(wrong)} of {len(outputs)} answers differ, the first is {wrong[0]}"
            )
        row = replace(row, accuracy="reproduced")
        if len(outputs) < len(told):
            return _noted(row, f"reproduced on {len(outputs)} of {len(told)} documents")
        other = next((name for name in BYTES if not _close(entry.figures, figures, name)), None)
        if other is not None:
            return _noted(row, f"{other} is {getattr(entry.figures, other):g}, here it is {getattr(figures, other):g}")
        return replace(row, memory="reproduced")

    def _answers(
        self, entry: LeaderboardEntry, advance: Callable[[int], None]
    ) -> tuple[Mapping[str, str], RunFigures | None]:
        """Return id → output of the longest documents, in the batches of the entry's own run, and the figures."""
        from text2json.baselines.run_folder import RunFolder
        from text2json.baselines.runner import RunOptions, run_samples

        loaded, settings = self._model(entry), entry.settings
        options = RunOptions(settings.max_new_tokens, settings.batch_size, settings.seed)
        with tempfile.TemporaryDirectory(prefix="text2json-reproduction-") as folder:
            target = RunFolder(Path(folder) / "run")
            chosen = self._chosen(documents(entry.dataset), settings.batch_size)
            run = run_samples(loaded, entry.strategy.spec, chosen, target, data="", options=options, advance=advance)
            return read_predictions(target.path), run.figures

    def _chosen(self, samples: Sequence[Sample], size: int) -> list[Sample]:
        """Return the samples of the first batches; these are whole, since padding can move what a method selects."""
        from text2json.baselines.batching import batches

        if self.most is None:
            return list(samples)
        return [sample for batch in islice(batches(samples, size), -(-self.most // size)) for sample in batch]

    def _model(self, entry: LeaderboardEntry) -> LoadedModel:
        """Return the entry's model.

        Raises:
            ModelError: it cannot be loaded, or has other weights or another cache here.
        """
        from text2json.baselines.models import load_model, model_facts
        from text2json.baselines.readers import reader_names
        from text2json.errors import ModelError

        name, revision = entry.model.name, entry.model.revision
        source = name if name in reader_names() or revision is None else f"{name}@{revision}"
        if (source, entry.settings.dtype) not in self._loaded:
            loaded = load_model(source, dtype=entry.settings.dtype, device=self.device)
            self._loaded = {(source, entry.settings.dtype): loaded}  # one at a time fits into memory
        loaded = self._loaded[source, entry.settings.dtype]
        if loaded.revision != revision:
            raise ModelError(f"{name} has other weights here ({loaded.revision}) than the entry says ({revision})")
        for fact, found in model_facts(loaded).model_dump().items():  # the share of the whole cache rests on them
            told = getattr(entry.model, fact)
            if told is not None and told != found:
                raise ModelError(f"{name}'s {fact} is {found} here, the entry says {told}")
        return loaded


def _noted(row: Row, note: str) -> Row:
    return replace(row, notes=(*row.notes, note))


def _close(told: RunFigures, found: RunFigures | None, name: str) -> bool:
    return found is not None and isclose(getattr(told, name), getattr(found, name), rel_tol=TOLERANCE)
