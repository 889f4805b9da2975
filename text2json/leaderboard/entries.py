"""Turn a finished run folder into an entry, and write it in the layout of a results repository."""

from __future__ import annotations

import hashlib
import shutil
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path

from pydantic import ValidationError

from text2json.baselines.run_folder import RunFolder
from text2json.errors import CheckFailed, DataError, SpecError
from text2json.leaderboard.documents import documents, find_dataset
from text2json.metrics.counts import Counts
from text2json.metrics.predictions import read_predictions
from text2json.metrics.report import Figures, Report
from text2json.metrics.scoring import score
from text2json.schemas.entry import (
    ENTRY_FILE,
    PREDICTIONS_FILE,
    EntryDataset,
    EntryModel,
    EntryScores,
    EntrySettings,
    EntryShares,
    EntryStrategy,
    FileFacts,
    LeaderboardEntry,
    Submitter,
    identity,
)
from text2json.schemas.run import Run

LICENCE = "CC-BY-4.0"
"""Of predictions, unless the submitter says otherwise."""
MOST_ENTRY_BYTES = 1 << 20
MOST_PREDICTION_BYTES = 64 << 20


@dataclass(frozen=True)
class Statement:
    """What a submitter says of an entry beside its run.

    Args:
        submitter: who sends it.
        model: what the model is called, as ORG/NAME with optional `@revision`; needed where it was a local folder.
        licence: of the predictions.
        notes: anything that readers should know.
        date: UTC, as in 2026-01-31; today unless given.
        subset: let a run of the first documents of a configuration be an entry of its own.
    """

    submitter: Submitter
    model: str | None = None
    licence: str = LICENCE
    notes: str = ""
    date: str | None = None
    subset: bool = False


def entry_of(folder: Path, statement: Statement) -> LeaderboardEntry:
    """Return the entry of a run, scored against documents that are made anew.

    Raises:
        DataError: the folder holds no run, or a broken one.
        SpecError: its documents are no frozen version's, or its model has no name that others know.
        CheckFailed: the run is not finished or not whole.
    """
    run = RunFolder(folder).load()
    if run.finished is None or run.figures is None:
        raise CheckFailed(f"{folder}: the run is not finished; give its `text2json run` command again")
    settings = run.settings
    dataset = find_dataset(settings.data_sha256, settings.samples, f"{settings.data} {settings.task or ''}")
    if dataset.samples < dataset.of and not statement.subset:
        raise CheckFailed(
            f"{folder}: the run is partial: the first {dataset.samples} of {dataset.of} documents of {dataset.config}; "
            f"run them all, or enter it as {dataset.label} with --subset"
        )
    file = folder / PREDICTIONS_FILE
    facts, report = rescore(file, dataset)
    try:
        model, strategy = _model(run, statement.model), strategy_of(settings.strategy)
        made = _settings(run, run.finished)
        return LeaderboardEntry(
            id=identity(model, strategy, dataset, made, run.hardware, facts),
            model=model, strategy=strategy, dataset=dataset, settings=made,
            scores=scores_of(report), figures=run.figures,
            hardware=run.hardware, versions=run.versions, predictions=facts,
            submitter=statement.submitter, licence=statement.licence, notes=statement.notes,
            date=statement.date or datetime.now(timezone.utc).date().isoformat(),
        )  # fmt: skip
    except ValidationError as error:
        raise invalid(error, folder / "run.json") from None


def rescore(file: Path, dataset: EntryDataset) -> tuple[FileFacts, Report]:
    """Return the facts of a prediction file and its score, against documents that are made anew.

    Raises:
        DataError: the file is missing, too large, broken, or holds an unknown id.
        SpecError: the dataset is unknown.
        CheckFailed: the documents cannot be made as they were, or some have no prediction.
    """
    facts = file_facts(file)
    samples = documents(dataset)
    outputs = read_predictions(file)
    left = [sample.id for sample in samples if sample.id not in outputs]
    if left:
        raise CheckFailed(f"{file}: partial: {len(left)} of {len(samples)} documents have no prediction, "
                          f"the first is {left[0]}")  # fmt: skip
    report = score(outputs, samples, data_name=f"{dataset.label}@{dataset.version}", keep_verdicts=False)
    return facts, report


def file_facts(file: Path) -> FileFacts:
    """Return hash and size of a prediction file.

    Raises:
        DataError: it is missing, no plain file, or too large.
    """
    content = read_limited(file, MOST_PREDICTION_BYTES)
    return FileFacts(sha256=hashlib.sha256(content).hexdigest(), bytes=len(content), lines=content.count(b"\n"))


