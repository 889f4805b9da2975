from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from text2json.baselines.readers import attention, reader_path, stage_data
from text2json.baselines.readers import train as training
from text2json.baselines.readers.architecture import build_model
from text2json.baselines.readers.attention import BLOCK, fused, install, packed
from text2json.baselines.readers.recipe import FOLDER, load_recipe
from text2json.baselines.readers.scramble import Scrambler
from text2json.baselines.readers.stage_data import reply
from text2json.baselines.readers.tokenizer import train_tokenizer
from text2json.errors import DataError, SpecError
from text2json.schemas.canonical import canonical_json

RECIPE = """
name = "tiny"
family = "FAMILY"
vocab_size = 300
seed = 3
tokenizer_texts = ["demo --split train --samples 20 --set records=1-2 --set length=400-700"]
compile = false
log_every = 1
threads = 1

[shape]
hidden_size = 32
intermediate_size = 32
num_hidden_layers = 2
head_dim = 8
rope_parameters = { rope_type = "default", rope_theta = 50000.0 }

[[stages]]
name = "rows"
tokens = 1500
lengths = [64]
batch_tokens = 256
random_share = 1.0
rate = [1e-3, 1e-3]

[[stages]]
name = "documents"
tokens = 8000
lengths = [1024]
batch_tokens = 2048
random_share = 0.2
scramble = 0.5
hints = 0.3
rate = [1e-3, 1e-4]
generate = ["demo --split train --samples 20 --set records=1-2 --set length=400-700"]
held_out = "demo --split test --samples 8 --set records=1-2 --set length=400-700"
"""


def write_recipe(folder: Path, family: str = "llama", text: str = RECIPE) -> str:
    file = folder / "tiny.toml"
    file.write_text(text.replace("FAMILY", family))
    return str(file)


@pytest.mark.parametrize("family", ["llama", "qwen3"])
def test_a_trained_reader_is_a_plain_transformers_folder(family: str, tmp_path: Path) -> None:
    folder = training.train(load_recipe(write_recipe(tmp_path, family)), tmp_path / "work")
    model = AutoModelForCausalLM.from_pretrained(folder)
    assert model.dtype == torch.bfloat16
    assert model.config.model_type == family
    assert model.config.rope_parameters["rope_theta"] == 50000.0
    assert (folder / "model.safetensors").exists()
    tokenizer = AutoTokenizer.from_pretrained(folder)
    ids = tokenizer("<|user|>Hello<|assistant|>", return_tensors="pt")
    assert torch.isfinite(model(**ids).logits).all()
    log = [json.loads(line) for line in (tmp_path / "work" / "log.jsonl").read_text().splitlines()]
    assert {line["stage"] for line in log} == {"rows", "documents"}
    assert any("held_out_answers" in line for line in log)


