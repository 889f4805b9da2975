"""The page of one entry: every fact that was submitted, its errors, and what the model wrote for a few documents."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from html import escape

from text2json.leaderboard.rows import device_share
from text2json.metrics.scoring import score_sample
from text2json.safe import plain
from text2json.schemas.entry import EntryShares, LeaderboardEntry
from text2json.schemas.sample import Sample
from text2json.score_page import STYLE, errors_table, sample_part
from text2json.web_page import asset, scrolling, web_page

AROUND = 200
"""Characters of the document that are shown before and after every place that states a value."""
SAMPLES = 5
"""Documents on a page."""


@dataclass(frozen=True)
class Marks:
    """How far each kind of figure was checked: `self-reported`, `re-scored` or `reproduced`."""

    accuracy: str
    memory: str = "self-reported"
    time: str = "self-reported"

    def __str__(self) -> str:
        """Return them as a sentence would."""
        if self.memory == self.time:
            return f"accuracy: {self.accuracy}; memory and time: {self.time}"
        return f"accuracy: {self.accuracy}; memory: {self.memory}; time: {self.time}"


def spread(samples: Sequence[Sample], most: int = SAMPLES) -> list[Sample]:
    """Return a few samples, evenly spread; the same for every entry, so that their pages can be compared."""
    step = max(1, len(samples) / most) if most else 1
    return [samples[int(place * step)] for place in range(min(most, len(samples)))]


def row_page(
    entry: LeaderboardEntry,
    samples: Sequence[Sample],
    outputs: Mapping[str, str],
    *,
    marks: Marks,
    home: str | None = None,
) -> str:
    """Return the page.

    Args:
        entry: what was submitted.
        samples: the documents to show.
        outputs: id → what the model wrote.
        marks: how far it was checked.
        home: address of the folder that holds the entry, if it has one.
    """
    model, strategy, dataset = entry.model, entry.strategy, entry.dataset
    title = f"{plain(strategy.name)} on {plain(model.name)}"
    scores = entry.scores
    where = f"{dataset.label}@{dataset.version}"
    facts = [
        ("Strategy", _name(strategy.spec)),
        ("Checked", escape(str(marks))),
        ("Submitted", _submitted(entry)),
        ("Notes", _name(entry.notes)),
        ("Source", _link(home, "the entry's files")),
    ]
    body = f"""<header><p><a href="../index.html">All entries</a></p>
<h1>{_name(strategy.name)} on {_name(model.name)}, {_name(where)}</h1></header>
<main>
{_facts(facts)}
<h2>Accuracy</h2>
{scrolling("Accuracy", _accuracy(entry))}
<div class="columns"><div><h2>Errors</h2>{scrolling("Errors", errors_table(scores.errors))}</div>
<div><h2>Outputs</h2>{scrolling("Outputs", _counts(scores.statuses, "outputs"))}</div>
<div><h2>Record F1 by domain</h2>{scrolling("Record F1 by domain", _counts(scores.by_domain, "record F1"))}</div></div>
<h2>Memory, traffic and time</h2>
{_facts(_costs(entry, marks))}
<h2>How it was made</h2>
{_facts(_making(entry))}
{_samples(samples, outputs, dataset.samples)}
</main>
<footer><p>{escape(plain(scores.signature))}</p></footer>"""
    return web_page(title, body, style=STYLE + asset("leaderboard/page/row.css"))


def _name(text: str) -> str:
    """Return a text from outside as HTML that cannot turn its neighbours' direction."""
    return f"<bdi>{escape(plain(text))}</bdi>" if text else ""


def _link(address: str | None, text: str) -> str:
    if address is None or not address.startswith("https://"):
        return ""
    return f'<a href="{escape(address)}" rel="nofollow ugc noreferrer">{escape(plain(text))}</a>'


def _submitted(entry: LeaderboardEntry) -> str:
    name = entry.submitter.name
    who = _link(entry.submitter.url, name) or _name(name)
    return f"by {who} on {escape(entry.date)}; answers under {_name(entry.licence)}"


def _facts(facts: Iterable[tuple[str, str]]) -> str:
    rows = "".join(f"<div><dt>{escape(plain(name))}</dt><dd>{value}</dd></div>" for name, value in facts if value)
    return f'<dl class="facts">{rows}</dl>'


