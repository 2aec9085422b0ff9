"""The works that methods and numbers come from, by the keys that docstrings name."""

from __future__ import annotations

import re
from dataclasses import dataclass

from askance.errors import unknown

KEY = re.compile(r"\[([a-z]+\d{4}[a-z]+)\b[^\]]*\]")  # [ash2020badge], or [ash2020badge, Eq. 1]

_VENUE = {  # what BibTeX calls the venue of each kind of work
    "article": "journal",
    "book": "publisher",
    "incollection": "booktitle",
    "inproceedings": "booktitle",
    "misc": "howpublished",
    "techreport": "institution",
}


@dataclass(frozen=True)
class Work:
    """One work, as BibTeX would have it.

    Args:
        kind: The kind of entry, such as ``article``.
        authors: Last name first, joined by ``and``.
        title: The title.
        venue: Where it appeared.
        year: When.
    """

    kind: str
    authors: str
    title: str
    venue: str
    year: int


REFERENCES = {
    "ash2020badge": Work(
        "inproceedings",
        "Ash, Jordan T. and Zhang, Chicheng and Krishnamurthy, Akshay and Langford, John and Agarwal, Alekh",
        "Deep Batch Active Learning by Diverse, Uncertain Gradient Lower Bounds",
        "International Conference on Learning Representations",
        2020,
    ),
    "ash2021gone": Work(
        "inproceedings",
        "Ash, Jordan T. and Goel, Surbhi and Krishnamurthy, Akshay and Kakade, Sham M.",
        "Gone Fishing: Neural Active Learning with Fisher Embeddings",
        "Advances in Neural Information Processing Systems",
        2021,
    ),
    "barlow1972statistical": Work(
        "book",
        "Barlow, Richard E. and Bartholomew, David J. and Bremner, John M. and Brunk, Hugh D.",
        "Statistical Inference under Order Restrictions",
        "Wiley",
        1972,
    ),
    "esuli2009active": Work(
        "inproceedings",
        "Esuli, Andrea and Sebastiani, Fabrizio",
        "Active Learning Strategies for Multi-Label Text Classification",
        "European Conference on Information Retrieval",
        2009,
    ),
    "hacohen2022active": Work(
        "inproceedings",
        "Hacohen, Guy and Dekel, Avihu and Weinshall, Daphna",
        "Active Learning on a Budget: Opposite Strategies Suit High and Low Budgets",
        "International Conference on Machine Learning",
        2022,
    ),
    "hemachandra2023training": Work(
        "inproceedings",
        "Hemachandra, Apivich and Dai, Zhongxiang and Singh, Jasraj and Ng, See-Kiong and Low, Bryan Kian Hsiang",
        "Training-Free Neural Active Learning with Initialization-Robustness Guarantees",
        "International Conference on Machine Learning",
        2023,
    ),
    "holm1979simple": Work(
        "article",
        "Holm, Sture",
        "A Simple Sequentially Rejective Multiple Test Procedure",
        "Scandinavian Journal of Statistics",
        1979,
    ),
    "holzmueller2023framework": Work(
        "article",
        "Holzmüller, David and Zaverkin, Viktor and Kästner, Johannes and Steinwart, Ingo",
        "A Framework and Benchmark for Deep Batch Active Learning for Regression",
        "Journal of Machine Learning Research",
        2023,
    ),
    "kulesza2011kdpps": Work(
        "inproceedings",
        "Kulesza, Alex and Taskar, Ben",
        "k-DPPs: Fixed-Size Determinantal Point Processes",
        "International Conference on Machine Learning",
        2011,
    ),
    "lewis1994sequential": Work(
        "inproceedings",
        "Lewis, David D. and Gale, William A.",
        "A Sequential Algorithm for Training Text Classifiers",
        "International ACM SIGIR Conference on Research and Development in Information Retrieval",
        1994,
    ),
    "ohlsson1995coordination": Work(
        "incollection",
        "Ohlsson, Esbjörn",
        "Coordination of Samples Using Permanent Random Numbers",
        "Business Survey Methods",
        1995,
    ),
    "pinsler2019bayesian": Work(
        "inproceedings",
        "Pinsler, Robert and Gordon, Jonathan and Nalisnick, Eric and Hernández-Lobato, José Miguel",
        "Bayesian Batch Active Learning as Sparse Subset Approximation",
        "Advances in Neural Information Processing Systems",
        2019,
    ),
    "pratt1959remarks": Work(
        "article",
        "Pratt, John W.",
        "Remarks on Zeros and Ties in the Wilcoxon Signed Rank Procedures",
        "Journal of the American Statistical Association",
        1959,
    ),
    "scheffer2001active": Work(
        "inproceedings",
        "Scheffer, Tobias and Decomain, Christian and Wrobel, Stefan",
        "Active Hidden Markov Models for Information Extraction",
        "International Symposium on Intelligent Data Analysis",
        2001,
    ),
    "sener2018active": Work(
        "inproceedings",
        "Sener, Ozan and Savarese, Silvio",
        "Active Learning for Convolutional Neural Networks: A Core-Set Approach",
        "International Conference on Learning Representations",
        2018,
    ),
    "settles2009active": Work(
        "techreport", "Settles, Burr", "Active Learning Literature Survey", "University of Wisconsin-Madison", 2009
    ),
    "wilson1927probable": Work(
        "article",
        "Wilson, Edwin B.",
        "Probable Inference, the Law of Succession, and Statistical Inference",
        "Journal of the American Statistical Association",
        1927,
    ),
    "zhan2022deepal": Work(
        "misc",
        "Zhan, Xueying and Wang, Qingzhong and Huang, Kuan-hao and Xiong, Haoyi and Dou, Dejing and Chan, Antoni B.",
        "A Comparative Survey of Deep Active Learning",
        "arXiv:2203.13450",
        2022,
    ),
    "wu2019active": Work(
        "article",
        "Wu, Dongrui and Lin, Chin-Teng and Huang, Jian",
        "Active Learning for Regression Using Greedy Sampling",
        "Information Sciences",
        2019,
    ),
    "zhan2021multiple": Work(
        "misc",
        "Zhan, Xueying and Li, Qing and Chan, Antoni B.",
        "Multiple-criteria Based Active Learning with Fixed-size Determinantal Point Processes",
        "arXiv:2107.01622",
        2021,
    ),
    "zhdanov2019diverse": Work(
        "misc", "Zhdanov, Fedor", "Diverse Mini-Batch Active Learning", "arXiv:1901.05954", 2019
    ),
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
