"""The table of records that were read as columns of numbers: what `Table.of` makes of the same records' leaves."""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from text2json.metrics import library
from text2json.metrics.compare import Rule
from text2json.metrics.counts import Counted, Span, Wrong
from text2json.metrics.flat_counts import count
from text2json.metrics.flat_json import ABSENT, FRACTION, TEXT, WHOLE, Sheet, Values, present
from text2json.metrics.forms import Form
from text2json.metrics.library import Job, job_fields
from text2json.metrics.record_schema import RecordSchema
from text2json.metrics.table import Forms, Row, Table

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from text2json.metrics.together import Paired

    Rows = NDArray[np.intp]

_KEPT = {TEXT: str, WHOLE: int, FRACTION: float}
"""Kinds of values that may be their own normal form, see `Rule.keeps`."""


class NearJob(Job):
    """The library's `struct near_job`."""

    _fields_ = job_fields("text values ones others count found", pointers="text values ones others found")


@dataclass(frozen=True)
class Numbered:
    """Forms as the numbers of values, which become Python values when they are asked for; see `table.Forms`.

    Args:
        numbers: (columns, records) of the values.
        values: what they stand for.
        changed: column → number → form, of columns that hold values which are not their own form.
        kept: column → (values,) whether a value is its own form nonetheless.
    """

    numbers: NDArray[np.int32]
    values: Values
    changed: dict[int, dict[int, Form | None]]
    kept: dict[int, NDArray[np.bool_]]

    def column(self, column: int, rows: Sequence[int]) -> list[Form | None]:
        """Return the forms of these rows in one column."""
        import numpy as np

        places = np.array(rows, dtype=np.intp)
        return self.cells(places, np.full(len(places), column))

    def cells(self, rows: Rows, columns: Rows) -> list[Form | None]:
        """Return the forms of these cells, one for each row and its column."""
        numbers = self.numbers[columns, rows]
        found: list[Form | None] = self.values.of(numbers)
        for column, known in self.changed.items():
            for place in (columns == column).nonzero()[0].tolist():
                found[place] = known[int(numbers[place])]
        return found

    def near(self, predicted: Forms, rows: Rows, columns: Rows) -> NDArray[np.int8] | None:
        """Tell of (pairs, 2) rows of gold and of predicted records whether their forms are nearly equal.

        Returns:
            (pairs,) 1, 0, or -1 where it is not known here; None without a library.
        """
        compiled = library.library()
        if compiled is None or not isinstance(predicted, Numbered):
            return None
        import numpy as np

        ones, others = self.numbers[columns, rows[:, 0]], predicted.numbers[columns, rows[:, 1]]
        found = np.empty(len(columns), dtype=np.int8)
        job = NearJob.of(
            text=self.values.encoded,
            values=self.values.found,
            ones=ones,
            others=others,
            count=len(columns),
            found=found,
        )
        compiled.t2j_near(ctypes.byref(job))
        for column in self.changed:
            other = columns == column
            if column in self.kept:
                other &= ~(self.kept[column][ones] & self.kept[column][others])
            found[other] = -1
        return found

    def rows(self, rows: Sequence[int]) -> list[Row]:
        """Return the forms of these rows, one row each."""
        import numpy as np

        size, width = len(rows), len(self.numbers)
        if not width:
            return [()] * size
        found = self.cells(np.tile(np.array(rows, dtype=np.intp), width), np.repeat(np.arange(width), size))
        return list(zip(*[found[size * column : size * (column + 1)] for column in range(width)], strict=True))


@dataclass(frozen=True)
class Spellings:
    """Which values are written alike; see `counts.Written`.

    Args:
        ours, theirs: (records, columns) numbers, equal for values that Python finds equal; None where the table's are.
    """

    ours: NDArray[np.int32] | None = None
    theirs: NDArray[np.int32] | None = None

    def alike(self, places: Rows, same: NDArray[np.bool_]) -> NDArray[np.int64] | None:
        """Return (pairs,) how many of the leaves of equal form are; None where all of them are."""
        if self.ours is None or self.theirs is None:
            return None
        found: NDArray[np.int64] = (same & (self.ours[places[:, 0]] == self.theirs[places[:, 1]])).sum(1)
        return found

    def counted(self, table: Table, spans: Sequence[Span], paired: Paired) -> tuple[Counted, Wrong] | None:
        """Count everything in the compiled library, if there is one."""
        return count(
            table, None if self.ours is None or self.theirs is None else (self.ours, self.theirs), spans, paired
        )


def _numbered(count: int, places: NDArray[np.intp], values: Sequence[Any]) -> NDArray[np.int32]:
    """Return (count,) numbers from 1 on at these places, equal for equal values; 0 for None and everywhere else."""
    import numpy as np

    known: dict[Any, int] = {None: 0}
    found = np.zeros(count, dtype=np.int32)
    found[places] = [known.setdefault(value, len(known)) for value in values]
    return found


def flat_table(sheet: Sheet, schema: RecordSchema) -> tuple[Table, Spellings]:
    """Return the table of records, and which of their values are written alike.

    Args:
        sheet: the records.
        schema: the rules of their fields.
    """
    import numpy as np

    values, sides = sheet.values, (sheet.ours, sheet.theirs)
    found = np.bitwise_or.reduce(np.concatenate([(1 << values.kinds)[side] for side in sides], axis=1), axis=1)
    used = {name: place for place, name in enumerate(sheet.names) if found[place] >= 1 << (ABSENT + 1)}
    names = sorted(used)
    order = [used[name] for name in names]
    numbers = [side[order] for side in sides]
    forms = [np.where(side > ABSENT, side, 0) for side in numbers]
    written = None
    changed: dict[int, dict[int, Form | None]] = {}
    kept: dict[int, NDArray[np.bool_]] = {}
    for column, name in enumerate(names):
        rule = schema.shape.rule(name)
        if _keeps(rule, int(found[order[column]])):
            continue
        if written is None:
            written = [side.copy() for side in forms]
        different = present(len(values.kinds), *(side[column] for side in numbers))
        here = values.of(different)
        known = [None if value is None else rule.form(value) for value in here]
        changed[column] = dict(zip(different.tolist(), known, strict=True))
        kept[column] = np.zeros(len(values.kinds), dtype=np.bool_)
        kept[column][different] = [
            form.__class__ is value.__class__ and form == value for form, value in zip(known, here, strict=True)
        ]
        formed, spelled = (_numbered(len(values.kinds), different, of) for of in (known, here))
        for side, form_numbers, spellings in zip(numbers, forms, written, strict=True):
            form_numbers[column], spellings[column] = formed[side[column]], spelled[side[column]]
    golds, given = (Numbered(side, values, changed, kept) for side in numbers)
    table = Table(names, golds, given, forms[0].T, forms[1].T, schema.pairwise(names))
    return table, Spellings() if written is None else Spellings(written[0].T, written[1].T)


def _keeps(rule: Rule, found: int) -> bool:
    """Tell whether all values of a column, of these kinds, are their own normal forms."""
    return all(
        kind in _KEPT and rule.keeps(_KEPT[kind]) for kind in range(ABSENT + 1, found.bit_length()) if found >> kind & 1
    )
