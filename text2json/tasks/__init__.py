"""The tasks, one file each; a new one is a new file and a line here."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

from text2json import specs
from text2json.errors import SpecError, did_you_mean

if TYPE_CHECKING:
    from text2json.tasks.task import Task

HOME = "text2json.tasks"
TASKS = {
    "text2json": f"{HOME}.extraction:Extraction",
    "needles": f"{HOME}.needles:Needles",
    "html-to-tsv": f"{HOME}.html_to_tsv:HtmlToTsv",
    "single-needle": f"{HOME}.number_needles:SingleNeedle",
    "multi-key": f"{HOME}.number_needles:MultiKey",
    "multi-value": f"{HOME}.number_needles:MultiValue",
    "multi-query": f"{HOME}.number_needles:MultiQuery",
    "variable-tracking": f"{HOME}.variable_tracking:VariableTracking",
    "common-words": f"{HOME}.word_counts:CommonWords",
    "frequent-words": f"{HOME}.word_counts:FrequentWords",
    "ruler": f"{HOME}.ruler:Ruler",
    "longproc": f"{HOME}.longproc:LongProc",
    "needlebench": f"{HOME}.needlebench:NeedleBench",
    "loong": f"{HOME}.loong:Loong",
}
"""Name on the command line → its class."""


def task_class(name: str) -> type[Task]:
    """Return the class of the task `name`.

    Raises:
        SpecError: there is none.
    """
    if name not in TASKS:
        raise SpecError(f"no task {name!r}", remedy=did_you_mean(name, TASKS))
    module, _, cls = TASKS[name].partition(":")
    found: type[Task] = getattr(importlib.import_module(module), cls)
    return found


def parse_task(spec: str) -> Task:
    """Return the task that a spec such as `needles:needles=16,length=40000` describes.

    Raises:
        SpecError: the name or an option is unknown, or a value is impossible.
    """
    name, _, options = spec.partition(":")
    return specs.build(name, task_class(name), options)
