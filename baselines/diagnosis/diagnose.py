"""Diagnose strategies on samples, each sample read once for all of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from text2json.baselines.diagnosis.folder import DiagnosisFolder
from text2json.baselines.diagnosis.sample import Examined
from text2json.baselines.machine import versions
from text2json.baselines.models import LoadedModel
from text2json.baselines.runner import data_sha256, now
from text2json.baselines.strategies import parse_spec
from text2json.errors import DataError
from text2json.schemas.diagnosis import Diagnosis, DiagnosisSettings
from text2json.schemas.sample import Sample

MAX_NEW_TOKENS = 1024


def diagnose(
    loaded: LoadedModel,
    specs: Mapping[str, str],
    samples: Sequence[Sample],
    folder: DiagnosisFolder,
    *,
    data: str,
    max_new_tokens: int = MAX_NEW_TOKENS,
    advance: Callable[[int], None] = lambda _: None,
) -> None:
    """Write a line for each sample and strategy into `folder`, those that are there already left as they are.

    Args:
        loaded: the model.
        specs: the name of a strategy's folder → its spec.
        samples: what to diagnose; ids are unique.
        folder: where to write.
        data: how the user named the samples.
        max_new_tokens: generation limit.
        advance: called with the number of pairs of sample and strategy that are done.

    Raises:
        DataError: the folder holds another diagnosis, or there are no samples.
        SpecError: a strategy is unknown or impossible.
        ModelError: the model cannot be served or diagnosed.
    """
    strategies = {name: parse_spec(spec) for name, spec in specs.items()}
    if not samples:
        raise DataError("there is nothing to diagnose", file=data or None, remedy="give data with at least one sample")
    settings = DiagnosisSettings(
        model=loaded.name,
        model_revision=loaded.revision,
        data=data,
        data_sha256=data_sha256(samples),
        samples=len(samples),
        max_new_tokens=max_new_tokens,
        dtype=str(loaded.model.dtype).removeprefix("torch."),
        device=str(loaded.model.device),
    )
    folder.open(Diagnosis(settings=settings, versions=versions(), started=now()), list(specs))
    done = {name: _done(folder, name, strategy.spec) for name, strategy in strategies.items()}
    advance(sum(map(len, done.values())))
    for sample in samples:
        left = [name for name in specs if sample.id not in done[name]]
        if not left:
            continue
        examined = Examined(loaded, sample, [strategies[name] for name in left], max_new_tokens)
        for name in left:
            folder.append(name, examined.under(strategies[name]))
            advance(1)
        examined.prefilled.close()


def _done(folder: DiagnosisFolder, name: str, spec: str) -> set[str]:
    """Return the ids of the samples that are done.

    Raises:
        DataError: they were made under another strategy.
    """
    found = set()
    for line in folder.lines(name):
        if line.strategy != spec:
            raise DataError(f"the folder holds the strategy {line.strategy}, not {spec}",
                            file=folder.lines_file(name), remedy="choose another --out")  # fmt: skip
        found.add(line.id)
    return found
