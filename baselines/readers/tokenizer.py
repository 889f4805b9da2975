"""The readers' tokeniser: a byte-level BPE, trained on the project's own documents and lexicons."""

from __future__ import annotations

from collections.abc import Iterable

from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast

PAD, USER, ASSISTANT, END = "<|pad|>", "<|user|>", "<|assistant|>", "<|end|>"
PAD_ID, END_ID = 0, 3
MARKS = [f"<|{number}|>" for number in range(8)]
"""Separators of the random rows (see `rows`); they never occur in a document."""
ORDINARY = 4 + len(MARKS)
"""The first token id that is text."""

FUNCTION_WORDS = (
    "a|about|after|again|all|also|am|an|and|any|are|as|at|be|been|before|being|between|but|by|"
    "can|could|did|do|does|down|during|each|ever|every|few|for|from|had|has|have|he|her|here|him|"
    "his|how|i|if|in|into|is|it|its|just|like|many|may|me|might|more|most|much|must|my|never|no|"
    "nor|not|now|of|off|often|on|once|one|only|onto|or|other|our|out|over|own|shall|she|should|"
    "since|so|some|still|such|than|that|the|their|them|then|there|these|they|this|those|though|"
    "through|to|too|under|until|up|upon|us|very|was|we|were|what|when|where|whether|which|while|"
    "who|whom|whose|why|will|with|without|would|yet|you|your"
)
"""What values hardly ever begin with."""
PIECES = (
    rf" (?:{FUNCTION_WORDS})(?!\p{{L}})"
    r"|\p{Ll}+|\p{Lu}\p{Ll}*|\p{N}| |\s+|[^\p{L}\p{N}\s]+|\p{L}"
)
"""What no token crosses. A space joins function words alone, so that names, codes, numbers and words have the same
tokens in running text and behind a quotation mark: copying them is then plain copying."""

CHAT_TEMPLATE = (
    "{% for message in messages %}{{ '<|' + message['role'] + '|>' + message['content'] }}"
    "{% if message['role'] == 'assistant' %}{{ '<|end|>' }}{% endif %}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|assistant|>' }}{% endif %}"
)


def train_tokenizer(texts: Iterable[str], *, vocab_size: int) -> PreTrainedTokenizerFast:
    """Train on `texts`; digits stand alone, so that an unseen number is made of known ones."""
    bpe = Tokenizer(models.BPE())
    bpe.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(PIECES), behavior="isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    bpe.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocab_size,
        special_tokens=[PAD, USER, ASSISTANT, END, *MARKS],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    bpe.train_from_iterator(texts, trainer)
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=bpe,
        pad_token=PAD,
        eos_token=END,
        additional_special_tokens=[USER, ASSISTANT, *MARKS],
        padding_side="left",
        model_max_length=16384,
        clean_up_tokenization_spaces=False,
    )
    tokenizer.chat_template = CHAT_TEMPLATE
    return tokenizer
