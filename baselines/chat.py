"""The chat format of a prompt, the same in training and in a run."""

from __future__ import annotations

from transformers import PreTrainedTokenizerBase


def user_turn(tokenizer: PreTrainedTokenizerBase, problem: str) -> str:
    """Return `problem` as the tokeniser's chat template has a user say it, thinking off."""
    text = tokenizer.apply_chat_template(
        [{"role": "user", "content": problem}],
        tokenize=False,
        add_generation_prompt=True,
        enable_thinking=False,
    )
    return str(text)
