from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from text2json.generators.bits import Bits
from text2json.generators.layout import assemble, fill, size
from text2json.generators.noise import misspell
from text2json.generators.text import Block, Place, Sentence, join, plain, sentence

NAME = (("Velo 3", (0, ".name")),)


def stated(part: Sentence) -> list[str]:
    return [part.text[start:end] for start, end, _ in part.places]


def test_a_sentence_knows_where_its_values_stand() -> None:
    made = sentence("the {n} {N} costs {v}.", {"n": plain("lamp"), "N": NAME, "v": (("$", None), ("5", (0, ".p")))})
    assert made.text == "The lamp Velo 3 costs $5."
    assert stated(made) == ["Velo 3", "5"]


def test_an_article_fits_its_noun() -> None:
    made = sentence("{N} is a {n}.", {"N": NAME, "n": plain("oven")})
    assert made.text == "Velo 3 is an oven."
    assert sentence("A {n} is {N}.", {"N": NAME, "n": plain("oven")}).text == "An oven is Velo 3."
    assert stated(sentence("A {n} is {N}.", {"N": NAME, "n": plain("oven")})) == ["Velo 3"]


def test_a_value_at_the_start_keeps_its_case() -> None:
    assert sentence("{v} is it.", {"v": (("red", (0, ".c")),)}).text == "red is it."


words = st.lists(st.text("abcdefgh", min_size=1, max_size=9), min_size=1, max_size=12)


@given(st.lists(words, min_size=1, max_size=8), st.integers(0, 999))
def test_joined_and_misspelt_texts_keep_their_values(parts: list[list[str]], seed: int) -> None:
    made = []
    for number, part in enumerate(parts):
        text = " ".join(part)
        made.append(Sentence(f"{text} VALUE{number} {text}", ((len(text) + 1, len(text) + 7, (number, ".v")),)))
    whole = join(made, " ")
    assert stated(whole) == [f"VALUE{number}"[:6] for number in range(len(parts))]
    places: list[Place] = list(whole.places)
    text, moved, errors = misspell(whole.text, places, 400, Bits(seed))
    assert [text[start:end] for start, end, _ in moved] == stated(whole)
    assert (text != whole.text) <= (errors > 0)


@given(st.integers(200, 6000), st.integers(0, 50))
def test_filler_fills_the_room_and_no_more(room: int, seed: int) -> None:
    blocks = [Block([Sentence("Title")]), Block([Sentence("One")]), Block([Sentence("Two")], tied=True)]
    loose = [Sentence("A loose one stands here.", ((2, 7, (1, ".x")),))]
    filled = fill(blocks, loose, room=room, split="train", bits=Bits(seed))
    text, places, stating = assemble(filled)
    assert len(text) == size(filled)
    assert size(blocks) + room - 160 <= len(text) <= size(blocks) + room
    assert [text[start:end] for start, end, _ in places] == ["loose"]
    assert stating == 1
    order = [filled.index(block) for block in blocks]
    assert order[0] == 0
    assert order[2] == order[1] + 1
