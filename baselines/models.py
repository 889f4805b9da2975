"""Load a model with its tokeniser: a bundled reader by name, a local folder, or a Hub id."""

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

from text2json.baselines.readers import reader_names, reader_path
from text2json.errors import ModelError
from text2json.schemas.run import ModelFacts

DTYPES = {"auto": "auto", "float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}


@dataclass(frozen=True)
class LoadedModel:
    """A model ready to answer.

    Attributes:
        name: as the user gave it.
        revision: the Hub's commit, where the model came from there; of a bundled reader, the hash of its weights.
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
        text = self.tokenizer.apply_chat_template(
            [{"role": "user", "content": problem}],
            tokenize=False,
            add_generation_prompt=True,
            enable_thinking=False,
        )
        return str(text)

    @property
    def stop_tokens(self) -> set[int]:
        """Token ids that end an answer."""
        config = self.model.generation_config
        ends = config.eos_token_id if config is not None else None
        listed = ends if isinstance(ends, list) else [ends, self.tokenizer.eos_token_id]
        return {int(token) for token in listed if token is not None}


def load_model(name: str, *, dtype: str = "auto", device: str | None = None) -> LoadedModel:
    """Load `name`: a bundled reader, a folder as transformers writes it, or a Hub id with optional `@revision`.

    Args:
        name: which model.
        dtype: one of `DTYPES`; `auto` keeps the checkpoint's own.
        device: a torch device; `cuda` where there is one, otherwise `cpu`.

    Raises:
        ModelError: it is none of the three, or transformers cannot load it.
    """
    source, revision = locate(name)
    try:
        with quiet_transformers():
            tokenizer = AutoTokenizer.from_pretrained(source, revision=revision, padding_side="left")
            model = AutoModelForCausalLM.from_pretrained(source, revision=revision, dtype=DTYPES[dtype])
    except (OSError, ValueError, KeyError, ImportError) as error:
        reason = str(error).strip().splitlines()[0]
        raise ModelError(
            f"model {name!r} cannot be loaded: {reason}",
            remedy=f"give a folder that transformers saved, a Hub id, or one of: {', '.join(reader_names())}",
        ) from error
    if tokenizer.pad_token is None:
        tokenizer.pad_token = tokenizer.eos_token
    nn.Module.to(model, torch.device(device or ("cuda" if torch.cuda.is_available() else "cpu")))
    model.eval()
    revision = weights_hash(source) if name in reader_names() else getattr(model.config, "_commit_hash", None)
    return LoadedModel(name, revision, model, tokenizer)


def weights_hash(folder: str) -> str:
    """Return the SHA-256 of a bundled reader's weights, which change when it is trained again."""
    return "sha256:" + hashlib.sha256((Path(folder) / "model.safetensors").read_bytes()).hexdigest()


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


def locate(name: str) -> tuple[str, str | None]:
    """Return what `from_pretrained` needs, a path or Hub id and a revision.

    Raises:
        ModelError: `name` is a folder without a model, or cannot be a Hub id.
    """
    if name in reader_names():
        return str(reader_path(name)), None
    folder = Path(name)
    if folder.is_dir():
        if not (folder / "config.json").exists():
            raise ModelError("no model in this folder: config.json is missing", file=folder,
                             remedy="give the folder that `save_pretrained` wrote")  # fmt: skip
        return str(folder), None
    identifier, _, revision = name.partition("@")
    if folder.exists() or identifier.count("/") != 1 or name.startswith((".", "/", "~")):
        raise ModelError(
            f"no model {name!r}: neither a bundled reader, nor a folder, nor a Hub id",
            remedy=f"bundled readers: {', '.join(reader_names()) or 'none'}; a Hub id looks like ORG/NAME",
        )
    return identifier, revision or None
