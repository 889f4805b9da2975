"""The full-attention figures of a model on its own page: `.eval_results/text2json.yaml`.

That format of the Hub has one value for a model and a task, so that rows of methods by budgets do not fit there; only
the reference does. Format: https://huggingface.co/docs/hub/eval-results
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from text2json import __version__
from text2json.errors import HubError
from text2json.hub import HubClient, Missing, Transient
from text2json.schemas.entry import LeaderboardEntry

if TYPE_CHECKING:
    from huggingface_hub import EvalResultEntry

FILE = ".eval_results/text2json.yaml"
REFERENCE = "full"
"""The strategy whose figures are a model's own."""


def references(entries: Sequence[LeaderboardEntry]) -> dict[str, list[LeaderboardEntry]]:
    """Return the entries with full attention on whole configurations, by model, for models that the Hub has."""
    found: dict[str, list[LeaderboardEntry]] = {}
    for entry in entries:
        whole = entry.dataset.samples == entry.dataset.of
        if entry.strategy.name == REFERENCE and whole and entry.model.name.count("/") == 1:
            found.setdefault(entry.model.name, []).append(entry)
    return found


def result_of(entry: LeaderboardEntry, dataset: str, revision: str | None) -> EvalResultEntry:
    """Return what the model's page says of an entry: record F1 in percent, on a commit of the benchmark."""
    from huggingface_hub import EvalResultEntry

    return EvalResultEntry(
        dataset_id=dataset,
        task_id=entry.dataset.label,
        dataset_revision=revision,
        value=round(100 * entry.scores.records.f1, 2),
        date=entry.date,
        notes=f"record F1 in percent, full attention; dataset version {entry.dataset.version}, text2json {__version__}",
    )


def merged(known: str, fresh: Sequence[EvalResultEntry]) -> str:
    """Return the file with these results in it, other results left as they are.

    Args:
        known: the file's text as it is; may be empty.
        fresh: the new results.

    Raises:
        HubError: the file is there and is no such file.
    """
    import yaml
    from huggingface_hub import eval_result_entries_to_yaml, parse_eval_result_entries

    replaced = {(one.dataset_id, one.task_id) for one in fresh}
    try:
        old = parse_eval_result_entries(yaml.safe_load(known) or [])
    except (yaml.YAMLError, TypeError, KeyError, AttributeError, ValueError):
        raise HubError(f"{FILE} on the model's page is no list of results; mend it there first") from None
    kept = [one for one in old if (one.dataset_id, one.task_id) not in replaced]
    text: str = yaml.safe_dump(eval_result_entries_to_yaml([*kept, *fresh]), sort_keys=False, allow_unicode=True)
    return text


def send_references(
    hub: HubClient, entries: Sequence[LeaderboardEntry], dataset: str
) -> Iterator[tuple[str, str | None]]:
    """Open a pull request on each model's page and yield its address; None where the figures are there already.

    Raises:
        HubError: the Hub cannot be reached, or refuses.
    """
    for model, results in references(entries).items():
        yield model, _send(hub, model, results, dataset)


def _send(hub: HubClient, model: str, results: Sequence[LeaderboardEntry], dataset: str) -> str | None:
    number = 0
    fresh = [result_of(entry, dataset, _tagged(hub, dataset, entry.dataset.version)) for entry in results]
    text = merged(_known(hub, model, "main"), fresh)
    title = "text2json: full-attention reference"
    while True:
        opened = hub.ask(lambda: [
            request for request in hub.api.get_repo_discussions(
                model, discussion_type="pull_request", discussion_status="open") if request.title == title
        ])  # fmt: skip
        for request in opened:
            if _known(hub, model, f"refs/pr/{request.num}") == text:
                return str(request.url)
        try:
            return hub.once(lambda: _commit(hub, model, title, text))
        except Transient as error:
            hub.wait(error, number)
            number += 1


def _tagged(hub: HubClient, dataset: str, version: str) -> str | None:
    """Return the commit of a version of the benchmark; None where the Hub has none."""
    try:
        return hub.ask(lambda: hub.api.repo_info(dataset, repo_type="dataset", revision=version).sha)
    except Missing:
        return None


def _commit(hub: HubClient, model: str, title: str, text: str) -> str | None:
    from huggingface_hub import CommitOperationAdd

    operation = CommitOperationAdd(FILE, text.encode())
    return hub.api.create_commit(model, [operation], commit_message=title, create_pr=True).pr_url


def _known(hub: HubClient, model: str, revision: str) -> str:
    """Return the file's text, empty where there is none."""
    if not hub.ask(lambda: hub.api.get_paths_info(model, FILE, revision=revision)):
        return ""
    try:
        return Path(hub.ask(lambda: hub.api.hf_hub_download(model, FILE, revision=revision))).read_text("utf-8")
    except Missing:
        return ""
