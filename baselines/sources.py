"""Where a model's name leads: a bundled reader, a folder, a GGUF file, a Hub id, each with an adapter or without."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from text2json.baselines.lora import adapter
from text2json.baselines.readers import reader_names, reader_path
from text2json.errors import ModelError


@dataclass(frozen=True)
class Source:
    """What to load.

    Attributes:
        path: a folder or a Hub id, as `from_pretrained` takes it.
        revision: of the Hub.
        gguf_file: a file in the folder that holds all of the model.
        adapter: an adapter's folder or Hub id, to be folded into the model.
        adapter_revision: of the Hub.
    """

    path: str
    revision: str | None = None
    gguf_file: str | None = None
    adapter: str | None = None
    adapter_revision: str | None = None

    @property
    def options(self) -> dict[str, Any]:
        """What `from_pretrained` of a tokeniser or model needs beside the path."""
        return {"revision": self.revision} | ({"gguf_file": self.gguf_file} if self.gguf_file is not None else {})

    @property
    def model_options(self) -> dict[str, Any]:
        """What `from_pretrained` of a model needs: weights of a GGUF file are unpacked."""
        if self.gguf_file is None:
            return self.options
        try:
            from transformers import GgufConfig
        except ImportError:  # earlier releases always unpack
            return self.options
        return self.options | {"quantization_config": GgufConfig(dequantize=True)}

    @property
    def tokenizer(self) -> tuple[str, dict[str, Any]]:
        """Path and options of the tokeniser: an adapter's folder brings its own, or the base's serves."""
        if self.adapter is not None and (Path(self.adapter) / "tokenizer_config.json").exists():
            return self.adapter, {}
        return self.path, self.options


def locate(name: str) -> Source:
    """Return where `name` leads.

    Raises:
        ModelError: `name` is a folder without a model, a file that is no GGUF, or cannot be a Hub id.
    """
    if name in reader_names():
        return Source(str(reader_path(name)))
    path = Path(name)
    if path.is_dir():
        return in_folder(path)
    if path.is_file():
        return in_file(path)
    base, plus, added = name.partition("+")
    if plus:
        return with_adapter(locate(base), added)
    identifier, _, revision = name.partition("@")
    if identifier.count("/") != 1 or name.startswith((".", "/", "~")):
        raise ModelError(
            f"no model {name!r}: neither a bundled reader, nor a folder, nor a Hub id",
            remedy=f"bundled readers: {', '.join(reader_names()) or 'none'}; a Hub id looks like ORG/NAME",
        )
    return Source(identifier, revision or None)


def in_folder(folder: Path) -> Source:
    """Return the model in `folder`, or its adapter with the base that it names."""
    if (folder / "config.json").exists():
        return Source(str(folder))
    config = folder / adapter.CONFIG
    if not config.exists():
        raise ModelError("no model in this folder: config.json is missing", file=folder,
                         remedy="give the folder that `save_pretrained` wrote")  # fmt: skip
    name, revision = adapter.base_of(config)
    try:
        base = locate(name)
    except ModelError as error:
        raise ModelError(f"the adapter's base cannot be found: {error.message}", file=config,
                         remedy=f"give it yourself: --model BASE+{folder}") from error  # fmt: skip
    return with_adapter(replace(base, revision=base.revision or revision), str(folder))


def in_file(file: Path) -> Source:
    """Return the model in a GGUF file."""
    with file.open("rb") as content:
        if content.read(4) != b"GGUF":
            raise ModelError("neither a folder nor a GGUF file", file=file,
                             remedy="give the folder that `save_pretrained` wrote, or a .gguf file")  # fmt: skip
    return Source(str(file.parent), gguf_file=file.name)


def with_adapter(base: Source, name: str) -> Source:
    """Return `base` with the adapter in a folder, or of a Hub id with optional `@revision`."""
    if base.adapter is not None:
        raise ModelError("the base of an adapter is itself an adapter", remedy="give --model BASE+ADAPTER")
    folder = Path(name)
    if name and folder.is_dir():
        if not (folder / adapter.CONFIG).exists():
            raise ModelError(f"no adapter in this folder: {adapter.CONFIG} is missing", file=folder,
                             remedy="give the folder that peft wrote")  # fmt: skip
        return replace(base, adapter=str(folder))
    identifier, _, revision = name.partition("@")
    if identifier.count("/") != 1 or name.startswith((".", "/", "~")):
        raise ModelError(f"no adapter {name!r}: neither a folder nor a Hub id", remedy="give --model BASE+ADAPTER")
    return replace(base, adapter=identifier, adapter_revision=revision or None)