@pytest.mark.parametrize("begins", ["from random weights", "from another reader"])
def test_an_interrupted_training_ends_as_if_it_had_not_been(
    begins: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe = load_recipe(write_recipe(tmp_path))
    if begins != "from random weights":
        training.train(recipe, tmp_path / "tiny")
        changed = {"name": "next", "start": "tiny", "tokenizer_texts": [], "shape": {}}
        recipe = recipe.model_copy(update=changed)
    whole = training.train(recipe, tmp_path / "whole")
    step = training.Trainer.step
    calls = 0

    def stop_after_three(self: training.Trainer, *args: object) -> tuple[float, float, float]:
        nonlocal calls
        calls += 1
        if calls == 3:
            training.STOP.set()
        return step(self, *args)  # type: ignore[arg-type]

    monkeypatch.setattr(training.Trainer, "step", stop_after_three)
    with pytest.raises(SystemExit):
        training.train(recipe, tmp_path / "broken")
    training.STOP.clear()
    monkeypatch.undo()
    resumed = training.train(recipe, tmp_path / "broken")
    one, other = (AutoModelForCausalLM.from_pretrained(folder) for folder in (whole, resumed))
    assert one.config.rope_parameters == other.config.rope_parameters
    kept = other.state_dict()
    assert all(torch.equal(weight, kept[name]) for name, weight in one.state_dict().items())


def test_a_checkpoint_that_says_no_shape_is_told(tmp_path: Path) -> None:
    recipe = load_recipe(write_recipe(tmp_path))
    torch.save({"model": {}, "optimizers": [], "progress": {}}, tmp_path / "checkpoint.pt")
    with pytest.raises(DataError, match=r"checkpoint\.pt: a checkpoint of an earlier version"):
        training.train(recipe, tmp_path)


@pytest.mark.parametrize("length", [33, 2 * BLOCK + 33])
def test_training_attention_equals_transformers_own(length: int) -> None:
    model = build_model("llama", vocab_size=50, seed=0, hidden_size=64, head_dim=16, num_hidden_layers=2).eval()
    ids = torch.randint(0, 50, (2, length))
    with torch.no_grad():
        stock = model(ids).logits
        install(model)
        ours = model(ids).logits
    torch.testing.assert_close(ours, stock, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("kernel", ["fused", "packed"])
def test_a_compiled_step_takes_the_attention_of_its_precision(kernel: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a graph break, and the same as transformers' own but for the rounding to bfloat16."""
    model = build_model("llama", vocab_size=50, seed=0, hidden_size=64, head_dim=16, num_hidden_layers=2).eval()
    ids = torch.randint(0, 50, (2, 33))
    low = kernel == "packed"
    with torch.no_grad():
        stock = model(ids).logits
        install(model)
        monkeypatch.delattr(attention, "fused" if low else "packed")  # the other one

        @torch.compile(backend="eager", fullgraph=True)
        def step() -> torch.Tensor:
            with torch.autocast("cpu", dtype=torch.bfloat16, enabled=low):
                return model(ids, use_cache=False).logits  # type: ignore[no-any-return]

        found = step()
    torch.testing.assert_close(found.float(), stock, rtol=0, atol=0.05 * float(stock.std()) if low else 1e-5)


@pytest.mark.parametrize("length", [33, 2 * BLOCK + 33])
def test_packed_attention_is_the_fused_one_with_its_gradients(length: int) -> None:
    found = []
    for attend in (fused, packed):
        generator = torch.Generator().manual_seed(0)
        inputs = [torch.randn(2, heads, length, 16, generator=generator, requires_grad=True) for heads in (4, 2, 2)]
        mixed = attend(*inputs)
        (mixed * torch.randn(mixed.shape, generator=generator)).sum().backward()
        found.append([mixed, *(tensor.grad for tensor in inputs)])
    torch.testing.assert_close(*found, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("file", sorted(FOLDER.glob("*.toml")), ids=lambda file: file.stem)
def test_every_shipped_recipe_loads(file: Path) -> None:
    recipe = load_recipe(file.stem)
    assert recipe.name == file.stem
    assert all(stage.tokens > 0 and stage.lengths == sorted(stage.lengths) for stage in recipe.stages)


def test_an_unknown_or_broken_recipe_is_an_error_with_a_remedy(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match="did you mean 'reader-llama'"):
        load_recipe("reader-lama")
    broken = write_recipe(tmp_path, text=RECIPE.replace("tokens = 1500", "tokens = 0"))
    with pytest.raises(DataError, match=r"tiny\.toml: not a recipe"):
        load_recipe(broken)


def test_names_go_first_and_nothing_else_changes() -> None:
    answer = '[{"colour":"red","name":"A"}]'
    assert reply(answer, name_first=True) == '[{"name":"A","colour":"red"}]'
    assert reply(answer, name_first=False) == answer


def test_tasks_are_answered_in_their_own_forms() -> None:
    assert reply(canonical_json("name\tdate\nA\tB\n"), name_first=True) == "```tsv\nname\tdate\nA\tB\n```"
    assert reply('["x","y"]', name_first=True) == '["x","y"]'


def test_a_recipe_begins_from_the_reader_of_another_and_keeps_its_tokens(tmp_path: Path) -> None:
    """Both are trained by one command; the second learns from a task's samples too."""
    first = write_recipe(tmp_path)
    training.train(load_recipe(first), tmp_path / "tiny")
    stage = RECIPE[RECIPE.rindex("[[stages]]") :].replace(
        "generate = [", 'generate = ["tasks needles:split=train,samples=8,needles=2,length=700",'
    )
    second = tmp_path / "second.toml"
    head = 'name = "second"\nfamily = "qwen3"\nvocab_size = 300\nseed = 3\nstart = "tiny"\ntokenizer_texts = []\n'
    second.write_text(head + "compile = false\nlog_every = 1\nthreads = 1\n\n" + stage.replace("8000", "2048"))
    folder = training.train(load_recipe(str(second)), tmp_path / "second")
    vocabularies = [AutoTokenizer.from_pretrained(each).get_vocab() for each in (folder, tmp_path / "tiny" / "tiny")]
    assert vocabularies[0] == vocabularies[1]
    assert AutoModelForCausalLM.from_pretrained(folder).config.model_type == "qwen3"


def test_scrambling_replaces_a_value_wherever_the_text_states_it() -> None:
    tokenizer = train_tokenizer(["the kettle weighs a lot and the lamp does not"] * 5, vocab_size=300)
    problem = "A is red. The red A."
    row = {
        "problem": problem,
        "answer": '[{"colour":"red","name":"A"}]',
        "evidence": '[{"path":"[0].colour","spans":[[5,8],[14,17]]},{"path":"[0].name","spans":[[0,1],[18,19]]}]',
    }
    changed, answer, moved = Scrambler(tokenizer, 1.0).scramble(row)
    record = json.loads(answer)[0]
    assert record["colour"] != "red"
    assert changed == f"{record['name']} is {record['colour']}. The {record['colour']} {record['name']}."
    for (_, key), spans in moved.items():
        assert {changed[start:end] for start, end in spans} == {record[key]}
    assert Scrambler(tokenizer, 0.0).scramble(row)[:2] == (problem, row["answer"])


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # torch.compile warns of what it uses itself
def test_a_shortened_recipe_learns_to_copy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The copying stage of the shipped recipe, up to where most is right; chance is 1 in 4,096."""
    recipe = load_recipe("reader-llama")
    short = recipe.model_copy(update={"stages": recipe.stages[:1], "checkpoint_seconds": 1e9, "tokenizer_texts": TEXTS})
    right: list[float] = []

    def stop_when_it_copies(work: Path, line: dict[str, float]) -> None:
        right.append(line["tokens_right"])
        if right[-1] > 0.7:
            training.STOP.set()

    monkeypatch.setattr(training, "write_log", stop_when_it_copies)
    with pytest.raises(SystemExit):  # a stage that ends before it copies ends quietly
        training.train(short, tmp_path)
    training.STOP.clear()
    assert right[0] < 0.05


TEXTS = ["demo --split train --samples 3000"]


def test_tokens_are_kept_and_the_same_when_read_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tokenizer = AutoTokenizer.from_pretrained(reader_path("reader-llama"))
    command = "demo --split train --samples 6 --set records=1-2 --set length=400-700"
    kinds = [{"name_first": name_first, "scramble": share} for name_first in (True, False) for share in (0.0, 0.9)]
    first = [stage_data.tokenized(command, tokenizer, tmp_path, **kind) for kind in kinds]  # type: ignore[arg-type]
    texts = {tokenizer.decode(samples[0].ids) for samples in first}
    assert len(texts) == len(kinds)  # each kind is kept for itself
    fresh = stage_data.tokenize(stage_data.generated(command, tmp_path), tokenizer, name_first=True, scramble=0.9)
    monkeypatch.setattr(stage_data, "tokenize", None)
    again = [stage_data.tokenized(command, tokenizer, tmp_path, **kind) for kind in kinds]  # type: ignore[arg-type]
    for before, after in [*zip(first, again, strict=True), (fresh, again[1])]:
        for sample, kept in zip(before, after, strict=True):
            assert sample.ids.tolist() == kept.ids.tolist()
            assert sample.prompt == kept.prompt
            assert sample.hints.tolist() == kept.hints.tolist()
