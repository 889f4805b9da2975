"""What a user asks for with --task and --data: samples, and their generation limit."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from text2json.errors import SpecError
from text2json.schemas.sample import Sample
from text2json.tasks import parse_task
from text2json.tasks.task import Task

MAX_NEW_TOKENS = 1024
"""Where no task says otherwise: the paper's limit."""


@dataclass(frozen=True)
class Asked:
    """Samples of a task, or of plain data; one of the two is given."""

    task: Task | None
    data: str | None

    @property
    def samples(self) -> Iterator[Sample]:
        """The samples, made or read anew.

        Raises:
            DataError: there is no such data, or it is broken.
            SpecError: the task's options are impossible.
        """
        if self.task is not None:
            return self.task.load(self.data)
        from text2json.data import iter_samples

        return iter_samples(self.data or "")

    @property
    def max_new_tokens(self) -> int:
        """The generation limit."""
        return MAX_NEW_TOKENS if self.task is None else self.task.max_new_tokens

    @property
    def spec(self) -> str | None:
        """The task with every option."""
        return None if self.task is None else self.task.spec


def asked_for(task: str | None, data: str | None) -> Asked:
    """Return what the options --task and --data ask for.

    Raises:
        SpecError: there is no such task, or neither is given.
    """
    if task is None and data is None:
        raise SpecError("no data", remedy="give --data, or --task with a task of `text2json tasks`")
    return Asked(None if task is None else parse_task(task), data)
