from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import peft
import pytest
import torch
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM

from text2json.baselines.lora import train as training
from text2json.baselines.lora.recipe import FOLDER, load_recipe
from text2json.baselines.models import load_model
from text2json.baselines.readers import train as readers
from text2json.baselines.readers.stage_data import generated
from text2json.errors import DataError, ModelError, SpecError

pytestmark = pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing` is deprecated:FutureWarning")  # in peft

RECIPE = """
name = "tiny"
base = "BASE"
seed = 3
rank = 4
alpha = 8
targets = ["q_proj", "down_proj"]
compile = false
log_every = 1
threads = 1
warmup_steps = 1

[[stages]]
name = "documents"
tokens = 8000
lengths = [1280]
batch_tokens = 1280
rate = [5e-2, 1e-2]
generate = ["demo --split train --samples 12 --set records=1-2 --set length=400-700"]
held_out = "demo --split test --samples 4 --set records=1-2 --set length=400-700"
"""


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The recipe's documents, written once."""
    work = tmp_path_factory.mktemp("documents")
    for line in RECIPE.splitlines():
        if "--split" in line:
            generated(line.split('"')[1], work)
    return work / "data"


@pytest.fixture
def work(tmp_path: Path, data: Path) -> Path:
    """A work folder with the documents in it."""
    return folder_with(data, tmp_path / "work")


def folder_with(data: Path, folder: Path) -> Path:
    folder.mkdir()
    (folder / "data").symlink_to(data)
    return folder


def write_recipe(folder: Path, base: Path | str, text: str = RECIPE) -> str:
    file = folder / "tiny.toml"
    file.write_text(text.replace("BASE", str(base)))
    return str(file)


def test_a_trained_adapter_is_a_peft_folder_that_runs_by_its_path(tiny_model: Path, tmp_path: Path, work: Path) -> None:
    folder = training.train(load_recipe(write_recipe(tmp_path, tiny_model)), work)
    settings = json.loads((folder / "adapter_config.json").read_text())
    assert (settings["r"], settings["lora_alpha"], settings["base_model_name_or_path"]) == (4, 8, str(tiny_model))
    weights = load_file(folder / "adapter_model.safetensors")
    assert len(weights) == 2 * 2 * 2  # layers, targets, factors
    assert {weight.dtype for weight in weights.values()} == {torch.bfloat16}
    peers = peft.PeftModel.from_pretrained(AutoModelForCausalLM.from_pretrained(tiny_model), folder).merge_and_unload()
    ids = torch.arange(4, 60)[None]
    with torch.no_grad():
        assert torch.equal(load_model(str(folder)).model(ids).logits, peers.eval()(ids).logits)
    log = [json.loads(line) for line in (work / "log.jsonl").read_text().splitlines()]
    assert log[-1]["loss"] < log[0]["loss"] - 0.1
    assert any("held_out_tokens" in line for line in log)


def test_an_interrupted_training_ends_as_if_it_had_not_been(
    tiny_model: Path, tmp_path: Path, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe = load_recipe(write_recipe(tmp_path, tiny_model))
    whole = training.train(recipe, folder_with(data, tmp_path / "whole"))
    step = training.AdapterTrainer.step
    calls = 0

    def stop_after_three(self: training.AdapterTrainer, *args: Any) -> tuple[float, float, float]:
        nonlocal calls
        calls += 1
        if calls == 3:
            readers.STOP.set()
        return step(self, *args)

    monkeypatch.setattr(training.AdapterTrainer, "step", stop_after_three)
    broken = folder_with(data, tmp_path / "broken")
    with pytest.raises(SystemExit):
        training.train(recipe, broken)
    readers.STOP.clear()
    monkeypatch.undo()
    assert not (broken / "tiny").exists()
    halfway = load_file(training.train(recipe, broken, steps=False) / "adapter_model.safetensors")
    resumed = training.train(recipe, broken)
    one, other = (load_file(folder / "adapter_model.safetensors") for folder in (whole, resumed))
    assert one.keys() == other.keys()
    assert all(torch.equal(one[name], other[name]) for name in one)
    assert not any(torch.equal(one[name], halfway[name]) for name in one)


@pytest.mark.parametrize("checkpointing", [False, True])
def test_only_the_factors_learn(tiny_model: Path, tmp_path: Path, checkpointing: bool) -> None:
    """The gradients are those of the sum of weight and factors, by the definition of LoRA (arXiv 2106.09685)."""
    text = RECIPE.replace("compile = false", f"compile = false\ngradient_checkpointing = {str(checkpointing).lower()}")
    recipe = load_recipe(write_recipe(tmp_path, tiny_model, text))
    model = training.with_adapter(AutoModelForCausalLM.from_pretrained(tiny_model), recipe)
    layer = model.model.layers[0].self_attn.q_proj
    first, second = layer.lora_A["default"].weight, layer.lora_B["default"].weight
    torch.nn.init.normal_(second, std=0.1)
    ids = torch.arange(4, 60)[None]
    model(ids, use_cache=False).logits.square().mean().backward()
    plain = AutoModelForCausalLM.from_pretrained(tiny_model)
    weight = plain.model.layers[0].self_attn.q_proj.weight
    weight.data += 2.0 * second.detach() @ first.detach()
    plain(ids).logits.square().mean().backward()
    torch.testing.assert_close(second.grad, 2.0 * weight.grad @ first.T, rtol=1e-3, atol=1e-7)
    torch.testing.assert_close(first.grad, 2.0 * second.T @ weight.grad, rtol=1e-3, atol=1e-7)
    learning = {name for name, parameter in model.named_parameters() if parameter.grad is not None}
    assert len(learning) == 8
    assert all("lora_" in name for name in learning)


def test_a_base_elsewhere_takes_the_place_of_the_recipes(tiny_model: Path, tmp_path: Path, work: Path) -> None:
    recipe = load_recipe(write_recipe(tmp_path, "ORG/NOT-REACHED"))
    folder = training.train(recipe, work, str(tiny_model))
    assert json.loads((folder / "adapter_config.json").read_text())["base_model_name_or_path"] == str(tiny_model)


def test_the_program_tells_what_is_wrong_in_one_line(
    tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    recipe = write_recipe(tmp_path, tiny_model)
    monkeypatch.setattr("sys.argv", ["train", recipe, "--work", str(tmp_path / "work"), "--export"])
    monkeypatch.setattr(training, "stop_when_asked", lambda: None)
    with pytest.raises(SystemExit) as stopped:
        training.main()
    assert stopped.value.code == 2
    assert capsys.readouterr().err.endswith("checkpoint.pt: no checkpoint yet (train first)\n")


def test_layers_that_the_base_lacks_are_told(tiny_model: Path, tmp_path: Path, work: Path) -> None:
    recipe = load_recipe(write_recipe(tmp_path, tiny_model))
    only = recipe.model_copy(update={"targets": ["c_attn"]})
    with pytest.raises(ModelError, match=r"no adapter fits: .*c_attn"):
        training.train(only, work)


def test_a_checkpoint_of_other_factors_is_refused(tiny_model: Path, tmp_path: Path, work: Path) -> None:
    recipe = load_recipe(write_recipe(tmp_path, tiny_model))
    training.train(recipe, work)
    for change in ({"targets": ["q_proj"]}, {"rank": 2}):
        with pytest.raises(DataError, match="checkpoint has other factors"):
            training.train(recipe.model_copy(update=change), work)


@pytest.mark.parametrize("file", sorted(FOLDER.glob("*.toml")), ids=lambda file: file.stem)
def test_every_shipped_recipe_loads(file: Path) -> None:
    recipe = load_recipe(file.stem)
    assert recipe.name == file.stem
    assert all(stage.tokens > 0 and stage.lengths == sorted(stage.lengths) for stage in recipe.stages)


def test_a_recipe_that_no_adapter_can_follow_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match="did you mean 'smollm2-135m'"):
        load_recipe("smollm2-135")
    for line in ("random_share = 0.5", "hints = 0.3"):
        with pytest.raises(DataError, match=r"tiny\.toml: not a recipe: [\s\S]*learns from documents"):
            load_recipe(write_recipe(tmp_path, "x", RECIPE.replace("lengths", f"{line}\nlengths")))


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # torch.compile warns of what it uses itself
def test_a_shortened_recipe_teaches_a_model_what_it_did_not_know(tmp_path: Path) -> None:
    """The shipped recipe's factors, compiled, on a bundled reader, which has met no answer with numbers and lists."""
    recipe = load_recipe("smollm2-135m")
    changes = {
        "lengths": [640], "batch_tokens": 2560, "tokens": 42_000, "rate": (3e-3, 3e-3),
        "generate": ["nested --split train --samples 300 --set records=1-2 --set length=500-1100"],
        "held_out": "nested --split test --samples 40 --set records=1-2 --set length=500-1100",
    }  # fmt: skip
    stage = recipe.stages[0].model_copy(update=changes)
    common = {"base": "reader-qwen3", "checkpoint_seconds": 1e9, "log_every": 2, "warmup_steps": 2}
    training.train(recipe.model_copy(update={"stages": [stage], **common}), tmp_path)
    log = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    held_out = [line["held_out_loss"] for line in log if "held_out_loss" in line]
    assert held_out[-1] < 0.75 * log[0]["loss"]
