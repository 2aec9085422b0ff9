"""Batches whose labels together say the most about which sample is right: greedy, lazy mutual information."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from askance.kernels.joint import information_gains
from askance.seeds import Dice
from askance.selection.top import refuse_nan

_BLOCK = 32  # candidates whose gain is looked up at once, at first; twice as many each time after
_MOST = 1024  # and at most so many
_MERGED = 64  # ways; fewer are looked at as they are
_PIECE = 1 << 18  # numbers of a temporary
_NOTHING = 1e-6  # nats; when no more is left to learn, estimates of gains are noise


@dataclass(frozen=True)
class Joint:
    """A batch with what each pick added.

    Args:
        rows: Pool rows in the order of picking, int64 (picks,).
        gains: What the label of each would say beyond those before it, in nats, float64 (picks,).
        looks: How many gains were computed.
    """

    rows: Tensor
    gains: Tensor
    looks: int


@dataclass(frozen=True)
class _Configurations:
    """Ways in which the labels of the picks may come out.

    Args:
        beliefs: How likely each sample is then, float64 (samples, configurations).
        masses: How likely each way is, float64 (configurations,); ways that settle all doubt are left out.
    """

    beliefs: Tensor
    masses: Tensor

    @property
    def left(self) -> float:
        """What is still to be learned about which sample is right, in nats: no gain is more."""
        return float(torch.special.entr(self.beliefs).sum(0) @ self.masses)


def batch_bald(
    samples: Tensor,
    n: int,
    *,
    candidates: Tensor,
    bald: Tensor,
    noise: Tensor,
    dice: Dice,
    configurations: int,
) -> Joint:
    """Again and again the candidate whose label adds the most mutual information to that of the batch so far.

    Source: Kirsch et al. 2019, Eq. 8 and Algorithm 1. The gain of an item is its BALD under the samples' beliefs after
    each way the labels of the batch may come out, on average over these ways, which is the chain rule of what the paper
    estimates as a difference of two entropies: never negative, and of less variance. While there are at most
    ``configurations`` ways it is exact; from then on that many are kept, the more likely and the less settled the
    surer, with weights that keep every gain unbiased (Fearnhead & Clifford 2003).

    Gains only fall while the batch grows, so a gain computed earlier is a bound, and only candidates whose bound is
    above the best gain found are looked at. With kept configurations this holds up to their noise. When nothing is
    left to learn the rest goes by BALD; ties go by noise.

    Args:
        samples: Probabilities, (items, samples, classes).
        n: How many, at most as many as there are candidates.
        candidates: Rows that may be picked, int64.
        bald: Of each item, (items,).
        noise: Orders what ties, (items,).
        dice: Which configurations are kept.
        configurations: How many of them.
    """
    refuse_nan(bald[candidates], candidates)
    rows = candidates[noise[candidates].argsort(stable=True)]
    bounds = bald[rows].to(torch.float64)
    own, looks, count = bounds.clone(), 0, samples.shape[1]
    ways = _Configurations(bounds.new_full((count, 1), 1 / count), bounds.new_ones(1))
    throw = dice.generator()
    picks: list[int] = []
    gains: list[float] = []
    for number in range(n):
        settled = ways.left < _NOTHING or float(bounds.max()) <= 0
        if number == 0 or settled:
            best = int(own.argmax())
            gains.append(0.0 if number else max(0.0, float(own[best])))
        else:
            best, fresh = _best(samples, rows, bounds, ways)
            looks += fresh
            gains.append(float(bounds[best]))
            if gains[-1] <= 0:
                best = int(own.argmax())
        picks.append(best)
        bounds[best] = own[best] = -torch.inf
        if number + 1 < n and not settled:
            ways = _extended(ways, samples[rows[best]].to(torch.float64), configurations, float(throw.random()))
    return Joint(rows[torch.tensor(picks, dtype=torch.int64)], torch.tensor(gains, dtype=torch.float64), looks)


def _best(samples: Tensor, rows: Tensor, bounds: Tensor, ways: _Configurations) -> tuple[int, int]:
    """The place with the highest gain, and how many gains were computed; bounds are lowered on the way.

    Information is concave in the beliefs, so that of ways that are merged into their mean is a bound for theirs. A
    bound that is too high is first lowered with few merged ways, then with more, and only then to the gain itself.
    """
    levels = [_merged(ways, 1), _merged(ways, 2), ways] if len(ways.masses) > _MERGED else [ways]
    last = len(levels)
    level = torch.zeros(len(bounds), dtype=torch.int64)
    stale = bounds.clone()
    best, highest, looks, block = 0, -math.inf, 0, _BLOCK
    while highest < float(stale.max()):
        places = stale.topk(min(block, len(stale))).indices
        places = places[stale[places] > highest]
        for depth in range(last):
            some = places[level[places] == depth]
            lower = levels[depth]
            found = information_gains(samples[rows[some]], lower.beliefs, lower.masses)
            bounds[some] = torch.minimum(bounds[some], found)
        level[places] += 1
        done = places[level[places] == last].sort().values
        stale[places] = bounds[places]
        if len(done):
            stale[done] = -torch.inf
            looks += len(done)
            top = int(done[bounds[done].argmax()])
            if float(bounds[top]) > highest or (float(bounds[top]) == highest and top < best):
                best, highest = top, float(bounds[top])
        block = min(2 * block, _MOST)
    return best, looks


def _merged(ways: _Configurations, leaders: int) -> _Configurations:
    """Ways with the same likeliest samples, in order, as one way with their mean belief."""
    count = len(ways.beliefs)
    leading = ways.beliefs.topk(min(leaders, count), 0).indices  # (leaders, ways)
    names = leading[0] if leaders == 1 else leading[0] * count + leading[-1]
    found, which = torch.unique(names, return_inverse=True)
    masses = ways.masses.new_zeros(len(found)).index_add_(0, which, ways.masses)
    weighted = ways.beliefs * ways.masses
    beliefs = weighted.new_zeros(count, len(found)).index_add_(1, which, weighted)
    return _Configurations(beliefs / masses, masses)


def _extended(ways: _Configurations, shares: Tensor, most: int, throw: float) -> _Configurations:
    """Every way goes on with every label of one more item, (samples, classes); at most ``most`` are kept."""
    masses, doubts = [], []
    step = max(1, _PIECE // ways.beliefs.numel())
    for labels in torch.split(shares, step, 1):
        grown = ways.beliefs.unsqueeze(2) * labels.unsqueeze(1)  # (samples, ways, labels)
        total = grown.sum(0)
        grown /= torch.where(total > 0, total, 1)
        masses.append(total * ways.masses.unsqueeze(1))
        doubts.append(torch.special.entr(grown).sum(0))
    mass = torch.cat(masses, 1).reshape(-1)  # (ways x labels,)
    doubt = mass * torch.cat(doubts, 1).reshape(-1)
    kept, share = _kept(doubt, most, throw)
    before, label = kept // shares.shape[1], kept % shares.shape[1]
    beliefs = ways.beliefs[:, before] * shares[:, label]
    return _Configurations(beliefs / beliefs.sum(0), mass[kept] / share)


def _kept(weights: Tensor, most: int, throw: float) -> tuple[Tensor, Tensor]:
    """At most ``most`` places above zero, and how likely each was to be kept.

    A place is kept with probability min(1, weight / c), where c makes the sum of these ``most``; those below 1 are
    thinned out by systematic sampling.
    """
    kept = (weights > 0).nonzero().squeeze(1)
    if len(kept) <= most:
        return kept, torch.ones_like(weights[kept])
    top, order = weights.topk(most)
    tail = (weights.sum() - top.cumsum(0) + top).clamp(min=0)  # of each and all that come after it
    levels = tail / torch.arange(most, 0, -1, dtype=weights.dtype, device=weights.device)
    sure = int((top <= levels).int().argmax())  # so many are kept for certain
    level = float(levels[sure])
    rest = weights.clone()
    rest[order[:sure]] = 0
    steps = ((rest / level).cumsum(0) + throw).floor()
    drawn = steps > torch.cat([steps.new_zeros(1), steps[:-1]])
    drawn[order[:sure]] = True
    kept = drawn.nonzero().squeeze(1)[:most]  # rounding at the last step could draw one more
    return kept, (weights[kept] / level).clamp(max=1)


def bound(samples: int) -> float:
    """What labels can say about which of so many samples is right, in nats, however many they are.

    >>> round(bound(20), 2)
    3.0
    """
    return math.log(samples)
