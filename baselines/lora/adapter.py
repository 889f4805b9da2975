"""Load an adapter as peft saves it: find its base, and fold it into the base's weights."""

from __future__ import annotations

import json
import warnings
from pathlib import Path
from typing import Any

from transformers import PreTrainedModel

from text2json.errors import ModelError

CONFIG = "adapter_config.json"


def peft_library() -> Any:
    """Return the module `peft`.

    Raises:
        ModelError: it is not installed.
    """
    try:
        import peft
    except ImportError as error:
        raise ModelError("adapters need peft", remedy='pip install "text2json[lora]"') from error
    return peft


def base_of(config: Path) -> tuple[str, str | None]:
    """Return name and revision of the base model that the file `adapter_config.json` names.

    A relative path to a base counts from the adapter's folder, so that both can be moved together.

    Raises:
        ModelError: the file names none.
    """
    try:
        settings = json.loads(config.read_text(encoding="utf-8"))
        base, revision = settings["base_model_name_or_path"], settings.get("revision")
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ModelError("not the configuration of an adapter", file=config,
                         remedy="give the folder that peft wrote") from error  # fmt: skip
    if not isinstance(base, str) or not base:
        raise ModelError("the adapter does not name its base", file=config, remedy="give --model BASE+ADAPTER")
    beside = config.parent / base
    return (str(beside) if beside.exists() else base), revision


def merged(model: PreTrainedModel, adapter: str, revision: str | None) -> PreTrainedModel:
    """Return `model` with the adapter folded into its weights: a plain model of its family.

    It is done in float32, since a weight in 16 bits would swallow a small product of factors.

    Raises:
        ModelError: peft is missing, or the adapter does not fit this model.
    """
    peft = peft_library()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)  # peft asks for attributes that transformers renames
            whole = peft.PeftModel.from_pretrained(model.float(), adapter, revision=revision)
    except (RuntimeError, ValueError, TypeError) as error:
        reason = str(error).strip().splitlines()[-1].strip()
        raise ModelError(f"adapter {adapter!r} does not fit its base: {reason}",
                         remedy="give the base that it was trained on, --model BASE+ADAPTER") from error  # fmt: skip
    plain: PreTrainedModel = whole.merge_and_unload()
    return plain
