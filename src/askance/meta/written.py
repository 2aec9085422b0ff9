"""The search of AutoAL by the equations of its paper."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import chain
from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from askance.errors import BadInput
from askance.learners.base import Learner, Lesson, part_of
from askance.learners.heads import ranking_loss
from askance.learners.linear import Linear
from askance.learners.seeded import seeded
from askance.meta.bandit import all_failed, inner, names_of
from askance.meta.ground import grounds
from askance.meta.search import (
    FEWEST,
    Searched,
    check_candidates,
    enough,
    equipped,
    ranked,
    taken,
    view_of,
)
from askance.strategies.base import Strategy
from askance.utilities.ranked import mixture_quantile


@dataclass(frozen=True)
class SearchNetAsWritten(Learner):
    """Learns weights of candidates by going up the loss of what they select, as AutoAL is written. [wang2025autoal]

    Half of the labels teaches a head, by which candidates score the other half. FitNet, here another linear head,
    begins with the first half; then it minimizes ``mean_j Sbar_j CE_j`` over the second, and SearchNet, here a small
    network, maximizes it, in turns. With S_k the ranks of candidate k as shares, theta_k their quantile under a
    Gaussian mixture, and W what SearchNet gives, ``Sbar_j = sum_k sigmoid(S_kj - theta_k) (S_kj - theta_k) W_kj``.
    SearchNet also maximizes ``1 / (1 + exp(|alpha - t n| / 2)) - 1/2``, which is largest where alpha, the number
    selected, is the share t of the n items, and learns to predict losses, as `LossPrediction` does.

    As in `askance.meta.search.SearchNet` no label of the second half has shaped the features: where labels shape them,
    as of a network, the task learner is trained once more, on the first half alone.

    We could not read the paper itself but only notes on it: that Theta is ``S - theta`` and that alpha is
    ``sum_j sigmoid(Sbar_j)`` is our reading. The paper's networks are two ResNet-18; ours read the task learner's
    features. Nothing keeps W from growing but the number of steps.

    Args:
        candidates: The strategies; `AutoAL` puts its own here.
        least: Fewer labels teach nothing.
        share: The share t of a half that is selected.
        balance: How much the number selected counts.
        items: At most so many labeled items take part.
        hidden: Units of SearchNet.
        before: Steps of FitNet alone.
        steps: Steps of both, in turns: 2 or more.
        rate: Of FitNet's Adam and of SearchNet's descent.
        ridge: Of the head by which candidates score.
    """

    mixes: ClassVar[bool] = False  # what it gives of an item are weights, and no shares

    candidates: tuple[Strategy | str, ...] = ()
    least: int = 30
    share: float = 0.2
    balance: float = 1.0
    items: int = 2_000
    hidden: int = 16
    before: int = 200  # the paper
    steps: int = 400  # the paper
    rate: float = 5e-3  # the paper
    ridge: float = 1.0

    def __post_init__(self) -> None:
        object.__setattr__(self, "candidates", inner(self.candidates))
        if min(self.least, self.items) < FEWEST or not 0 < self.share < 1:
            raise BadInput(
                f"SearchNetAsWritten(least={self.least}, items={self.items}, share={self.share}): use {FEWEST} labels "
                f"and items or more, and a share in (0, 1)."
            )
        if self.steps < 2 or min(self.hidden, self.before, self.rate, self.ridge) <= 0 or self.balance < 0:
            raise BadInput(
                f"{self} learns nothing. Use numbers above 0, a balance of 0 or more, and 2 steps or more, for two "
                f"networks take turns."
            )

    @property
    def gives(self) -> frozenset[str]:
        return frozenset({"mixture"})

    def fit(self, lesson: Lesson) -> Searched:
        names = names_of(self.candidates)
        check_candidates(type(self).__name__, names)
        if not enough(lesson, self.least):
            return Searched((), len(names), (), {"searched": False})
        ground, halves = next(grounds(lesson, self.items, 1))
        told, held = halves[0]
        learner, failed = equipped(Linear(ridge=self.ridge), self.candidates)
        own = part_of(replace(ground.lesson, labeled=told, unlabeled=held), "half")
        model = learner.fit(replace(own, targets=ground.targets[told], weights=torch.ones(len(told)).double()))
        view = view_of(ground, own, model)
        scores = ranked(self.candidates, view, taken(self.share, len(held)), "candidates", failed)
        alive = [number for number, name in enumerate(names) if name not in failed]
        if not alive:
            raise BadInput(all_failed(failed))
        items, targets = ground.items.float(), ground.targets.float()
        above = over_threshold(scores[:, alive], self.share)
        with seeded(lesson.dice.of("network").key):
            fit_net = nn.Linear(items.shape[1], targets.shape[1])
            search = _SearchNet(items.shape[1], self.hidden, len(alive))
        norms = self._train(fit_net, search, (items[told], targets[told]), (items[held], targets[held]), above)
        with torch.no_grad():
            mean = search(items).mean(0).tolist()
        facts = {
            "searched": True,
            "weights": {names[number]: round(weight, 6) for number, weight in zip(alive, mean, strict=True)},
            "gradients": {"first": norms[0], "least": min(norms), "last": norms[-1]},
            "failed": failed,
        }
        return Searched((ground.reader(search),), len(names), tuple(alive), facts, shares=False)

    def _train(
        self,
        fit_net: nn.Module,
        search: _SearchNet,
        told: tuple[Tensor, Tensor],
        held: tuple[Tensor, Tensor],
        above: Tensor,
    ) -> list[float]:
        """Both networks in turns; the norms of SearchNet's gradient."""
        fitting = torch.optim.Adam(fit_net.parameters(), lr=self.rate)
        searching = torch.optim.SGD(search.parameters(), lr=self.rate, momentum=0.9, weight_decay=5e-4)  # released code
        for _ in range(self.before):
            _step(fitting, cross_entropy(fit_net(told[0]), told[1]))
        norms = []
        items, targets = held
        for number in range(self.steps):
            losses = cross_entropy(fit_net(items), targets, reduction="none")
            selected = wanted_as_written(above, search(items))
            if number % 2 == 0:
                _step(fitting, (selected.detach() * losses).mean())
                continue
            worth = (selected * losses.detach()).mean() + self.balance * self._balanced(selected)
            said = ranking_loss(search.predicted(items), losses.detach(), torch.ones(len(items)), 1.0)
            _step(searching, said - worth)
            part = [
                w.grad.norm() for w in chain(search.trunk.parameters(), search.head.parameters()) if w.grad is not None
            ]
            norms.append(float(torch.stack(part).norm()))
        return norms

    def _balanced(self, selected: Tensor) -> Tensor:
        """How near the number selected is to its share; 0 where it is."""
        off = (selected.sigmoid().sum() - self.share * len(selected)).abs()
        return torch.sigmoid(-off / 2) - 0.5


