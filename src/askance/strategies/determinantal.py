"""Worth a label together: batches drawn by how large a space they span."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from askance.errors import BadInput, unknown
from askance.learners.base import Learner
from askance.selection.cover import Likeness, median_distance
from askance.selection.determinantal import draw, draw_from_kernel
from askance.selection.kmeans import k_means
from askance.selection.volume import greedy_determinant, posterior
from askance.signals.base import Signal
from askance.signals.embeddings import Embeddings
from askance.signals.samples import Samples
from askance.strategies.base import Strategy
from askance.strategies.information import _OfLinearModel
from askance.task import Classes, Task
from askance.utilities.disagreement import vote_entropy
from askance.utilities.uncertainty import entropy
from askance.view import Batch, View

HOW = ("sample", "largest")


@dataclass(frozen=True)
class KDpp(_OfLinearModel):
    """Draw a batch in proportion to the determinant of its features' products. [kulesza2011kdpps]

    The sample is exact. Items that are known push those like them away: the kernel is the covariance that is left once
    they are observed. Where the features span fewer dimensions than are asked for, the rest is drawn uniformly.

    Args:
        features: What is multiplied.
        how: ``sample``, or ``largest``, the greedy search for the largest determinant.
        noise: Standard deviation of an observation, in units of the features' root mean squared length.
        conditioned: Whether known items count.

    >>> paper = view(embeddings=[[1.0, 0.0], [1.0, 0.0], [0.0, 1.0]])
    >>> batch = KDpp().query(paper, 2).ids  # never both twins
    >>> 2 in batch
    True
    """

    cost: ClassVar[str] = "N d^2 + d^3 + n N d"

    how: str = "sample"
    noise: float = 0.1
    conditioned: bool = True

    def __post_init__(self) -> None:
        if self.how not in HOW:
            raise unknown("way", self.how, HOW)
        if not 0 < self.noise < float("inf"):
            raise BadInput(f"KDpp(noise={self.noise}) must be above 0. Use 0.1.")

    def query(self, view: View, n: int) -> Batch:
        n, rows, order = min(n, len(view.candidates)), self.rows(view), self.order(view)
        known = self.known(view, rows)
        known = known if self.conditioned else known[:0]
        if self.how == "largest":
            found, variances, _ = greedy_determinant(rows, order, n, known=known, noise=self.noise)
            return view.batch(found, notes=[{"utility": value} for value in variances.tolist()])
        dice = view.dice.of("draw")
        covariance = posterior(rows, known, self.noise)
        found, _ = draw(rows, view.candidates, n, keys=view.keys, dice=dice, covariance=covariance)
        rest = order[~torch.isin(order, found)]
        return view.batch(torch.cat([found, rest[: n - len(found)]]))


@dataclass(frozen=True)
class MultiCriteriaDpp(Strategy):
    """Draw a batch that is doubtful, typical and diverse at once, the hardest item first. [zhan2021multiple]

    The ground set are items near the centers of many clusters. Quality is doubt, the committee's weighted mean entropy
    and the entropy of its votes, and typicality, how like the others an item is; likeness is Gaussian. The hardest item
    is picked, the kernel is conditioned on it and on what is labeled, and the rest is a k-DPP sample. Only the paper's
    abstract could be read: this is a reconstruction, and the committee is weighed by how well its members do on the
    labels they saw.

    Args:
        features: Where the items lie.
        samples: The committee.
        ground: Clusters for each pick; the ground set holds the item nearest to each center.
        doubt: How much doubt counts, in standard deviations.
        typical: How much typicality counts.

    >>> shares = [[0.5, 0.5], [0.9, 0.1], [0.9, 0.1]]
    >>> paper = view(embeddings=[[0.0], [1.0], [2.0]], mc_probabilities=[shares, shares])
    >>> MultiCriteriaDpp().query(paper, 1).ids  # the hardest
    [0]
    """

    reads_labels: ClassVar[bool] = True
    cost: ClassVar[str] = "N m d x iterations + m^3 for m = 10 n"

    features: Signal = Embeddings()
    samples: Signal = Samples()
    ground: int = 10
    doubt: float = 1.0
    typical: float = 0.5

    def __post_init__(self) -> None:
        if self.ground < 1:
            raise BadInput(f"MultiCriteriaDpp(ground={self.ground}) leaves nothing to draw from. Use 1 or more.")

    def equip(self, learner: Learner) -> Learner:
        if "samples" in learner.gives:
            return learner
        from askance.learners.many import Bootstrapped

        return Bootstrapped(learner)

    def serves(self, task: Task) -> bool:
        return isinstance(task, Classes)

    def query(self, view: View, n: int) -> Batch:
        n, features = min(n, len(view.candidates)), view[self.features]
        if not n:
            return view.batch(view.candidates[:0])
        every = self._doubt(view, view.candidates)
        hardest = view.candidates[every == every.max()]
        rows = torch.unique(torch.cat([self._ground(view, features, n), hardest[: self.ground * n]]))
        points = features[rows].double()
        hard = every[torch.searchsorted(view.candidates, rows)]
        likeness = Likeness(
            "gauss", median_distance(points) * 2**0.5
        )  # exp(-|x - x'|^2 / 2 s^2), s the median distance
        alike = likeness.between(points, points)
        quality = (self.doubt * _standardized(hard) + self.typical * _standardized(alike.mean(1))).clamp(-3, 3).exp()
        noise = view.dice.of("ties").uniform(view.keys[rows])
        tied = (hard >= hard.max() - 1e-12).nonzero().squeeze(1)
        first = int(tied[noise[tied].argmin()])
        known = self._known(view, features)
        within, across = likeness.between(known, known), likeness.between(points, known)
        kernel = _given(alike, across, within)
        kernel = _given(kernel, kernel[:, [first]], kernel[first, first].reshape(1, 1))
        kernel = quality.unsqueeze(1) * kernel * quality
        kernel[first] = kernel[:, first] = 0
        drawn = draw_from_kernel((kernel + kernel.T) / 2, n - 1, keys=view.keys[rows], dice=view.dice.of("draw"))
        picks = torch.cat([torch.tensor([first]), drawn[drawn != first]])
        found = rows[picks]
        order = view.candidates[view.dice.of("rest").uniform(view.keys[view.candidates]).argsort(stable=True)]
        rest = order[~torch.isin(order, found)][: n - len(found)]
        return view.batch(torch.cat([found, rest]))

    def _ground(self, view: View, features: Tensor, n: int) -> Tensor:
        """The candidates nearest to the centers of many clusters, and all where there are few, int64."""
        count = min(self.ground * n, len(view.candidates))
        if count == len(view.candidates):
            return view.candidates
        found = k_means(
            features, count, keys=view.keys, dice=view.dice.of("ground"), rows=view.candidates, iterations=10
        )
        labels, gaps = found.labels[view.candidates], found.distances[view.candidates]
        order = gaps.argsort(stable=True)
        order = order[labels[order].argsort(stable=True)]
        heads = torch.ones(len(order), dtype=torch.bool, device=order.device)
        heads[1:] = labels[order][1:] != labels[order][:-1]
        return view.candidates[order[heads]].sort().values

    def _doubt(self, view: View, rows: Tensor) -> Tensor:
        """How hard the committee finds each item, float64 (rows,)."""
        samples: Tensor = view[self.samples]
        out = torch.zeros(len(rows), dtype=torch.float64, device=samples.device)
        if samples.shape[2] < 2:
            return out
        weights = self._weights(view, samples.shape[1])
        step = max(1, _PIECE // samples[0].numel())
        for start in range(0, len(rows), step):
            some = samples[rows[start : start + step]].double()
            each = torch.stack([entropy(some[:, member].contiguous()) for member in range(some.shape[1])], 1)
            out[start : start + step] = each @ weights + vote_entropy(some.argmax(2)).double()
        return out

    def _weights(self, view: View, members: int) -> Tensor:
        """How much each member's word counts, by its mean logarithmic score on the labels; they sum to 1."""
        even = torch.full((members,), 1 / members, dtype=torch.float64)
        if not len(view.labels) or (view.beyond_targets is not None and view.outside(self.samples) is None):
            return even
        told: Tensor = view.of_labeled(self.samples).double()
        scores: Tensor = (told.clamp_min(1e-6).log() * view.labels.unsqueeze(1)).sum(2).mean(0)
        return scores.softmax(0)

    def _known(self, view: View, features: Tensor) -> Tensor:
        """Features of known items, the latest few of them where there are many, float64."""
        outside = view.outside(self.features)
        known = features[view.known].double()
        if outside is not None:
            known = torch.cat([known, outside.double()])
        return known[-_MOST:]


_MOST = 1000  # known items that the kernel is conditioned on
_PIECE = 1 << 20  # numbers of a temporary
_JITTER = 1e-6


def _given(kernel: Tensor, across: Tensor, within: Tensor) -> Tensor:
    """A kernel conditioned on some items: what is left of it once they are in the batch."""
    if not within.shape[0]:
        return kernel
    solid = within + _JITTER * torch.eye(len(within), dtype=within.dtype, device=within.device)
    lower = torch.linalg.cholesky(solid)
    half: Tensor = torch.linalg.solve_triangular(lower, across.T, upper=False)
    return kernel - half.T @ half


def _standardized(values: Tensor) -> Tensor:
    spread = values.std(correction=0)
    return (values - values.mean()) / spread if float(spread) > 1e-12 else torch.zeros_like(values)
