"""Scores by a judging model behind an OpenAI-compatible endpoint; nothing calls one unless a `Judge` is made and asked.

Source of the rule: Loong (arXiv 2406.17419). A judge sees question, gold and answer and gives a rating from 1 to 100;
the score is the mean rating, beside the share of ratings that are 100. Answers whose rating cannot be read are left out
of both and counted apart.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import time
import urllib.error
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from text2json.errors import DataError, ModelError, SpecError

RATINGS = (re.compile(r"\[\[([0-9]*\.?[0-9]+)\]\]"), re.compile(r"\[([0-9]*\.?[0-9]+)\]"))
"""Two brackets are looked for first, then one; the first rating of a reply counts, as in Loong's own evaluation."""
TRIES = 4
TIMEOUT = 300


def read_rating(reply: str) -> float | None:
    """Return the rating that a judge's reply gives, or None."""
    for pattern in RATINGS:
        found = pattern.search(reply)
        if found is not None:
            return float(found[1])
    return None


@dataclass(frozen=True)
class Judge:
    """A judging model.

    Args:
        url: the endpoint's base, as in `http://localhost:8000/v1`.
        model: its name there.
        key_variable: the environment variable that holds the endpoint's key; without one no key is sent.
        memory: a JSONL file of replies, so that no prompt is sent twice; None keeps none.
        pause: seconds before the second try of a request, doubled each time.
    """

    url: str
    model: str
    key_variable: str | None = None
    memory: Path | None = None
    pause: float = 1.0
    _known: dict[str, str] = field(default_factory=dict, compare=False, repr=False)

    def __post_init__(self) -> None:
        if not self.url.startswith(("http://", "https://")):
            raise SpecError(
                f"no judge at {self.url!r}", remedy="give the endpoint's address, as in http://localhost:8000/v1"
            )
        if self.key_variable is not None and not os.environ.get(self.key_variable):
            raise SpecError(f"the environment variable {self.key_variable} holds no key",
                            remedy="set it, or name another one")  # fmt: skip
        if self.memory is not None and self.memory.exists():
            self._known.update(_read_memory(self.memory))

    def ask(self, prompt: str) -> str:
        """Return the judge's reply to one prompt, at temperature 0; from memory if it was asked before.

        Raises:
            ModelError: the endpoint does not answer, or not as OpenAI's does.
        """
        name = hashlib.sha256(f"{self.url}\x1f{self.model}\x1f{prompt}".encode()).hexdigest()
        if name not in self._known:
            reply = self._request(prompt)
            self._known[name] = reply
            if self.memory is not None:
                with self.memory.open("a", encoding="utf-8") as lines:
                    lines.write(json.dumps({"prompt_sha256": name, "reply": reply}, ensure_ascii=False) + "\n")
        return self._known[name]

    def _request(self, prompt: str) -> str:
        body = {"model": self.model, "messages": [{"role": "user", "content": prompt}], "temperature": 0}
        headers = {"Content-Type": "application/json"}
        if self.key_variable is not None:
            headers["Authorization"] = f"Bearer {os.environ[self.key_variable]}"
        request = urllib.request.Request(f"{self.url.rstrip('/')}/chat/completions", json.dumps(body).encode(), headers)
        wait = self.pause
        for attempt in range(1, TRIES + 1):
            try:
                with urllib.request.urlopen(request, timeout=TIMEOUT) as answer:
                    return _content(json.load(answer))
            except urllib.error.HTTPError as error:
                with error:
                    busy = error.code == 429 or error.code >= 500
                    if not busy or attempt == TRIES:
                        raise ModelError(
                            f"the judge at {self.url} answers {error.code} {error.reason}",
                            remedy="check the address, the model's name and the key",
                        ) from None
            except (urllib.error.URLError, TimeoutError, ConnectionError) as error:
                if attempt == TRIES:
                    raise ModelError(f"the judge at {self.url} cannot be reached: {error}",
                                     remedy="check that it runs") from None  # fmt: skip
            except (ValueError, KeyError, IndexError, TypeError):
                raise ModelError(f"the judge at {self.url} does not answer as OpenAI's chat completions do",
                                 remedy="check the address") from None  # fmt: skip
            time.sleep(wait)
            wait *= 2
        raise AssertionError("every last try returns or raises")


def _content(answer: Any) -> str:
    content = answer["choices"][0]["message"]["content"]
    if not isinstance(content, str):
        raise TypeError("no text")
    return content


def _read_memory(file: Path) -> dict[str, str]:
    known = {}
    for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), start=1):
        try:
            row = json.loads(line)
            known[str(row["prompt_sha256"])] = str(row["reply"])
        except (ValueError, KeyError, TypeError):
            raise DataError("no judgement", file=file, line=number,
                            remedy="remove the line; its answer is then judged again") from None  # fmt: skip
    return known