def over_threshold(scores: Tensor, share: float) -> Tensor:
    """Scores (items, candidates) less each candidate's quantile: above 0 where it selects."""
    thresholds = [mixture_quantile(column, share) for column in scores.unbind(1)]
    return scores - torch.tensor(thresholds, dtype=scores.dtype)


def wanted_as_written(above: Tensor, weights: Tensor) -> Tensor:
    """``sum_k sigmoid(a_k) a_k w_k`` for each item, a the scores less their threshold, (items,).

    >>> wanted_as_written(torch.tensor([[0.0, 1.0]]), torch.tensor([[5.0, 2.0]])).round(decimals=3)
    tensor([1.4620])
    """
    return (above.sigmoid() * above * weights).sum(1)


class _SearchNet(nn.Module):
    """Weights of candidates for an item, and a guess at its loss from the same hidden units."""

    def __init__(self, features: int, hidden: int, candidates: int) -> None:
        super().__init__()
        self.trunk = nn.Sequential(nn.Linear(features, hidden), nn.ReLU())
        self.head, self.loss = nn.Linear(hidden, candidates), nn.Linear(hidden, 1)

    def forward(self, items: Tensor) -> Tensor:
        found: Tensor = self.head(self.trunk(items))
        return found

    def predicted(self, items: Tensor) -> Tensor:
        """The guess, (items,)."""
        found: Tensor = self.loss(self.trunk(items)).squeeze(1)
        return found


def _step(optimizer: torch.optim.Optimizer, loss: Tensor) -> None:
    optimizer.zero_grad(set_to_none=True)
    torch.autograd.backward(loss)
    optimizer.step()