def read_limited(file: Path, most: int) -> bytes:
    """Return what a file holds.

    Raises:
        DataError: it is missing, no plain file (symbolic links are not followed), or has over `most` bytes.
    """
    if file.is_symlink() or not file.is_file():
        raise DataError("no such file" if not file.is_symlink() else "a symbolic link", file=file,
                        remedy="an entry is two plain files")  # fmt: skip
    size = file.stat().st_size
    if size > most:
        raise DataError(f"{size:,} bytes, over the limit of {most:,}", file=file, remedy="send less")
    return file.read_bytes()


def scores_of(report: Report) -> EntryScores:
    """Return what an entry says of a report."""
    return EntryScores(
        signature=report.signature,
        records=_shares(report.records),
        fields=_shares(report.fields),
        macro_record_f1=report.macro_record_f1,
        macro_record_f1_interval=report.macro_record_f1_interval,
        macro_field_f1=report.macro_field_f1,
        macro_field_f1_interval=report.macro_field_f1_interval,
        exact_documents=report.exact_documents,
        exact_documents_interval=report.exact_documents_interval,
        schema_valid=report.schema_valid,
        paper=report.paper,
        paper_interval=report.paper_interval,
        by_domain={name: group.records.f1 for name, group in report.groups["domain"].items()},
        statuses=report.statuses,
        errors=report.errors,
    )


def _shares(figures: Figures) -> EntryShares:
    counts: Counts = figures.counts
    return EntryShares(
        right=counts.right, predicted=counts.predicted, gold=counts.gold,
        precision=counts.precision, recall=counts.recall, f1=counts.f1,
        precision_interval=figures.precision_interval, recall_interval=figures.recall_interval,
        f1_interval=figures.f1_interval,
    )  # fmt: skip


def _model(run: Run, named: str | None) -> EntryModel:
    name, revision = run.settings.model, run.settings.model_revision
    if named is not None:
        name, _, given = named.partition("@")
        revision = given or revision
    elif Path(name).is_absolute() or name.startswith((".", "~")) or name.count("/") > 1 or Path(name).is_dir():
        raise SpecError(f"the model was a local folder, {name}",
                        remedy="say what others know it as, with --model ORG/NAME@REVISION")  # fmt: skip
    else:
        name, _, asked = name.partition("@")
        revision = revision or asked or None
    facts = {} if run.model is None else run.model.model_dump()
    return EntryModel(name=name, revision=revision, **facts)


def strategy_of(spec: str) -> EntryStrategy:
    """Return a spec with its name and options taken apart."""
    name, _, rest = spec.partition(":")
    pairs = (part.partition("=") for part in rest.split(",") if part)
    return EntryStrategy(name=name, spec=spec, options={key: value for key, _, value in pairs})


def _settings(run: Run, finished: str) -> EntrySettings:
    settings = run.settings
    return EntrySettings(
        max_new_tokens=settings.max_new_tokens, batch_size=settings.batch_size, seed=settings.seed,
        dtype=settings.dtype, device=settings.device, started=run.started, finished=finished,
    )  # fmt: skip


def write_entry(entry: LeaderboardEntry, predictions: Path, root: Path) -> Path:
    """Write an entry's two files below `root` and return their folder; one that stands there already is left alone.

    Raises:
        DataError: they cannot be written.
    """
    folder = root.joinpath(*entry.folder.parts)
    if (folder / ENTRY_FILE).exists():
        return folder
    try:
        folder.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(predictions, folder / PREDICTIONS_FILE)
        draft = folder / f".{ENTRY_FILE}"
        draft.write_text(entry.text(), encoding="utf-8")
        draft.replace(folder / ENTRY_FILE)  # last, so that an entry that exists is whole
    except OSError as error:
        raise DataError(f"cannot be written: {error.strerror}", file=folder, remedy="free some space") from None
    return folder


def read_entry(file: Path) -> LeaderboardEntry:
    """Read `entry.json`.

    Raises:
        DataError: it is missing, too large, or no entry.
    """
    content = read_limited(file, MOST_ENTRY_BYTES)
    try:
        return LeaderboardEntry.model_validate_json(content)
    except ValidationError as error:
        raise invalid(error, file) from None


def invalid(error: ValidationError, file: Path) -> DataError:
    """Return one line that says what is wrong in an entry."""
    first = error.errors()[0]
    place = ".".join(map(str, first["loc"])) or "the file"
    return DataError(f"{place}: {first['msg']}", file=file, remedy="make the entry anew from its run folder")
