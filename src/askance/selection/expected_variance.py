"""The greedy rule of EV-GP: the least mean variance of a Gaussian process at reference items."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from askance.errors import BadInput
from askance.selection.base import Ground, Picked, Selector
from askance.selection.kernel import InnerProducts, Kernel
from askance.selection.order import drawn
from askance.selection.process import Process
from askance.selection.space import Features
from askance.selection.volume import check_noise

_FEW = 8  # looked at again at once, at first
_PIECE = 1 << 17  # elements of a temporary: 1 MiB of float64


@dataclass(frozen=True)
class LeastExpectedVariance(Selector):
    """Again and again the candidate that most lowers the mean variance of a Gaussian process at reference items.

    With c the posterior covariance given all that is known and picked, a pick lowers it by the mean of
    ``c(t, x)^2 / (c(x, x) + s)`` over the references t (Hemachandra et al. 2023). On the features of a linear model,
    with candidates and known items as references, that is BAIT of a regression without its second half. A pick's
    utility is what it lowered the mean variance by.

    Lazy as in the paper: the gains of before stand in for bounds, and candidates are looked at again, those of the
    highest old gains first, until the highest of all is a new one. Gains mostly fall as items are picked, but need not;
    ``lazy=False`` looks at all again.

    Args:
        noise: Standard deviation of the noise, in units of the root mean of k(x, x) over the known items, or over the
            candidates where nothing is known.
        reference: So many items stand for candidates and known items, at most, drawn by a hash of their keys.
        candidates: So many candidates are looked at, at most (or as many as are wanted, if that is more), drawn alike.
        evaluated: So many are looked at again for one pick, at most; then the best of those is taken.
        lazy: Whether old gains stand in for bounds.
    """

    noise: float = 1e-3  # Hemachandra et al. 2023
    reference: int = 1_000
    candidates: int = 5_000
    evaluated: int = 1_000  # Hemachandra et al. 2023
    lazy: bool = True

    def __post_init__(self) -> None:
        check_noise(self.noise)
        if min(self.reference, self.candidates, self.evaluated) < 1:
            raise BadInput(f"{self} looks at nothing. Use 1 or more everywhere.")

    def choose(self, n: int, ground: Ground) -> Picked:
        """Greedy; in pieces, so that no number for each pair of candidate and reference is kept."""
        kernel = kernel_of(ground.space, type(self).__name__)
        rows = drawn(ground.candidates, ground.dice.uniform(ground.keys), max(self.candidates, n))
        all_ = torch.cat([ground.candidates, ground.known])
        others = drawn(all_, ground.dice.of("reference").uniform(ground.keys), self.reference)
        known = torch.cat([ground.known, kernel.beyond_rows()])
        gains = _Gains(Process(kernel, known, self.noise, ground.candidates), rows, others)
        places: list[int] = []
        values: list[float] = []
        while len(places) < n:
            place = self._best(gains)
            places.append(place)
            values.append(max(float(gains.values[place]), 0.0))
            gains.take(place)
        said = {"jitter": gains.process.jitter} if gains.process.jitter else {}
        return Picked(rows[places], torch.tensor(values, dtype=torch.float64), said)

    def _best(self, gains: _Gains) -> int:
        """The place of the highest gain; of equals the one that was drawn first."""
        if not self.lazy:
            gains.refresh(gains.open_.nonzero().squeeze(1))
            return gains.highest()
        seen = 0
        while not gains.fresh(gains.highest()):
            if seen >= self.evaluated:
                return gains.highest(fresh=True)
            seen += gains.renew(min(max(_FEW, seen), self.evaluated - seen))  # twice as many with each step
        return gains.highest()


class _Gains:
    """What each candidate lowers the mean variance at the references by; some of it as it was some picks ago."""

    def __init__(self, process: Process, rows: Tensor, others: Tensor) -> None:
        self.process, self.rows, self.others = process, rows, others
        self.places, self.places_others = process.kernel.points(rows), process.kernel.points(others)
        self.explained = process.coordinates(rows)  # (candidates, known and picked)
        self.explained_others = process.coordinates(others)
        self.left = process.kernel.norms()[rows] - self.explained.square().sum(1)  # the posterior variances
        self.values = torch.zeros_like(self.left)
        self.open_ = torch.ones(len(rows), dtype=torch.bool, device=rows.device)
        self.seen = torch.zeros(len(rows), dtype=torch.int64, device=rows.device)
        self.count = 0
        self.refresh(torch.arange(len(rows), device=rows.device))

    def highest(self, fresh: bool = False) -> int:
        """The open place of the highest gain, old or new; or of the highest that is given all picks."""
        there = self.open_ & (self.seen == self.count) if fresh else self.open_
        return int(self.values.masked_fill(~there, -torch.inf).argmax())

    def fresh(self, place: int) -> bool:
        """Whether a gain is given all picks."""
        return int(self.seen[place]) == self.count

    def renew(self, most: int) -> int:
        """Bring the highest old gains up to date; how many they were."""
        stale = self.open_ & (self.seen < self.count)
        most = min(most, int(stale.sum()))
        self.refresh(self.values.masked_fill(~stale, -torch.inf).topk(most).indices)
        return most

    def refresh(self, places: Tensor) -> None:
        """Bring some gains up to date."""
        step = max(1, _PIECE // max(1, len(self.others)))
        for some in (places[start : start + step] for start in range(0, len(places), step)):
            covariance = self.process.kernel.products(self.places_others, self.places[some])
            covariance -= self.explained_others @ self.explained[some].T
            mean = covariance.square().mean(0) if len(self.others) else covariance.sum(0)
            self.values[some] = mean / (self.left[some].clamp(min=0) + self.process.variance)
        self.seen[places] = self.count

    def take(self, place: int) -> None:
        """Count a candidate as observed."""
        root = (max(float(self.left[place]), 0.0) + self.process.variance) ** 0.5
        own, point = self.explained[place].clone(), self.places[place : place + 1]
        products = self.process.kernel.products
        column = (products(self.places, point)[:, 0] - self.explained @ own) / root
        other = (products(self.places_others, point)[:, 0] - self.explained_others @ own) / root
        self.explained = torch.cat([self.explained, column.unsqueeze(1)], 1)
        self.explained_others = torch.cat([self.explained_others, other.unsqueeze(1)], 1)
        self.left -= column.square()
        self.open_[place] = False
        self.count += 1


def kernel_of(space: object, who: str) -> Kernel:
    """A space as a kernel.

    Raises:
        BadInput: If it has no inner products.
    """
    if isinstance(space, Kernel):
        return space
    if isinstance(space, Features):
        return InnerProducts(space.array, space.outside)
    raise BadInput(f"{who} picks by inner products. Define `space` on the strategy and give it Features or a kernel.")
