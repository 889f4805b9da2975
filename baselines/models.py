"""Load a model with its tokeniser, from wherever its name leads (see `sources`)."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import nn
from transformers import (
    AutoModelForCausalLM,
    AutoTokenizer,
    BatchEncoding,
    PreTrainedModel,
    PreTrainedTokenizerBase,
)
from transformers.utils import logging

from text2json.baselines.chat import user_turn
from text2json.baselines.lora.adapter import merged
from text2json.baselines.readers import reader_names
from text2json.baselines.sources import Source, locate
from text2json.baselines.wide_products import widen
from text2json.errors import ModelError
from text2json.schemas.run import ModelFacts

DTYPES = {"auto": "auto", "float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}

LOADING_ERRORS = (OSError, ValueError, KeyError, ImportError)


@dataclass(frozen=True)
class LoadedModel:
    """A model ready to answer.

    Attributes:
        name: as the user gave it.
        revision: the Hub's commit, where the model came from there; of a bundled reader and of an adapter, the hash of
            its weights.
        model: in evaluation mode, on its device.
        tokenizer: pads on the left.
    """

    name: str
    revision: str | None
    model: PreTrainedModel
    tokenizer: PreTrainedTokenizerBase

    def encode(self, problems: list[str]) -> BatchEncoding:
        """Return left-padded prompts of `problems`, each as one user turn of the model's chat template."""
        tokenizer = self.tokenizer
        plain = tokenizer.chat_template is None
        texts = problems if plain else [self.turn(problem) for problem in problems]
        encoded: BatchEncoding = tokenizer(texts, return_tensors="pt", padding=True, add_special_tokens=plain)
        return encoded.to(self.model.device)

    def turn(self, problem: str) -> str:
        """Return `problem` as the model's chat template has a user say it, thinking off."""
        return user_turn(self.tokenizer, problem)

    @property
    def stop_tokens(self) -> set[int]:
        """Token ids that end an answer."""
        config = self.model.generation_config
        ends = config.eos_token_id if config is not None else None
        listed = ends if isinstance(ends, list) else [ends, self.tokenizer.eos_token_id]
        return {int(token) for token in listed if token is not None}


def load_model(name: str, *, dtype: str = "auto", device: str | None = None) -> LoadedModel:
    """Load `name`: a bundled reader, a folder, a GGUF file, or a Hub id with optional `@revision`.

    A folder may hold an adapter as peft writes one, whose base is loaded with it; `BASE+ADAPTER` names both.

    Args:
        name: which model.
        dtype: one of `DTYPES`; `auto` keeps the checkpoint's own.
        device: a torch device; `cuda` where there is one, otherwise `cpu`.

    Raises:
        ModelError: it is none of these, or transformers cannot load it, or there is no such device.
    """
    source, place = locate(name), usable(device or ("cuda" if torch.cuda.is_available() else "cpu"))
    try:
        with quiet_transformers():
            path, options = source.tokenizer
            tokenizer = AutoTokenizer.from_pretrained(path, **options, padding_side="left")
            model = load_weights(source, dtype)
    except ModelError:
        raise
    except Exception as error:
        if source.gguf_file is None and not isinstance(error, LOADING_ERRORS):
            raise  # only what reads a broken GGUF file may raise anything
        raise not_loaded(name, source, error) from error
    if tokenizer.pad_token is None:
        tokenizer.pad_token = tokenizer.eos_token
    nn.Module.to(model, place)
    model.eval()
    widen(model)
    return LoadedModel(name, revision_of(name, source, model), model, tokenizer)


def usable(device: str) -> torch.device:
    """Return a device that takes tensors.

    Raises:
        ModelError: there is none of that name here.
    """
    try:
        return torch.empty(0, device=device).device
    except (RuntimeError, AssertionError) as error:
        reason = str(error).partition("\n")[0]
        raise ModelError(f"no device {device!r}: {reason}", remedy="give cpu, or cuda where there is one") from None


def not_loaded(name: str, source: Source, error: Exception) -> ModelError:
    """Return what to tell of a model that transformers cannot load."""
    reason = next(iter(str(error).strip().splitlines()), type(error).__name__)
    remedy = f"give a folder that transformers saved, a Hub id, or one of: {', '.join(reader_names())}"
    if source.gguf_file is not None:
        missing = isinstance(error, ImportError)
        remedy = (
            'pip install "text2json[lora]"' if missing else "give a whole GGUF file of a family that transformers reads"
        )
    return ModelError(f"model {name!r} cannot be loaded: {reason}", remedy=remedy)


def load_weights(source: Source, dtype: str) -> PreTrainedModel:
    """Return the model at `source`, its adapter folded in.

    Raises:
        ModelError: transformers would leave an adapter beside the weights, where strategies that read weights miss it.
    """
    asked = DTYPES[dtype]
    model: PreTrainedModel = AutoModelForCausalLM.from_pretrained(
        source.path, **source.model_options, dtype="auto" if source.adapter is not None else asked
    )
    if getattr(model, "_hf_peft_config_loaded", False):
        raise ModelError(f"{source.path!r} holds an adapter", remedy="give --model BASE+ADAPTER, each apart")
    if source.adapter is not None:
        wanted = asked if isinstance(asked, torch.dtype) else model.dtype
        model = merged(model, source.adapter, source.adapter_revision)
        nn.Module.to(model, wanted)
    return model


def revision_of(name: str, source: Source, model: PreTrainedModel) -> str | None:
    """Return the Hub's commit; of what may be trained again under its name, reader or adapter, the weights' hash."""
    if name in reader_names():
        return weights_hash(Path(source.path) / "model.safetensors")
    commit: str | None = getattr(model.config, "_commit_hash", None)
    if source.adapter is None:
        return commit
    file = Path(source.adapter) / "adapter_model.safetensors"
    added = weights_hash(file) if file.exists() else source.adapter_revision or source.adapter
    return added if commit is None else f"{commit}+{added}"


def weights_hash(file: Path) -> str:
    """Return the SHA-256 of a small file of weights."""
    return "sha256:" + hashlib.sha256(file.read_bytes()).hexdigest()


def model_facts(loaded: LoadedModel) -> ModelFacts:
    """Return what the model is; a full cache holds a key and a value of each kv-head in each layer."""
    model, config = loaded.model, loaded.model.config.get_text_config()
    heads = getattr(config, "num_key_value_heads", None) or config.num_attention_heads
    size = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
    return ModelFacts(
        family=config.model_type,
        parameters=model.num_parameters(),
        full_bytes_per_token=2 * config.num_hidden_layers * heads * size * model.dtype.itemsize,
    )


@contextmanager
def quiet_transformers() -> Iterator[None]:
    """Keep transformers' own bars off the terminal for a while; errors are raised, not logged."""
    shown = logging.is_progress_bar_enabled()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        if shown:
            logging.enable_progress_bar()
