"""Batches hold samples as the bytes that are written, and lose nothing."""

from __future__ import annotations

import pickle
import struct
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from text2json.batches import JOB_SAMPLES, Batch, Column, Part, canonical_lines, jobs, make, numbers, pack, packed
from text2json.generators import generate
from text2json.schemas.sample import Sample

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)


def sample(problem: str, number: int = 0) -> Sample:
    return Sample(f"x-{number:06d}", "d", "external", problem, "[]", "{}", [0, len(problem)], "[]", "{}", "")


def texts(column: Column) -> list[str]:
    places = struct.unpack(f"{len(column.offsets) // 4}i", column.offsets)
    return [bytes(column.values[start:end]).decode() for start, end in pairwise(places)]


@given(st.lists(TEXT, min_size=1, max_size=6))
def test_columns_hold_the_texts(problems: list[str]) -> None:
    samples = [sample(problem, number) for number, problem in enumerate(problems)]
    batch = pack(samples)
    assert texts(batch.texts["problem"]) == problems
    assert texts(batch.texts["id"]) == [one.id for one in samples]
    spans = struct.unpack(f"{2 * len(samples)}q", batch.spans.values)
    assert list(spans) == [place for one in samples for place in one.text_span]
    assert batch.lines() == canonical_lines(samples)
    assert batch.numbers == [numbers(one, len) for one in samples]
    kept: list[pickle.PickleBuffer] = []
    head = pickle.dumps(batch, protocol=5, buffer_callback=kept.append)
    again: Batch = pickle.loads(head, buffers=[buffer.raw() for buffer in kept])
    assert again == batch
    assert again.lines() == batch.lines(), "from mapped memory too"


def test_jobs_cover_a_part_once_and_in_order() -> None:
    for config, count in (("short", 173), ("paper", 40), ("long", 3)):
        cut = jobs(Part(config, "test", count, 0, {}))
        assert [number for job in cut for number in range(job.start, job.start + job.count)] == list(range(count))
    lengths = {"length": (4_000_000, 4_200_000)}
    assert [job.count for job in jobs(Part("long", "test", 3, 0, lengths))] == [1, 1, 1]


def test_a_job_is_the_same_samples_as_anywhere() -> None:
    first, second = jobs(Part("short", "train", JOB_SAMPLES + 3, 7, {"records": (2, 2)}))
    made = make(second)
    assert made.count == 3 == second.count
    assert first.count == JOB_SAMPLES
    wanted = generate("short", split="train", seed=7, samples=3, start=JOB_SAMPLES, records=(2, 2))
    assert made.lines() == canonical_lines(wanted)


def test_samples_from_elsewhere_come_in_small_batches() -> None:
    many = [sample("x", number) for number in range(JOB_SAMPLES + 1)]
    assert [batch.count for batch in packed(many)] == [JOB_SAMPLES, 1]
    long = [sample("y" * 1_500_000, number) for number in range(3)]
    assert [batch.count for batch in packed(long)] == [2, 1]
    assert list(packed([])) == []
