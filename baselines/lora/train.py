"""Train an adapter: `python -m text2json.baselines.lora.train smollm2-135m --work DIR`.

The readers' trainer runs it: stages, batches, log, checkpoints and signals are the same, see `readers.train`. What
differs is what learns. The base model stays as it is, in bfloat16 (in float32 on a processor without instructions for
bfloat16); each of its linear layers gets two small factors in float32, which AdamW moves. A checkpoint holds the
factors alone. The finished adapter, `DIR/<name>`, is a folder as peft writes it, with the base's tokeniser; `text2json
run --model DIR/<name>` runs it.
"""

from __future__ import annotations

import argparse
from functools import partial
from pathlib import Path
from typing import Any

from text2json.baselines.readers.train import (  # first, since it sets up threads before torch is imported
    Measure,
    Progress,
    Trainer,
    run_stage,
    save_checkpoint,
    stop_when_asked,
)

import torch  # isort: skip
from safetensors.torch import save_file
from torch import Tensor
from torch.utils.checkpoint import checkpoint
from transformers import PreTrainedModel

from text2json.baselines.lora.adapter import peft_library
from text2json.baselines.lora.recipe import AdapterRecipe, load_recipe
from text2json.baselines.models import LoadedModel, load_model
from text2json.baselines.readers.batches import Batch
from text2json.baselines.readers.recipe import Schedule
from text2json.baselines.readers.stage_data import stage_documents
from text2json.baselines.wide_products import native
from text2json.errors import DataError, ModelError, told_in_a_line


class AdapterTrainer(Trainer):
    """Moves a model's adapter and nothing else of it."""

    shares_rows = False  # its steps run through one compiled layer instead

    def make_optimizers(self, recipe: Schedule) -> list[torch.optim.Optimizer]:
        """Return AdamW over the factors: they are thin, so that Muon's orthogonal steps gain nothing on them."""
        factors = [parameter for parameter in self.model.parameters() if parameter.requires_grad]
        return [torch.optim.AdamW(factors, betas=(0.9, 0.98), weight_decay=recipe.weight_decay)]

    def compile_measure(self) -> Measure:
        """Return `measure` with one compiled layer, which serves them all: 30 layers as a whole compile for minutes."""
        for layer in self.model.model.layers:
            layer.compile(dynamic=False)
        return self.measure

    def check(self, batch: Batch) -> dict[str, float]:
        """Measure without the compiled layer, which would be compiled once more to work without gradients."""
        with torch.compiler.set_stance("force_eager"):
            return super().check(batch)

    def weights(self) -> dict[str, Tensor]:
        """Return the factors alone; the base is on disk already."""
        return {name: weight.detach() for name, weight in self.model.named_parameters() if weight.requires_grad}

    def load_weights(self, weights: dict[str, Tensor]) -> None:
        """Take back what `weights` returned."""
        wanted, found = ({name: w.shape for name, w in each.items()} for each in (self.weights(), weights))
        if wanted != found:
            raise DataError("the checkpoint has other factors than the recipe", remedy="use another --work")
        self.model.load_state_dict(weights, strict=False)


def with_adapter(model: PreTrainedModel, recipe: AdapterRecipe) -> PreTrainedModel:
    """Freeze `model` and give it the recipe's factors, which add nothing yet: the second of each pair is zero."""
    peft = peft_library()
    torch.manual_seed(recipe.seed)
    config = peft.LoraConfig(
        task_type="CAUSAL_LM", r=recipe.rank, lora_alpha=recipe.alpha, lora_dropout=0.0, target_modules=recipe.targets
    )
    try:
        peft.inject_adapter_in_model(config, model)  # not through transformers, which refuses releases of peft
    except ValueError as error:
        raise ModelError(f"no adapter fits: {error}", remedy="name layers that the base has in `targets`") from error
    for parameter in model.parameters():
        if parameter.requires_grad:
            parameter.data = parameter.data.float()  # steps of 1e-3 and less vanish in bfloat16
    for module in model.modules():
        if isinstance(module, peft.tuners.tuners_utils.BaseTunerLayer):
            module.cast_input_dtype_enabled = False  # autocast does it, without a copy in float32
    if recipe.gradient_checkpointing:
        checkpoint_layers(model)
    model.train()
    return model


