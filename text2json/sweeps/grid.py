"""From a declaration to its cells: every model with every strategy on every data set, each once."""

from __future__ import annotations

import hashlib
import itertools
import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from text2json.errors import DataError, SpecError
from text2json.sweeps.declaration import ConfigurationRow, StrategyRow, Sweep, Value
from text2json.tasks.asked import Asked, asked_for

LONGEST = 120
"""Letters of a folder's name; longer ones end in a digest."""
PARTS = {"selection": "selection@", "stores": "stores@", "budget": "selection@stores@"}
"""What a strategy is taken apart into: its selection with exact keys and values; its stores under the best selection;
and the best selection of as many tokens with exact keys and values, which is what the budget costs by itself."""


@dataclass(frozen=True)
class Planned:
    """A strategy of the grid.

    Attributes:
        spec: as it is run.
        label: how it is called.
        options: the swept options' values.
        part: `whole`, or of a strategy that is taken apart one of `PARTS`.
        whole: of a part the spec that it belongs to; otherwise the spec itself.
    """

    spec: str
    label: str
    options: dict[str, Value] = field(default_factory=dict)
    part: str = "whole"
    whole: str = ""

    @property
    def name(self) -> str:
        """Label, options and part: no two strategies of a grid share it."""
        options = ", ".join(f"{key} {value}" for key, value in self.options.items())
        part = {"whole": "", "budget": "best selection alone"}.get(self.part, f"{self.part} alone")
        return ", ".join(filter(None, (self.label, options, part)))


@dataclass(frozen=True)
class DataSet:
    """What is answered: documents made for the sweep, a task, or plain data.

    Attributes:
        label: how it is called.
        asked: samples and limit.
        made_of: the row whose documents `make` writes to where `asked` reads them.
    """

    label: str
    asked: Asked
    made_of: ConfigurationRow | None = None

    def make(self) -> None:
        """Make the documents unless they stand.

        Raises:
            SpecError: a knob is impossible.
            DataError: others stand there.
        """
        from text2json.manifest import MANIFEST, read_manifest
        from text2json.writing import write_dataset

        row, folder = self.made_of, Path(self.asked.data or "")
        if row is None:
            return
        if not folder.exists():
            write_dataset(row.config, folder, samples=row.samples, seed=row.seed, split=row.split, knobs=knobs_of(row))
            return
        wanted = {(row.config, split): (row.samples, row.seed, row.knobs) for split in row.split.split(",")}
        configs = read_manifest(folder / MANIFEST).configs
        held = {(config, split): (entry.samples, entry.seed, entry.knobs)
                for config, splits in configs.items() for split, entry in splits.items()}  # fmt: skip
        if held != wanted:
            raise DataError(f"holds other documents than the sweep asks for as {self.label!r}", file=folder,
                            remedy="choose another --out, or another label")  # fmt: skip


def planned(sweep: Sweep, resolve: Callable[[str], Sequence[tuple[str, dict[str, Value]]]]) -> list[Planned]:
    """Return the strategies of a sweep, the baseline first; one that stands twice is run once.

    Those whose names would be the same are called by their specs.

    Args:
        sweep: the declaration.
        resolve: from a spec to the specs that are run in its place, each with what it stands for.

    Raises:
        SpecError: a strategy or an option is unknown or impossible.
    """
    from text2json.baselines.strategies import parse_spec

    base, *others = _asked(sweep)
    found = {parse_spec(base.spec).spec: base}
    for asked in others:
        for solved, costs in resolve(asked.spec):
            plan = Planned(solved, asked.label, asked.options | costs, whole=solved)
            found.setdefault(parse_spec(solved).spec, plan)
    plans = list(found.values())
    if sweep.decompose:
        plans += [Planned(f"{prefix}{plan.spec}", plan.label, plan.options, part, plan.spec)
                  for plan in plans[1:] for part, prefix in PARTS.items()]  # fmt: skip
    return plans


def _asked(sweep: Sweep) -> list[Planned]:
    """Return the baseline and the strategies as they are declared, each once; any two have different names."""
    from text2json.baselines.strategies import parse_spec

    found = {parse_spec(sweep.baseline).spec: Planned(sweep.baseline, _name(sweep.baseline), whole=sweep.baseline)}
    for row in sweep.strategies:
        for spec, options in variants(row):
            found.setdefault(parse_spec(spec).spec, Planned(spec, row.label or _name(spec), options, whole=spec))
    alike = Counter(plan.name for plan in found.values())
    return [replace(plan, label=plan.spec) if alike[plan.name] > 1 else plan for plan in found.values()]


def variants(row: StrategyRow) -> Iterator[tuple[str, dict[str, Value]]]:
    """Yield the specs of a row, one for each combination of its options' values."""
    for values in itertools.product(*row.options.values()):
        options = dict(zip(row.options, values, strict=True))
        extra = ",".join(f"{key}={value}" for key, value in options.items())
        joint = "" if not extra else "," if ":" in row.spec else ":"
        yield f"{row.spec}{joint}{extra}", options


def _name(spec: str) -> str:
    return spec.partition(":")[0]


def data_sets(sweep: Sweep, out: Path) -> list[DataSet]:
    """Return what a sweep answers, in the order of its file.

    Raises:
        SpecError: a configuration, knob or task is unknown or impossible, or two data sets have one name.
    """
    found = [*_configurations(sweep, out)]
    found += [DataSet(row.label or row.task.partition(":")[0], asked_for(row.task, row.data)) for row in sweep.tasks]
    found += [DataSet(row.label or Path(row.data).name, asked_for(None, row.data)) for row in sweep.data]
    labels = [one.label for one in found]
    twice = next((label for label in labels if labels.count(label) > 1), None)
    if twice is not None:
        raise SpecError(f"two data sets are called {twice!r}", remedy="give each a label of its own")
    return found


def _configurations(sweep: Sweep, out: Path) -> Iterator[DataSet]:
    from text2json.generators.knobs import configuration

    for row in sweep.configurations:
        label = row.label or row.config
        configuration(row.config, **knobs_of(row))  # refuses impossible knobs before anything is run
        yield DataSet(label, asked_for(None, str(out / "data" / file_name(label))), row)


def knobs_of(row: ConfigurationRow) -> dict[str, Any]:
    """Return the knobs as the generators take them."""
    return {key: tuple(value) if isinstance(value, list) else value for key, value in row.knobs.items()}


def file_name(name: str) -> str:
    """Return `name` as one folder's name."""
    plain = re.sub(r"[^A-Za-z0-9.,=@-]+", "_", name).strip("._") or "_"
    return plain if len(plain) <= LONGEST else f"{plain[:LONGEST]}-{hashlib.sha256(name.encode()).hexdigest()[:8]}"
