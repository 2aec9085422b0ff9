"""What to cite: the works that docstrings name by key, as BibTeX."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from askance.errors import AskanceError, unknown
from askance.works import REFERENCES

if TYPE_CHECKING:
    from askance.reports.results import Results

KEY = re.compile(r"\[([a-z]+\d{4}[a-z]+)\b[^\]]*\]")  # [ash2020badge], or [ash2020badge, Eq. 1]

_VENUE = {  # what BibTeX calls the venue of each kind of work
    "article": "journal",
    "book": "publisher",
    "incollection": "booktitle",
    "inproceedings": "booktitle",
    "misc": "howpublished",
    "techreport": "institution",
}


def cite(name: str) -> str:
    """What to cite, as BibTeX, for a key or for a strategy by its name.

    >>> print(cite("margin"))
    @inproceedings{scheffer2001active,
      author = {Scheffer, Tobias and Decomain, Christian and Wrobel, Stefan},
      title = {Active Hidden Markov Models for Information Extraction},
      booktitle = {International Symposium on Intelligent Data Analysis},
      year = {2001},
    }

    Args:
        name: A key of `REFERENCES`, a name of the catalogue or ``path/mine.py:MyStrategy``.

    Returns:
        An entry for each work that the strategy's docstring names; empty if it names none.

    Raises:
        UnknownName: If there is no such key and no such strategy.
    """
    if name in REFERENCES:
        return _entry(name)
    from askance.strategies import catalogue  # most keys need no strategy

    return "\n".join(_entry(key) for key in keys(type(catalogue.strategy(name)).__doc__ or ""))


def cite_results(conditions: Sequence[Results]) -> str:
    """What to cite for the strategies and learners of some results, as BibTeX; parts of others have no entry."""
    from askance.describe import build

    names = list(dict.fromkeys(name for results in conditions for name in results.strategies))
    parts: list[object] = [*names]
    for results in conditions:
        said = results.settings.get("learner")
        if isinstance(said, dict) and str(said.get("part", "")).startswith("askance.learners"):
            try:
                parts.append(type(build(said)))
            except AskanceError:  # a learner of another version
                continue
    return entries_of(parts)


def entries_of(parts: Iterable[object]) -> str:
    """What to cite for several strategies and classes, as BibTeX, each work once, in the order of their keys.

    Args:
        parts: Names of strategies, or classes; names that no catalogue has, and classes without keys, add nothing.
    """
    from askance.strategies import catalogue

    found: set[str] = set()
    for part in parts:
        if isinstance(part, str):
            if part not in catalogue.STRATEGIES.places:
                continue
            part = type(catalogue.strategy(part))
        found.update(key for key in keys(part.__doc__ or "") if key in REFERENCES)
    return "\n".join(_entry(key) for key in sorted(found))


def keys(docstring: str) -> list[str]:
    """The keys that a docstring names, each once.

    >>> keys("Typical items first. [hacohen2022active]")
    ['hacohen2022active']
    """
    return list(dict.fromkeys(KEY.findall(docstring)))


def _entry(key: str) -> str:
    if key not in REFERENCES:
        raise unknown("reference", key, REFERENCES)
    work = REFERENCES[key]
    fields = {"author": work.authors, "title": work.title, _VENUE[work.kind]: work.venue, "year": work.year}
    return "\n".join([f"@{work.kind}{{{key},", *(f"  {name} = {{{value}}}," for name, value in fields.items()), "}"])