def checkpoint_layers(model: PreTrainedModel) -> None:
    """Let each layer compute its activations again on the way back."""
    for layer in model.model.layers:
        layer.forward = partial(checkpoint, layer.forward, use_reentrant=False)


def export(model: PreTrainedModel, loaded: LoadedModel, folder: Path) -> None:
    """Write the adapter in 16 bits, as peft writes one, with the base's tokeniser."""
    for parameter in model.parameters():
        if parameter.requires_grad:
            parameter.data = parameter.data.bfloat16()
    name, _, revision = loaded.name.partition("@")
    local = Path(loaded.name).exists()
    config: Any = model.peft_config["default"]
    config.base_model_name_or_path = str(Path(loaded.name).resolve()) if local else name
    config.revision = None if local else revision or loaded.revision
    factors = peft_library().get_peft_model_state_dict(model)
    folder.mkdir(parents=True, exist_ok=True)
    save_file({f"base_model.model.{name}": factor for name, factor in factors.items()},
              folder / "adapter_model.safetensors", metadata={"format": "pt"})  # fmt: skip
    config.save_pretrained(folder)
    loaded.tokenizer.save_pretrained(folder)


def train(recipe: AdapterRecipe, work: Path, base: str | None = None, *, steps: bool = True) -> Path:
    """Follow `recipe` in the folder `work`; return the finished adapter's folder.

    Args:
        recipe: which base, which factors, which stages.
        work: for documents, checkpoint, log and result; a run that was stopped there goes on.
        base: the base model where it is not to be had under the recipe's name: another name, a folder, a GGUF file.
        steps: train; without it, the adapter is written as the checkpoint has it.

    Raises:
        DataError: there is no checkpoint to write an adapter from, or one of another recipe.
        ModelError: peft is missing, the base cannot be loaded, or the recipe's factors do not fit it.
    """
    peft_library()
    work.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(recipe.threads)
    file = work / "checkpoint.pt"
    loaded = load_model(base or recipe.base, dtype="bfloat16" if native() else "float32", device="cpu")
    trainer = AdapterTrainer(with_adapter(loaded.model, recipe), recipe)
    progress = Progress()
    if file.exists():
        progress = trainer.restore(torch.load(file, weights_only=True))
    elif not steps:
        raise DataError("no checkpoint yet", file=file, remedy="train first")
    while steps and progress.stage < len(recipe.stages):
        data = stage_documents(recipe.stages[progress.stage], loaded.tokenizer, work)
        run_stage(trainer, recipe, progress, data, work)
        progress.stage, progress.stage_tokens = progress.stage + 1, 0
        save_checkpoint(file, trainer, progress)
    export(loaded.model, loaded, work / recipe.name)
    return work / recipe.name


def main() -> None:
    """Parse the command line and train."""
    parser = argparse.ArgumentParser(description="Train a low-rank adapter of a public model.")
    parser.add_argument("recipe", help="a recipe's name, or a path to a TOML file")
    parser.add_argument("--work", type=Path, required=True, help="folder for data, checkpoints, log and result")
    parser.add_argument(
        "--base", help="the base model, where it is not to be loaded from the Hub: a folder or GGUF file"
    )
    parser.add_argument("--export", action="store_true", help="only write the adapter that the checkpoint holds")
    args = parser.parse_args()
    stop_when_asked()
    with told_in_a_line():
        print(train(load_recipe(args.recipe), args.work, args.base, steps=not args.export))  # noqa: T201


if __name__ == "__main__":
    main()