def _accuracy(entry: LeaderboardEntry) -> str:
    def row(name: str, shares: EntryShares) -> str:
        low, high = shares.f1_interval
        return (
            f'<tr><th scope="row">{name}</th><td>{shares.precision:.3f}</td><td>{shares.recall:.3f}</td>'
            f"<td>{shares.f1:.3f}</td><td>{low:.3f} to {high:.3f}</td><td>{shares.right:,}</td>"
            f"<td>{shares.predicted:,}</td><td>{shares.gold:,}</td></tr>"
        )

    def single(name: str, figure: str, interval: tuple[float, float] | None = None, digits: int = 3) -> str:
        bounds = "" if interval is None else f"{interval[0]:.{digits}f} to {interval[1]:.{digits}f}"
        return (
            f'<tr><th scope="row">{name}</th><td></td><td></td><td>{figure}</td><td>{bounds}</td>{"<td></td>" * 3}</tr>'
        )

    scores = entry.scores
    heads = ("figure", "precision", "recall", "F1", "95 % interval", "right", "predicted", "gold")
    return (
        f"<table><thead><tr>{''.join(f'<th scope=col>{head}</th>' for head in heads)}</tr></thead><tbody>"
        + row("records", scores.records)
        + row("fields", scores.fields)
        + single("records, mean over documents", f"{scores.macro_record_f1:.3f}", scores.macro_record_f1_interval)
        + single("fields, mean over documents", f"{scores.macro_field_f1:.3f}")
        + ("" if scores.paper is None else single("paper's score", f"{scores.paper:.2f}", scores.paper_interval, 2))
        + single("documents all right", f"{scores.exact_documents:.3f}")
        + single("outputs that obey the schema", f"{scores.schema_valid:.3f}")
        + "</tbody></table>"
    )


def _counts(counts: Mapping[str, float], title: str) -> str:
    cells = "".join(
        f'<tr><th scope="row">{_name(name) or "(none)"}</th>'
        f"<td>{value:{',' if isinstance(value, int) else '.3f'}}</td></tr>"
        for name, value in counts.items()
    )
    return f"<table><thead><tr><td></td><th scope=col>{title}</th></tr></thead><tbody>{cells}</tbody></table>"


def _costs(entry: LeaderboardEntry, marks: Marks) -> list[tuple[str, str]]:
    figures, share = entry.figures, device_share(entry)
    part = "" if share is None else f" ({100 * share:.1f} % of the whole cache, {marks.memory})"
    first, step = figures.seconds_to_first_token, figures.seconds_per_token
    return [
        ("Device bytes per prompt token", f"{figures.device_bytes_per_token:,.1f}{part}"),
        ("Host bytes per prompt token", f"{figures.host_bytes_per_token:,.1f}"),
        ("Bytes moved per decoded token", f"{figures.moved_bytes_per_step:,.0f}; "
         f"{figures.moved_bytes_per_step_with_reuse:,.0f} without what the step before had fetched"),
        ("Time to first token", f"median {first.p50:.3f} s, 95th percentile {first.p95:.3f} s"),
        ("Time of a decoding step", f"median {1000 * step.p50:.2f} ms, 95th percentile {1000 * step.p95:.2f} ms"),
        ("Output", f"{figures.output_tokens_per_second:,.1f} tokens per second; {figures.output_tokens:,} tokens"),
        ("Prompts", f"{figures.prompt_tokens:,} tokens"),
        ("Peak memory of the process", f"{figures.peak_rss_bytes / 2**30:,.2f} GiB"),
    ]  # fmt: skip


def _making(entry: LeaderboardEntry) -> list[tuple[str, str]]:
    model, dataset, settings = entry.model, entry.dataset, entry.settings
    parameters = "" if model.parameters is None else f"{model.parameters:,}"
    return [
        ("Model", _name(model.name)),
        ("Revision", _name(model.revision or "")),
        ("Family", _name(model.family or "")),
        ("Parameters", parameters),
        ("Documents", f"{dataset.samples:,} of {dataset.of:,} of {_name(dataset.config)}/{_name(dataset.split)}, "
                      f"version {_name(dataset.version)}, seed {dataset.seed}"),
        ("SHA-256 of the documents", f"<code>{dataset.sha256}</code>"),
        ("SHA-256 of the answers", f"<code>{entry.predictions.sha256}</code>"),
        ("Settings", f"at most {settings.max_new_tokens:,} new tokens, batches of {settings.batch_size}, "
                     f"{_name(settings.dtype)} on {_name(settings.device)}"),
        ("Run", f"{_name(settings.started)} to {_name(settings.finished)}"),
        ("Hardware", "; ".join(f"{_name(key)}: {_name(str(value))}" for key, value in entry.hardware.items())),
        ("Versions", "; ".join(f"{_name(key)} {_name(value)}" for key, value in entry.versions.items())),
    ]  # fmt: skip


def _samples(samples: Sequence[Sample], outputs: Mapping[str, str], count: int) -> str:
    if not samples:
        return ""
    scored = [(score_sample(sample, outputs.get(sample.id)), sample) for sample in samples]
    parts = "".join(sample_part(score, sample, outputs.get(sample.id), AROUND) for score, sample in scored)
    return (
        f"<h2>Documents and answers</h2><p>{len(samples)} of {count:,}, evenly spread; every entry of this "
        "configuration shows the same ones. Of long documents only what is near a stated value is shown.</p>" + parts
    )
