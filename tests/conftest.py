"""Fixtures that several parts' tests share."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

if TYPE_CHECKING:
    from tests.hub.server import Hub

pytest.register_assert_rewrite("tests.browser", "tests.hub")

settings.register_profile("text2json", deadline=None)  # a shared machine's clock decides no test
settings.load_profile("text2json")

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # spinning threads slow small steps on a busy machine
os.environ.update(  # nothing leaves the machine, and large files go the plain way, which a local Hub understands
    HF_HUB_DISABLE_TELEMETRY="1", HF_HUB_DISABLE_XET="1", HF_HUB_DISABLE_PROGRESS_BARS="1"
)


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    """Give a Hub on this machine; `hf_ownertoken` and `hf_guesttoken` are its users' tokens."""
    from huggingface_hub import constants

    from tests.hub.server import serving

    monkeypatch.delenv("HF_TOKEN", raising=False)
    monkeypatch.setattr(constants, "HF_TOKEN_PATH", str(tmp_path / "no-token"))
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub-cache"))
    with serving() as found:
        template = constants.HUGGINGFACE_CO_URL_TEMPLATE.replace(constants.ENDPOINT, found.endpoint)
        monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)
        monkeypatch.setattr(constants, "ENDPOINT", found.endpoint)
        yield found


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with a small random Llama and its tokeniser, as transformers saves them."""
    from text2json.baselines.readers.architecture import build_model
    from text2json.baselines.readers.tokenizer import train_tokenizer

    folder = tmp_path_factory.mktemp("models") / "tiny"
    shape = {"hidden_size": 64, "intermediate_size": 64, "num_hidden_layers": 2, "head_dim": 16}
    build_model("llama", vocab_size=400, seed=0, **shape).save_pretrained(folder)
    texts = ["List all products.", '[{"name":"Velo 3","colour":"blue"}]', "The kettle weighs 3.4 kg."] * 3
    train_tokenizer(texts, vocab_size=300).save_pretrained(folder)
    return folder


@pytest.fixture(scope="session")
def documents(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a data folder of six short documents."""
    from text2json.writing import write_dataset

    folder = tmp_path_factory.mktemp("data") / "documents"
    write_dataset("demo", folder, samples=6, knobs={"records": (1, 2), "length": (400, 800)})
    return folder
