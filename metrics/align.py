"""Step 3: which predicted record stands for which gold record.

By the schema's key where it names one (`"x-key": "name"` beside `"type": "array"`), otherwise by the assignment that
matches the most leaves. One gold record takes at most one prediction.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from text2json.metrics.compare import Leaf

Leaves = dict[str, Leaf]
Pairs = list[tuple[int, int]]
"""Places of a gold and of a predicted record."""


def align(gold: Sequence[Leaves], predicted: Sequence[Leaves], key: str | None) -> Pairs:
    """Return the pairs; the others have no partner."""
    return by_assignment(gold, predicted) if key is None else by_key(gold, predicted, key)


def by_key(gold: Sequence[Leaves], predicted: Sequence[Leaves], key: str) -> Pairs:
    """Pair records of equal key; among several of one key, those that match best."""
    places: dict[Leaf, tuple[list[int], list[int]]] = defaultdict(lambda: ([], []))
    for side, records in enumerate((gold, predicted)):
        for place, record in enumerate(records):
            if key in record:
                places[record[key]][side].append(place)
    pairs: Pairs = []
    for ours, theirs in places.values():
        if len(ours) == len(theirs) == 1:
            pairs.append((ours[0], theirs[0]))
        elif ours and theirs:
            inner = by_assignment([gold[place] for place in ours], [predicted[place] for place in theirs])
            pairs += [(ours[one], theirs[other]) for one, other in inner]
    return pairs


def by_assignment(gold: Sequence[Leaves], predicted: Sequence[Leaves]) -> Pairs:
    """Pair records so that the number of equal leaves is greatest; records without one in common stay apart.

    Ties fall to the order of the records' content, so that shuffling either side changes no count.
    """
    if not gold or not predicted:
        return []
    import numpy as np
    from scipy.optimize import linear_sum_assignment

    ours = sorted(range(len(gold)), key=lambda place: sorted(gold[place].items()))
    theirs = sorted(range(len(predicted)), key=lambda place: sorted(predicted[place].items()))
    holders: dict[tuple[str, Leaf], list[int]] = defaultdict(list)
    for column, place in enumerate(theirs):
        for leaf in predicted[place].items():
            holders[leaf].append(column)
    matches = np.zeros((len(ours), len(theirs)), dtype=np.int32)
    for row, place in enumerate(ours):
        for leaf in gold[place].items():
            matches[row, holders.get(leaf, [])] += 1
    rows, columns = linear_sum_assignment(matches, maximize=True)
    return [(ours[r], theirs[c]) for r, c in zip(rows, columns, strict=True) if matches[r, c]]
