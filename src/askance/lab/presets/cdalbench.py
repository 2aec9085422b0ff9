"""CDALBench on data that can be had: tables, pictures, texts and made sets, from a label a class. [werner2024cross]"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from askance.lab.grids import Grid
from askance.learners.laplace import Laplace
from askance.learners.networks import Cnn, Mlp
from askance.learners.torch import Torch
from askance.signals.samples import Samples

POOL = 3_000  # cut to so many items
TEST = 1_000
BOUGHT = {1: 40, 5: 100, 20: 300, 50: 400, 100: 600}  # labels beyond the first ones, by batch size
STEPS = 300

# One task model for all: where a strategy wants samples, they are drawn around the same head by a last-layer Laplace.
BALD: Mapping[str, Any] = {"strategy": "bald", "signal": Samples(of=Laplace()), "name": "bald"}
STRATEGIES: tuple[Any, ...] = (
    *("random", "margin", "entropy", "least-confidence", "k-center", "typiclust"),
    *(BALD, "badge", "dsa", "lsa", "galaxy"),
)
WIDE = tuple(one for one in STRATEGIES if one is not BALD)  # a posterior over 1,280 features takes a minute a run
MLP: Mapping[str, Any] = {"learner": Torch(Mlp((24, 12)), steps=STEPS), "name": "mlp"}
CNN: Mapping[str, Any] = {"learner": Torch(Cnn(widths=(16, 32), hidden=64), steps=STEPS), "name": "cnn"}
SLOW: Mapping[str, Any] = {"learner": "linear", "name": "linear, slow strategies"}  # the same head; fewer runs
FEW: tuple[Any, ...] = ("random", "margin", "badge", "typiclust")


@dataclass(frozen=True)
class Domain:
    """A data set of the benchmark.

    Args:
        name: By which it is known.
        classes: How many it has: as many first labels.
        items: How many are drawn; None: all.
        test: Items held out.
        encoder: What reads it.
        most: Labels beyond the first ones that its pool is good for.
        single: How many are bought label by label, where a round costs most; on the made sets as many as published.
    """

    name: str
    classes: int
    items: int | None = POOL + TEST
    test: int = TEST
    encoder: str = "default"
    most: int = 600
    single: int = BOUGHT[1]

    def bought(self, batch: int) -> int:
        """Labels beyond the first ones."""
        return self.single if batch == 1 else min(BOUGHT[batch], self.most)

    @property
    def table(self) -> Any:
        """As a grid names it."""
        return self.name if self.items is None else {"name": self.name, "items": self.items}


TABLES = (Domain("dna", 3, None), Domain("letter", 26), Domain("spam", 2), Domain("shuttle", 7))
PICTURES = (Domain("fashion-mnist", 10), Domain("animal-silhouettes", 10))
ENCODED = tuple(replace(domain, encoder="efficientnet-lite0") for domain in PICTURES)
TEXTS = (Domain("20-newsgroups", 20), Domain("r8", 8))
MADE = (
    Domain("honeypot", 2, None, 120, most=100, single=100),
    Domain("diverging-sine", 2, None, 60, most=80, single=80),
)


def cdalbench(size: str) -> Grid:
    """The grid of a size: ``smoke``, ``desk`` or ``paper``."""
    if size == "smoke":
        small = (Domain("digits", 10, None, 500, most=100), replace(MADE[0], most=40))
        return _joined(_grids(small, (5, 20), 3, STRATEGIES[:4]))
    if size == "desk":
        chosen = (TABLES[0], TABLES[1], ENCODED[0], TEXTS[0])
        above = {"bounds": ("greedy oracle",), "bound_seeds": 3}
        some = [*_heads(chosen, (1,), 10, **above), *_heads(chosen, (20, 100), 10)]
        made = [*_heads(MADE, (1,), 50, **above), *_heads(MADE, (20,), 50)]  # they are small, and scatter most
        return _joined([*some, *made])
    every = (*TABLES, *PICTURES, *ENCODED, *TEXTS, *MADE)
    heads = [*_heads(every, (1,), 50, bounds=("greedy oracle",)), *_heads(every, (5, 20, 50, 100), 50)]
    nets = _grids(TABLES, (20, 100), 10, (*STRATEGIES[:6], "badge"), learners=(MLP,))
    slow = [
        *_grids(TABLES[:2], (20, 100), 10, ("random", "margin", "core-gcn"), learners=(SLOW,)),
        *_grids(ENCODED[:1], (20, 100), 10, ("random", "margin", "core-gcn", BALD), learners=(SLOW,)),
    ]
    return _joined([*heads, *nets, *map(_raw, PICTURES), *slow])


def _heads(domains: Sequence[Domain], batches: Sequence[int], seeds: int, **more: Any) -> list[Grid]:
    """Linear heads with all strategies that are quick on a data set's features."""
    quick = [(one, STRATEGIES if one.encoder == "default" else WIDE) for one in domains]
    return [grid for one, strategies in quick for grid in _grids((one,), batches, seeds, strategies, **more)]


def _grids(
    domains: Sequence[Domain], batches: Sequence[int], seeds: int, strategies: tuple[Any, ...], **more: Any
) -> list[Grid]:
    """A grid for every data set and batch size that leaves it two rounds or more, from one label of each class on."""
    return [
        Grid(
            datasets=(one.table,),
            strategies=strategies,
            encoders=(one.encoder,),
            start=("per-class",),
            initial=(one.classes,),
            batch=(batch,),
            budget=one.classes + one.bought(batch),
            test=one.test,
            seeds=tuple(range(seeds)),
            **more,
        )
        for one in domains
        for batch in batches
        if 2 * batch <= one.bought(batch)
    ]


def _raw(domain: Domain) -> Grid:
    """A small network on the pixels themselves; it starts from 100 labels, as the benchmark's networks do."""
    return Grid(
        datasets=({"name": domain.name, "items": domain.items, "side": 14},),
        strategies=FEW,
        learners=(CNN,),
        initial=(100,),
        batch=(100,),
        budget=700,
        test=domain.test,
        seeds=tuple(range(5)),
    )


def _joined(grids: Sequence[Grid]) -> Grid:
    """Grids as one, under the benchmark's name."""
    return replace(grids[0], more=tuple(grids[1:]), title="CDALBench")
