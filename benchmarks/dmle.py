"""The runs behind docs/papers/dmle.md: is the dependency-aware likelihood more than a penalty on confidence?

``python -m benchmarks.dmle`` runs what is not done yet, about twenty minutes of one core, and writes
docs/results/dmle.json. Beta is 1 everywhere. The rate of training was chosen on seed 100, by plain training on labels
drawn at random; nothing else was.
"""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from askance.lab.grid import versions
from askance.lab.grids import Grid
from askance.lab.presets.deepal import pixels
from askance.learners.base import Learner
from askance.learners.beside import Beside
from askance.learners.networks import Mlp
from askance.learners.terms import ConfidencePenalty, Dependency
from askance.learners.torch import Torch
from askance.meta.control import Equipped
from askance.meta.dependency import Dmle
from askance.selection.base import Selector
from askance.selection.top import StochasticTop
from askance.strategies.base import Strategy
from askance.strategies.random import Random
from askance.strategies.uncertainty import Entropy, Margin
from askance.task import Classes, Task
from askance.view import Batch, View
from benchmarks.measure import ROOT, machine
from benchmarks.paired import measure, rows

FILE = ROOT / "docs" / "results" / "dmle.json"
SEEDS = tuple(range(10))
ITEMS = 1_800
LEARNER = Torch(Mlp((128,)), steps=100, rate=3e-3)


@dataclass(frozen=True)
class Torn(Margin):
    """Draw items in proportion to ``1 - (p1 - p2)``, as `Dependency` has it for the margin and a power.

    The margin itself is nowhere above 0, and a power of it would be no probability.
    """

    select: Selector = StochasticTop("power")

    def utility(self, view: View) -> Tensor:
        return 1 + super().utility(view)


@dataclass(frozen=True)
class WithTerm(Strategy):
    """Ask like a strategy, on a training with one more term of the loss.

    Args:
        strategy: Who asks.
        term: What is added.
    """

    strategy: Strategy
    term: Beside

    def equip(self, learner: Learner) -> Learner:
        return self.strategy.equip(learner).beside(self.term)

    def serves(self, task: Task) -> bool:
        return isinstance(task, Classes) and self.strategy.serves(task)

    def query(self, view: View, n: int) -> Batch:
        return self.strategy.query(view, n)  # with its own dice: paired with the strategy alone

    def needs_model(self) -> bool:
        return self.strategy.needs_model()


def parts() -> dict[str, Strategy]:
    """Who asks, and on which training: plain, with the likelihood of the choice, with the penalty, as released."""
    entropy, torn, penalty = Entropy(select=StochasticTop("softmax")), Torn(), ConfidencePenalty(1.0)
    return {
        "random": Random(),
        "random, dmle": Equipped(Random(), by=Dmle()),
        "random, penalty": WithTerm(Random(), penalty),
        "entropy": entropy,
        "entropy, dmle": Dmle(entropy),
        "entropy, penalty": WithTerm(entropy, penalty),  # which is what was released: see the page
        "margin": torn,
        "margin, dmle": Dmle(torn, score="margin", kind="power"),
        "margin, penalty": WithTerm(torn, penalty),
        "margin, released": WithTerm(torn, Dependency(1.0, "margin", "power", normalized=False)),
    }


def grid(seeds: tuple[int, ...] = SEEDS) -> Grid:
    """Three sets, ten labels to begin with and ten in a round."""
    return Grid(
        datasets=("digits", pixels("fashion-mnist", 28, ITEMS), {"name": "r8", "items": ITEMS}),
        strategies=tuple({"strategy": part, "name": name} for name, part in parts().items()),
        learners=({"learner": LEARNER, "name": "mlp"},),
        initial=(10,),
        batch=(10,),
        budget=60,
        test=500,
        seeds=seeds,
        title="DMLE",
    )


def main() -> None:
    found: dict[str, Any] = {
        "date": time.strftime("%Y-%m-%d"),
        "machine": machine(),
        "versions": versions(),
        "seeds": list(SEEDS),
        "sets": {},
    }
    for results in measure(grid(), "dmle"):
        settings = {name: results.settings[name] for name in ("initial", "batch", "budget", "test")}
        found["sets"][results.dataset["name"]] = {
            **settings,
            "items": results.dataset["items"],
            "classes": len(results.dataset["classes"]),
            "said": results.said[2:],
            "rows": rows(results),
        }
    FILE.write_text(json.dumps(found, separators=(",", ":")) + "\n", "utf-8")
    print("Now write the page: make docs")


if __name__ == "__main__":
    from benchmarks import dmle  # the classes have to be found by this name, and not in __main__

    dmle.main()
