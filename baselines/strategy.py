"""What a strategy is: a frozen dataclass whose fields are the options that its spec may set."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import ClassVar

from torch import Tensor

from text2json.baselines.footprint import Footprint, Geometry
from text2json.baselines.knobs import Knob, shares
from text2json.baselines.prompt import Prompt
from text2json.baselines.rules import Rule, softmax_max
from text2json.baselines.sealed import Sealed, Selection
from text2json.errors import SpecError

Option = int | float | str


@dataclass(frozen=True)
class Strategy(ABC):
    """A way to keep a KV cache.

    Prefill is dense and exact. Before the first decoding step, each layer's prompt is handed to `seal`, which puts
    it on its tiers; a prompt that the budget covers stays whole on the device, which is full attention.
    """

    name: ClassVar[str]
    source: ClassVar[str]
    """Paper and section."""
    summary: ClassVar[str]
    presets: ClassVar[Mapping[str, Mapping[str, Option]]] = {}
    """Name → options that differ from the defaults; a spec asks for one with `preset=NAME`."""
    choices: ClassVar[Mapping[str, tuple[str, ...]]] = {}
    """Option → the words it may be, for options that are no numbers."""

    @property
    def reads_inputs(self) -> bool:
        """Whether its index predicts from the input of the layer before."""
        return False

    @property
    def turns_keys(self) -> bool:
        """Whether it takes positions off keys or puts them on, or foretells queries with theirs."""
        return False

    reference: ClassVar[bool] = False
    """A yardstick that byte budgets leave as it is: full attention and its kin."""

    @property
    def whole_layers(self) -> int:
        """First full-attention layers that stay whole on the device."""
        return 0

    @property
    def prompt_queries(self) -> int:
        """How many of the prompt's last queries `seal` needs; -1 for all."""
        return 0

    @property
    def spec(self) -> str:
        """The strategy with every option, as the command line writes it; parsing it gives the same strategy."""
        options = ",".join(f"{field.name}={text_of(getattr(self, field.name))}" for field in fields(self))
        return f"{self.name}:{options}" if options else self.name

    @abstractmethod
    def seal(self, prompt: Prompt) -> Sealed | None:
        """Put one layer's prompt on its tiers, or return None to keep it whole on the device."""

    @abstractmethod
    def footprint(self, geometry: Geometry) -> Footprint:
        """Return the bytes of one layer that is not one of the first whole ones, by formula."""

    def mean_footprint(self, geometry: Geometry) -> Footprint:
        """Return the bytes per prompt token and kv-head, mean over all layers, those that stay whole among them."""
        whole = min(self.whole_layers, geometry.layers)
        both = geometry.full * whole + self.footprint(geometry) * (geometry.layers - whole)
        return (both * (1 / geometry.layers)).per_token(geometry)

    def device_knob(self, geometry: Geometry) -> Knob | None:
        """Return what the solver may turn to fit a budget of device bytes."""
        return None

    def traffic_knob(self, geometry: Geometry) -> Knob | None:
        """Return what the solver may turn to fit a budget of moved bytes."""
        return None


def text_of(value: Option) -> str:
    """Return an option's value as a spec writes it."""
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def share_of(amount: float, tokens: int) -> int:
    """Return `amount` tokens, or where it is below 1 that share of `tokens`, rounded down."""
    return int(tokens * amount) if amount < 1 else int(amount)


@dataclass(frozen=True)
class SparseStrategy(Strategy, ABC):
    """A strategy that reads a part of the prompt at each step.

    Args:
        budget: tokens read from the prompt at each step beside the residents: a share of the prompt below 1, else a
            number of tokens.
        local: the last tokens of the prompt, always exact on the device.
    """

    budget: float
    local: float

    def __post_init__(self) -> None:
        if not self.budget > 0:
            raise SpecError(f"{self.name}: budget={self.budget} selects nothing",
                            remedy="give a share of the prompt (0.03) or a number of tokens (2048)")  # fmt: skip
        if self.local < 0:
            raise SpecError(f"{self.name}: local={self.local} is negative", remedy="give a number of tokens")

    @property
    def unit(self) -> int:
        """Tokens in a unit of selection."""
        return 1

    def count(self, tokens: int) -> int:
        """Return how many units a prompt of `tokens` may read: at least one, rounded down from the budget."""
        return max(1, share_of(self.budget, tokens) // self.unit)

    def counts(self, prompt: Prompt) -> Tensor:
        """Return (B,) how many units each sequence may read."""
        return prompt.tokens.new_tensor([self.count(tokens) for tokens in prompt.tokens.tolist()])

    def covers_tokens(self, tokens: int) -> bool:
        """Tell whether budget and residents hold a prompt of `tokens` whole."""
        return max(1, share_of(self.budget, tokens)) + share_of(self.local, tokens) >= tokens

    def covers(self, prompt: Prompt) -> bool:
        """Tell whether budget and residents hold every prompt whole."""
        return all(self.covers_tokens(tokens) for tokens in prompt.tokens.tolist())

    def traffic_knob(self, geometry: Geometry) -> Knob | None:
        """Return the budget, as shares that select 1, 2, 3, ... units."""
        return shares("budget", geometry.tokens, self.unit)

    def selection(
        self,
        prompt: Prompt,
        allowed: Tensor,
        counts: Tensor,
        rule: Rule = softmax_max,
        margin: float | None = None,
    ) -> Selection:
        """Return the selection over units `allowed` (B, units) or (B, H, units)."""
        heads = prompt.keys.shape[1]
        per_head = allowed.unsqueeze(1).expand(-1, heads, -1) if allowed.dim() == 2 else allowed
        return Selection("device", "selection", per_head.contiguous(), counts, prompt.valid, rule, margin)
