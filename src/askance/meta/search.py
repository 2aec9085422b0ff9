"""Companions that learn, from labeled items that were held out, which strategy to follow where."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from askance.errors import AskanceError, BadInput, MissingSignal, unknown
from askance.learners.base import Learner, Lesson, Model, Outputs, part_of
from askance.learners.linear import Linear
from askance.learners.seeded import seeded
from askance.meta.bandit import all_failed, inner, names_of
from askance.meta.ground import Ground, Half, Reader, grounds
from askance.signals.base import Rows, Signal
from askance.strategies.base import Strategy
from askance.utilities.lookahead import lifted, solver
from askance.utilities.ranked import rank_normalized, rank_of_order, soft_top
from askance.view import View

AIMS = ("reduction", "loss")
STEEPEST = 0.5  # no softmax bends more: Boehning 1992
LEAST_TEMPERATURE = 1e-3  # of ranks in [0, 1]
FEWEST = 4  # items: of halves of two, one is taken and one is not


@dataclass(frozen=True)
class SearchNet(Learner):
    """Learns for each item how much to listen to each of several strategies. [wang2025autoal, repaired]

    Labeled items are dealt into halves. A head learns from one half, on the task learner's features; the strategies
    rank the other half by what that head believes, and its labels say what a pick would have been worth. Then the
    halves change places. With pi = softmax of a small network of the features, an item is wanted by
    ``u = sum_k pi_k r_k``, r the ranks as shares; the n items of highest u are taken softly, by `soft_top`, and the
    network goes up the gradient of what they are worth:

    - ``reduction``: how much less the loss of the half is after a step on what was taken, of the head's own training,
      under the largest curvature a softmax can have, so that it never goes too far. A label by chance moves its
      neighbors the wrong way and is worth little,
    - ``loss``: the mean loss of what was taken, as in the paper; it pays for noise.

    Worth is counted in units of what candidates are worth alone. Beside it count ``spread`` times the entropy of the
    mean of pi, and minus ``lean`` times the information that an item has of its candidate: most items are not taken,
    and for those the network could as well listen to whoever wants them least. Unlabeled items count here, too, or
    anything could be listened to where no label is.

    No label that is held out has shaped the features. Where labels shape none, as of a linear head, of scikit-learn's
    or of support vectors, they are those of the task model. A network's would know all labels: there the labels are
    dealt once, and the task learner is trained on either half alone, which is two trainings more a round. Each of them
    has a small network of its own over its features, learned on the half that it has not seen, and pi is their mean.

    For items it gives ``mixture``, pi: (items, candidates), 0 for a candidate that failed and for all of them where
    there were too few labels to learn from. Facts hold the mean of pi, the norms of the gradient, and who failed.

    Released code takes the gate ``sigmoid(1e11 (u - threshold))``, whose gradient is zero, ranks memorized items, and
    trains another ResNet.

    Args:
        candidates: The strategies; `AutoAL` puts its own here.
        aim: What a pick is worth: ``reduction`` or ``loss``.
        least: Fewer labels teach nothing.
        share: So many items of a half are taken.
        sharpness: The temperature of the soft top, in standard deviations of u. The distance between quartiles may be
            zero: a strategy that orders its picks alone ties all others.
        spread: How much it counts that all candidates are heard.
        lean: How much it counts that all items hear the same.
        deals: How often halves are dealt, where labels shape no features.
        items: At most so many labeled items take part, and so many are held out in all deals together, or each once.
        hidden: Units of the network.
        steps: Of Adam.
        rate: Of Adam.
        ridge: Of the head that learns from a half, on features of mean square 1.
    """

    mixes: ClassVar[bool] = True  # what it gives of an item are shares, and not weights

    candidates: tuple[Strategy | str, ...] = ()
    aim: str = "reduction"
    least: int = 30
    share: float = 0.2
    sharpness: float = 0.5
    spread: float = 0.02
    lean: float = 1.0
    deals: int = 5
    items: int = 2_000
    hidden: int = 16
    steps: int = 100
    rate: float = 0.03
    ridge: float = 1.0

    def __post_init__(self) -> None:
        object.__setattr__(self, "candidates", inner(self.candidates))
        if self.aim not in AIMS:
            raise unknown("aim", self.aim, AIMS)
        if min(self.least, self.items) < FEWEST or not 0 < self.share < 1:
            raise BadInput(
                f"SearchNet(least={self.least}, items={self.items}, share={self.share}): use {FEWEST} labels and items "
                f"or more, and a share in (0, 1)."
            )
        positive = (self.sharpness, self.deals, self.items, self.hidden, self.steps, self.rate, self.ridge)
        if min(positive) <= 0 or min(self.spread, self.lean) < 0:
            raise BadInput(f"{self} learns nothing. Use numbers above 0; spread and lean may be 0.")

    @property
    def gives(self) -> frozenset[str]:
        return frozenset({"mixture"})

    def fit(self, lesson: Lesson) -> Searched:
        names = names_of(self.candidates)
        check_candidates(type(self).__name__, names)
        if not enough(lesson, self.least):
            return Searched((), len(names), (), {"searched": False})
        learner, failed = equipped(Linear(ridge=self.ridge), self.candidates)
        parts = [
            (ground, self._halves(ground, halves, learner, failed))
            for ground, halves in grounds(lesson, self.items, self.deals)
        ]
        alive = [number for number, name in enumerate(names) if name not in failed]
        if not alive:
            raise BadInput(all_failed(failed))
        readers, gradients, means = [], [], []
        for ground, halves in parts:
            with seeded(lesson.dice.of("network").key):
                network = mixer(ground.items.shape[1], self.hidden, len(alive))
            gradients += self.learn(network, ground, replace(halves, ranks=halves.ranks[..., alive]))
            with torch.no_grad():
                means.append(network(ground.items.float()).softmax(1).mean(0))
            readers.append(ground.reader(network))
        mean = torch.stack(means).mean(0).tolist()
        facts = {
            "searched": True,
            "weights": {names[number]: round(weight, 6) for number, weight in zip(alive, mean, strict=True)},
            "gradients": {"first": gradients[0], "least": min(gradients), "last": gradients[-1]},
            "failed": failed,
        }
        return Searched(tuple(readers), len(names), tuple(alive), facts)

    def learn(self, network: nn.Sequential, ground: Ground, halves: Halves) -> list[float]:
        """Train the network; the norm of the gradient at every step."""
        with torch.no_grad():
            alone = [abs(float(self._worth(ranks, halves))) for ranks in halves.ranks.unbind(-1)]
        unit = max(sum(alone) / len(alone), 1e-6)
        return climb(network, lambda: self._aim(network, ground, halves, unit), self.steps, self.rate)

    def _halves(self, ground: Ground, halves: Sequence[Half], learner: Learner, failed: dict[str, str]) -> Halves:
        found = []
        for number, (told, held) in enumerate(halves):
            lesson = part_of(replace(ground.lesson, labeled=told, unlabeled=held), f"halves[{number}]")
            found.append(self._half(ground, learner, lesson, failed))
        return Halves(*(torch.stack(arrays) for arrays in zip(*found, strict=True)))

    def _half(self, ground: Ground, learner: Learner, lesson: Lesson, failed: dict[str, str]) -> tuple[Tensor, ...]:
        """What strategies say of a half that was held out, and what its labels say: the fields of `Halves`."""
        told, held = lesson.labeled, lesson.unlabeled
        model = learner.fit(replace(lesson, targets=ground.targets[told], weights=torch.ones(len(told)).double()))
        count = taken(self.share, len(held))
        ranks = ranked(self.candidates, view_of(ground, lesson, model), count, "candidates", failed)
        influence = torch.empty(0)
        if self.aim == "reduction":
            weights = torch.full((len(ground.items),), STEEPEST, dtype=torch.float64)
            weights[held] *= count / len(held)  # so much of each is taken, on average
            influence = step_influence(ground.items, weights, held, self.ridge)
        scores, targets = scores_of(model, ground.items[held]), ground.targets[held]
        return ground.items[held].float(), ranks, scores.float(), targets.float(), influence

    def _aim(self, network: nn.Module, ground: Ground, halves: Halves, unit: float) -> Tensor:
        """What is maximized."""
        shares = network(halves.items).softmax(-1)
        everywhere = network(ground.everywhere).softmax(1)
        even, apart = torch.special.entr(everywhere.mean(0)).sum(), torch.special.entr(everywhere).sum(1).mean()
        worth = self._worth((shares * halves.ranks).sum(-1), halves) / unit
        found: Tensor = worth + self.spread * even - self.lean * (even - apart)
        return found

    def _worth(self, wanted: Tensor, halves: Halves) -> Tensor:
        """What is worth taking by how wanted items are, (halves, items): a number in nats."""
        temperature = (self.sharpness * wanted.detach().std(-1, keepdim=True)).clamp_min(LEAST_TEMPERATURE)
        count = taken(self.share, wanted.shape[-1])
        gates = soft_top(wanted, count, temperature)
        return halves.losses(gates, count) if self.aim == "loss" else halves.reduction(gates)


@dataclass(frozen=True, eq=False)
class Halves:
    """Halves of one size that were held out from heads: what is known of them.

    Args:
        items: Their features, (halves, items, features).
        ranks: What each candidate makes of them, (halves, items, candidates).
        scores: What the head gives for them, (halves, items, classes).
        targets: (halves, items, classes).
        influence: How far a step on one moves the scores of another, (halves, items, items); empty if not needed.
    """

    items: Tensor
    ranks: Tensor
    scores: Tensor
    targets: Tensor
    influence: Tensor

    def losses(self, gates: Tensor, count: int) -> Tensor:
        """The mean loss of items that are softly taken by gates (halves, items), in nats."""
        return (gates * self._losses(self.scores)).sum(-1).mean() / count

    def reduction(self, gates: Tensor) -> Tensor:
        """How much less the mean loss is once a head has taken its step on what was softly taken, in nats."""
        steps = gates.unsqueeze(-1) * (self.targets - self.scores.softmax(-1))
        return (self._losses(self.scores) - self._losses(self.scores + self.influence @ steps)).mean()

    def _losses(self, scores: Tensor) -> Tensor:
        return -(self.targets * scores.log_softmax(-1)).sum(-1)


@dataclass(frozen=True, eq=False)
class Searched(Model):
    """What networks say of items, on average, or nothing learned.

    Args:
        readers: The networks; empty: nothing was learned.
        width: How many candidates there are.
        alive: Which of them did not fail.
        facts: How the search went.
        shares: Whether the numbers are shares, by softmax, or weights as they are.
    """

    readers: tuple[Reader, ...]
    width: int
    alive: tuple[int, ...]
    facts: Mapping[str, Any] = field(default_factory=dict)
    shares: bool = True

    def outputs(self, items: Any) -> Outputs:
        found = torch.zeros(len(items), self.width)
        if self.readers:
            said = torch.stack([reader(items) for reader in self.readers])  # (readers, items, alive)
            found[:, list(self.alive)] = (said.softmax(-1) if self.shares else said).mean(0)
        return Outputs(extras={"mixture": found})


def check_candidates(name: str, candidates: Sequence[Strategy | str]) -> None:
    """Refuse fewer than two candidates."""
    if len(candidates) < 2:
        raise BadInput(f"{name} of {len(candidates)} candidates has nothing to choose. Name 2 strategies or more.")


def taken(share: float, items: int) -> int:
    """How many items of a half are taken: a share, two at least, and never all of them.

    >>> taken(0.2, 100), taken(0.2, 5), taken(0.2, 2), taken(0.99, 15)
    (20, 2, 1, 14)
    """
    return min(max(2, round(share * items)), items - 1)


def enough(lesson: Lesson, least: int) -> bool:
    """Whether there are labels to search over: so many, and of two classes at least."""
    return len(lesson.labeled) >= least and len(torch.unique(lesson.targets.argmax(1))) > 1


def equipped(learner: Learner, candidates: Sequence[Strategy | str]) -> tuple[Learner, dict[str, str]]:
    """A learner that gives what candidates want of it, and those that it cannot serve, with the error."""
    failed = {}
    for name, one in zip(names_of(candidates), inner(candidates), strict=True):
        try:
            learner = one.equip(learner)
        except AskanceError as error:
            failed[name] = f"{type(error).__name__}: {error}"
    return learner, failed


def view_of(ground: Ground, lesson: Lesson, model: Model) -> View:
    """What a strategy sees of a half: the told items are labeled, and the others candidates."""
    no_row = lesson.labeled[:0]

    def read(signal: Signal) -> Rows:
        if signal.age or signal.records:
            raise MissingSignal(
                f"{type(signal).__name__} needs earlier fits or what was recorded while training, and a search has "
                f"neither. Leave this candidate out."
            )
        if signal.of is None:
            return signal.read(model, ground.items, lesson.task)
        own = part_of(replace(lesson, targets=ground.targets[lesson.labeled], model=model), "companion")
        own = replace(own, weights=torch.ones(len(lesson.labeled)).double())
        return signal.read(signal.of.fit(own), ground.items, lesson.task)

    return View(
        name=lambda rows: rows.tolist(),
        keys=lesson.keys,
        task=lesson.task,
        candidates=lesson.unlabeled,
        labeled=lesson.labeled,
        targets=ground.targets[lesson.labeled],
        pending=no_row,
        aside=no_row,
        dice=replace(lesson.dice, use="ask"),
        read=cache(read),
    )


def ranked(strategies: Sequence[Strategy | str], view: View, n: int, part: str, failed: dict[str, str]) -> Tensor:
    """What each of several strategies makes of the candidates, as ranks: float32 (candidates, strategies).

    One that gives a utility and no space is ranked by it, all others by the order of their n first picks. Those that
    fail are written down, and their column is 0.
    """
    found = torch.zeros(len(view.candidates), len(strategies))
    for number, (name, one) in enumerate(zip(names_of(strategies), inner(strategies), strict=True)):
        if name in failed:
            continue
        try:
            found[:, number] = _ranks(one, view.part(f"{part}[{number}]"), n).float()
        except MemoryError:
            raise
        except Exception as error:
            failed[name] = f"{type(error).__name__}: {error}"
    return found


def _ranks(strategy: Strategy, view: View, n: int) -> Tensor:
    if type(strategy).query is Strategy.query and strategy.space(view) is None:
        utility = strategy.utility(view)
        if utility is not None:
            return rank_normalized(utility[view.candidates])
    rows = strategy.query(view, n).rows
    return rank_of_order(torch.searchsorted(view.candidates, rows), len(view.candidates))


def scores_of(model: Model, items: Tensor) -> Tensor:
    """Scores of some items, which a model of classes gives."""
    scores = model.outputs(items).scores
    assert scores is not None
    return scores


def step_influence(items: Tensor, weights: Tensor, held: Tensor, ridge: float) -> Tensor:
    """How far a step on one held-out item moves the scores of another, by what separates its label from the belief.

    It is ``f' A^-1 f``, with ``A = ridge I + sum w f f'`` and f the features with a one behind them.

    Args:
        items: (items, features).
        weights: The curvature of each, (items,).
        held: Rows of the held-out ones.
        ridge: Above 0.

    Returns:
        float32 (held, held).
    """
    wide = lifted(items)
    return (wide[held] @ solver(wide, weights, ridge)(wide[held]).T).float()


def mixer(features: int, hidden: int, candidates: int) -> nn.Sequential:
    """A small network: features to a number for each candidate."""
    head = nn.Linear(hidden, candidates)
    with torch.no_grad():
        head.weight.mul_(0.1)  # it begins near even shares
        head.bias.zero_()
    return nn.Sequential(nn.Linear(features, hidden), nn.Tanh(), head)


def climb(network: nn.Module, aim: Callable[[], Tensor], steps: int, rate: float) -> list[float]:
    """Go up the gradient by Adam; the norm of the gradient at every step."""
    optimizer = torch.optim.Adam(network.parameters(), lr=rate)
    norms = []
    for _ in range(steps):
        optimizer.zero_grad(set_to_none=True)
        torch.autograd.backward(-aim())
        norms.append(float(torch.stack([w.grad.norm() for w in network.parameters() if w.grad is not None]).norm()))
        optimizer.step()
    return norms
