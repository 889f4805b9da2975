"""What a task is: samples, a generation limit, a rule of scoring, and where all of that comes from."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import ClassVar

from text2json import specs
from text2json.metrics.judge import Judge
from text2json.schemas.sample import Sample

OWN_LICENCE = "CC BY 4.0"
"""Of all documents that are made here."""


@dataclass(frozen=True)
class TaskScore:
    """One sample's share in the task's score, which is the sum of numerators over the sum of denominators.

    Attributes:
        id: the sample's.
        numerator: 0 or more, at most the denominator.
        denominator: 1 for a mean over samples; 0 for a sample that the task's rule leaves out.
        parts: figures beside the score, by name; each is averaged over the samples that have it.
    """

    id: str
    numerator: float
    denominator: float = 1.0
    parts: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Task(ABC):
    """A task; the fields of its class are the options that its spec may set, as in `needles:needles=16`."""

    name: ClassVar[str]
    summary: ClassVar[str]
    metric: ClassVar[str]
    """What the score is, from 0 to 1."""
    source: ClassVar[str]
    """Where task and rule were published."""
    licence: ClassVar[str]
    """Of the samples."""
    rule: ClassVar[str]
    """The rule's short name, for signatures."""
    made_here: ClassVar[bool] = True
    """Whether there are samples without any data from elsewhere."""

    def rule_for(self, sample: Sample) -> str:
        """Return the rule with everything that changes the score of such a sample."""
        return self.rule

    @property
    def spec(self) -> str:
        """The task with every option, as the command line writes it; parsing it gives the same task."""
        return specs.write(self.name, self)

    @property
    @abstractmethod
    def max_new_tokens(self) -> int:
        """The generation limit."""

    @abstractmethod
    def load(self, data: str | None = None) -> Iterator[Sample]:
        """Yield the samples.

        Args:
            data: a local file or folder, or a Hub id with optional `@revision`; None for what the task makes itself, or
                for where it is published.

        Raises:
            DataError: there is no such data, or it is not as it is published.
            SpecError: the options are impossible, or data must be named.
        """

    @abstractmethod
    def score(self, sample: Sample, output: str | None) -> TaskScore:
        """Score one raw output; None stands for a missing prediction, which is an empty answer."""

    @abstractmethod
    def ideal(self, sample: Sample) -> str:
        """Return an output that the task's rule finds perfect."""


@dataclass(frozen=True)
class GeneratedTask(Task, ABC):
    """A task whose samples are made here, without end; each is the same wherever it is made.

    Args:
        samples: how many.
        seed: another one gives other samples.
        split: `train` or `test`; they share no name and no sentence pattern.
    """

    samples: int = 100
    seed: int = 0
    split: str = "test"

    licence: ClassVar[str] = OWN_LICENCE

    def load(self, data: str | None = None) -> Iterator[Sample]:
        """Make the samples, or read those that were written to a file.

        Raises:
            DataError: the file is missing or broken.
            SpecError: the options are impossible.
        """
        from text2json.data import iter_samples
        from text2json.errors import SpecError, did_you_mean
        from text2json.generators.splits import SPLITS

        if data is not None:
            return iter_samples(data)
        if self.split not in SPLITS:
            raise SpecError(f"{self.name}: no split {self.split!r}", remedy=did_you_mean(self.split, SPLITS))
        if self.samples < 1:
            raise SpecError(f"{self.name}: samples={self.samples}", remedy="give at least 1")
        return (self.compose(number) for number in range(self.samples))

    @abstractmethod
    def compose(self, number: int) -> Sample:
        """Return sample `number`.

        Raises:
            SpecError: the options are impossible.
        """


@dataclass(frozen=True)
class JudgedTask(Task, ABC):
    """A task that a judging model scores.

    Args:
        judge: the model that is asked; nothing is asked without one, and nothing can be scored.
    """

    judge: Judge | None = field(default=None, kw_only=True, metadata={"spec": False})
