"""What a label would change: one rank-one step of all scores, and what it leaves of error, variance and coverage.

For a Gaussian process, such as a very wide network, the step is exact (`LookAhead`). For a last layer it is a Newton
step:

A last layer with softmax and a ridge has the curvature ``sum (diag p - p p') x f f'`` over its labeled items, which
couples classes and features. Here ``diag p - p p'`` is replaced by ``w (I - 1/C)`` with the same trace, so that the
curvature is one small matrix ``A = ridge I + sum w f f'`` for all classes. With two classes it is the curvature itself,
and the step is Newton's; a refit ends near it where a label moves the layer little, as under a strong ridge. `solver`
penalizes every feature it is given, `head_solver` all but the bias.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from askance.errors import unknown
from askance.kernels.roots import factored

Solve = Callable[[Tensor], Tensor]
LOSSES = ("log", "zero-one")

_PIECE = 1 << 17  # elements of a temporary
_STEP = 1 << 19  # of one with classes: 2 MiB of float32
_TINY = 1e-30  # of a weight: labels that are all certain count alike
_LEAST = 1e-3  # what holds a free bias at least: less would leave the second pick of a batch to rounding


def curvature(probabilities: Tensor) -> Tensor:
    """How much an item bends the loss of a last layer: the trace of ``diag p - p p'`` for each free class.

    >>> curvature(torch.tensor([[0.5, 0.5], [1.0, 0.0]]))                      # 2 p (1 - p) with two classes
    tensor([0.5000, 0.0000])

    Args:
        probabilities: (items, classes).

    Returns:
        (items,); from 0, certain, to 1 / classes.
    """
    classes = probabilities.shape[1]
    return (1 - probabilities.square().sum(1)).clamp_(min=0) / max(1, classes - 1)


def lifted(features: Tensor) -> Tensor:
    """Features in float64 with a one behind them, for the bias: (items, features + 1)."""
    wide = torch.ones(len(features), features.shape[1] + 1, dtype=torch.float64, device=features.device)
    wide[:, :-1] = features
    return wide


def solver(known: Tensor, weights: Tensor, ridge: float) -> Solve:
    """What multiplies rows by the inverse of ``A = ridge I + sum w f f'``.

    Args:
        known: Features of the labeled items, float64 (labeled, features).
        weights: The curvature of each, (labeled,).
        ridge: The penalty, above 0.

    Returns:
        A function from (rows, features) to (rows, features).

    Raises:
        BadInput: If the features are infinite or NaN, or too large for their squares.
    """
    root = known * weights.to(known).sqrt().unsqueeze(1)
    wide = len(root) < root.shape[1]  # then the smaller system is that of the items
    square = root @ root.T if wide else root.T @ root
    square.diagonal().add_(ridge)
    factor, wrong = torch.linalg.cholesky_ex(square)
    if int(wrong):  # rounding outweighs the ridge
        factor, jitter = factored(square)
        ridge += jitter * float(square.diagonal().mean())  # both systems below are of one ridge

    def apply(rows: Tensor) -> Tensor:
        if not wide:
            return torch.cholesky_solve(rows.T, factor).T
        return (rows - torch.cholesky_solve(root @ rows.T, factor).T @ root) / ridge

    return apply


def head_solver(known: Tensor, weights: Tensor, ridge: float) -> Solve:
    """What multiplies lifted rows by the inverse of A where the bias is not penalized, as in `Linear`.

    With ``W = sum w`` and ``m = sum w f / W``, what two rows have in common is ``1 / W + (f_u - m)' B^-1 (f_x - m)``,
    where ``B = ridge I + sum w (f - m) (f - m)'``: the same wherever the features have their 0.

    >>> known, point = torch.tensor([[3.0], [5.0]]).double(), torch.tensor([[5.0, 1.0]]).double()
    >>> float((head_solver(known, torch.ones(2), 2.0)(point) * point).sum())  # 1 / 2 + 1 / (2 + 2)
    0.75

    Args:
        known: Features of the labeled items, float64 (labeled, features), without the bias.
        weights: The curvature of each, (labeled,).
        ridge: The penalty on all but the bias, above 0.

    Returns:
        A function from (rows, features + 1) to (rows, features + 1).
    """
    weights = weights.to(known)
    middle = (weights + _TINY) @ known / (weights + _TINY).sum().clamp(min=_TINY)
    total = weights.sum().clamp(min=_LEAST)
    solve = solver(known - middle, weights, ridge)

    def apply(rows: Tensor) -> Tensor:
        bias = rows[:, -1:]
        there = solve(rows[:, :-1] - bias * middle)
        return torch.cat([there, bias / total - there @ middle.unsqueeze(1)], 1)

    return apply


def expected_reduction(
    solve: Solve, rows: Tensor, beliefs: Tensor, others: Tensor, expected: Tensor, *, loss: str = "log", most: int = 10
) -> Tensor:
    """By how much the mean expected error at some items falls when a row gets a label, over the labels it may get.

    Source: Roy & McCallum 2001. Instead of a new fit for every row and label, the scores of the others
    move by one Newton step from where the model is: by ``k(u, x) / (1 + w k(x, x)) (e_y - p_x)``, with
    ``k(u, x) = f_u' A^-1 f_x``.

    >>> nothing = torch.zeros(0, 1, dtype=torch.float64)
    >>> far, half = torch.tensor([[0.0], [1.0]]).double(), torch.full((2, 2), 0.5).double()
    >>> found = expected_reduction(solver(nothing, nothing[:, 0], 1.0), far, half, far, half)
    >>> bool(found[0] == 0) and bool(found[1] > 0)                             # the first row moves nothing
    True

    Args:
        solve: As `head_solver` or `solver` gives it.
        rows: Features of what may be labeled, float64 (rows, features).
        beliefs: Their class probabilities, (rows, classes).
        others: Features of where the error counts, float64 (others, features).
        expected: Their class probabilities, (others, classes).
        loss: ``log``, the entropy, or ``zero-one``, one minus the largest probability.
        most: So many of the likeliest labels are tried, at most.

    Returns:
        (rows,); higher is better.
    """
    if loss not in LOSSES:
        raise unknown("loss", loss, LOSSES)
    beliefs, scores = beliefs.to(rows), expected.to(rows).clamp(min=1e-30).log()
    before = _risk(scores, loss).mean()
    out = torch.empty(len(rows), dtype=rows.dtype, device=rows.device)
    likely = beliefs.topk(min(most, beliefs.shape[1]), dim=1)
    shares = likely.values / likely.values.sum(1, keepdim=True)
    step = max(1, _PIECE // max(1, scores.numel()))
    for start in range(0, len(rows), step):
        part = slice(start, start + step)
        inverse = solve(rows[part])
        stiffness = 1 + curvature(beliefs[part]) * (inverse * rows[part]).sum(1)
        pull = ((others @ inverse.T) / stiffness).T  # (rows, others)
        after = torch.zeros(len(inverse), dtype=rows.dtype, device=rows.device)
        for place in range(shares.shape[1]):
            aim = torch.nn.functional.one_hot(likely.indices[part, place], beliefs.shape[1]) - beliefs[part]
            after += shares[part, place] * _risk(moved(scores, pull, aim), loss).mean(1)
        out[part] = before - after
    return out


def moved(scores: Tensor, pull: Tensor, aims: Tensor) -> Tensor:
    """The scores of others after one step towards each of some targets, (rows, others, classes).

    >>> moved(torch.zeros(1, 2), torch.tensor([[0.5]]), torch.tensor([[1.0, -1.0]]))
    tensor([[[ 0.5000, -0.5000]]])

    Args:
        scores: Of the others, (others, classes).
        pull: How far each of the others goes with a row, (rows, others).
        aims: How far each row is from its target, (rows, classes).
    """
    return scores + pull.unsqueeze(2) * aims.unsqueeze(1)


class LookAhead:
    """The predictions of a Gaussian process after one more label, for many candidates at once.

    With c the posterior covariance and s the variance of the noise, a target y at x moves the prediction at u by
    ``c(u, x) / (c(x, x) + s) (y - f(x))``: what a solve with all labels and this one would give. A label that is taken
    changes the covariance by one outer product.

    Args:
        across: c between the candidates and the others, float64 (rows, others).
        among: c among the candidates, float64 (rows, rows).
        noise: s.
        own: Predictions at the candidates, (rows, classes).
        scores: Predictions at the others, (others, classes).
    """

    def __init__(self, across: Tensor, among: Tensor, noise: float, own: Tensor, scores: Tensor) -> None:
        self.across, self.among, self.noise = across.clone(), among.clone(), noise
        self.own, self.scores = own.to(across, copy=True), scores.to(across, copy=True)

    def pull(self) -> Tensor:
        """How far each of the others goes with a candidate, (rows, others)."""
        left = self.among.diagonal().clamp(min=0) + self.noise
        return self.across / torch.where(left > 0, left, 1.0).unsqueeze(1)

    def each(self, targets: Tensor, say: Callable[[Tensor], Tensor]) -> Tensor:
        """What is to be said of the others' scores once each candidate has its target, (rows,).

        Args:
            targets: (rows, classes).
            say: From scores (some rows, others, classes) to a number for each row.
        """
        pull, aims, scores = self.pull().float(), (targets.to(self.own) - self.own).float(), self.scores.float()
        step = max(1, _STEP // max(1, scores.numel()))  # in single precision: what is said are counts
        parts = [slice(start, start + step) for start in range(0, len(pull), step)]
        return torch.cat([say(moved(scores, pull[some], aims[some])) for some in parts]).double()

    def lengths(self, targets: Tensor) -> Tensor:
        """How far the scores of the others move on average, by their Euclidean distance, (rows,)."""
        aims: Tensor = torch.linalg.vector_norm(targets.to(self.own) - self.own, dim=1)
        return self.pull().abs().mean(1) * aims

    def take(self, place: int, target: Tensor) -> None:
        """Count a candidate as labeled, by its place."""
        left = max(float(self.among[place, place]), 0.0) + self.noise
        if left <= 0:
            return  # it is known already
        aim, own, other = target.to(self.own) - self.own[place], self.among[place].clone(), self.across[place].clone()
        self.own += torch.outer(own / left, aim)
        self.scores += torch.outer(other / left, aim)
        self.across -= torch.outer(own / left, other)
        self.among -= torch.outer(own / left, own)


def flips(before: Tensor) -> Callable[[Tensor], Tensor]:
    """The share of items whose largest score is another one than before, for `LookAhead.each`.

    Args:
        before: (others, classes).
    """
    guesses = before.argmax(1)
    return lambda scores: (scores.argmax(2) != guesses).to(scores).mean(1)


def coverage(own: Tensor) -> Callable[[Tensor], Tensor]:
    """The share of items whose own class has more than any other, for `LookAhead.each`.

    Ties between batches that cover as many items go by how far they are covered: the gap between the own class and the
    next, from -1 to 1, counts a thousandth of an item.

    >>> coverage(torch.tensor([0, 1]))(torch.tensor([[[1.0, 0.0], [0.4, 0.0]]]))  # one of two, gaps of 1 and -0.4
    tensor([0.5003])

    Args:
        own: The class of each item, int64 (others,).
    """

    def say(scores: Tensor) -> Tensor:
        places = own.expand(len(scores), -1).unsqueeze(2)
        mine = scores.gather(2, places).squeeze(2)
        gaps = mine - scores.scatter(2, places, -torch.inf).amax(2)
        return ((gaps > 0).to(scores) + 1e-3 * gaps.clamp(-1, 1)).mean(1)

    return say


def _risk(scores: Tensor, loss: str) -> Tensor:
    """The expected loss under the model's own probabilities, for scores (..., classes)."""
    beliefs = scores.softmax(-1)
    return torch.special.entr(beliefs).sum(-1) if loss == "log" else 1 - beliefs.amax(-1)


def spread(probabilities: Tensor) -> Tensor:
    """How much the probabilities of an item move with its scores: the squared norm of ``diag p - p p'``, (items,).

    >>> spread(torch.tensor([[0.5, 0.5], [1.0, 0.0]]))
    tensor([0.2500, 0.0000])
    """
    squares = probabilities.square()
    pure = squares.sum(1)
    return (pure - 2 * (squares * probabilities).sum(1) + pure.square()).clamp_(min=0)


class Variance:
    """The variance of the predictions at some items, and by how much a label of each candidate lowers it.

    Source: Schein & Ungar 2007 (A-optimality): the sum over items and classes of the variance of the predicted
    probability, ``g' F^-1 g`` with the Fisher information F of the labeled items. With the curvature of this file it is
    the sum of ``s_u f_u' A^-1 f_u``; a label at x lowers it by ``w b / (1 + w a)``, where ``a = f_x' A^-1 f_x`` and
    ``b = f_x' A^-1 S A^-1 f_x`` with ``S = sum s_u f_u f_u'``. A pick changes A^-1 by one outer product, so the next
    one is found in two passes over the features.

    Args:
        solve: As `head_solver` or `solver` gives it, of lifted features.
        features: Of the candidates, (candidates, features) without the bias.
        beliefs: Their class probabilities, (candidates, classes).
        others: Features of the items whose predictions count, lifted, float64 (others, features + 1).
        expected: Their class probabilities, (others, classes).
    """

    def __init__(self, solve: Solve, features: Tensor, beliefs: Tensor, others: Tensor, expected: Tensor) -> None:
        self.solve, self.features, self.others = solve, features, others
        self.weights, self.spreads = curvature(beliefs).double(), spread(expected).double()
        self.towards = others[:0]  # the outer products that picks took from the inverse, (picks, features + 1)
        self.paces = others.new_zeros(0)
        self.leverage, self.shift = (torch.empty_like(self.weights) for _ in range(2))
        step = max(1, _PIECE // max(1, features.shape[1]))
        for start in range(0, len(features), step):
            rows = lifted(features[start : start + step])
            moved = solve(rows)
            self.leverage[start : start + step] = (moved * rows).sum(1)
            for there in range(0, len(moved), max(1, _PIECE // max(1, len(others)))):
                some = slice(there, there + max(1, _PIECE // max(1, len(others))))
                self.shift[start : start + step][some] = (moved[some] @ others.T).square() @ self.spreads

    def reductions(self) -> Tensor:
        """By how much a label of each candidate lowers the variance, float64 (candidates,)."""
        return self.weights * self.shift.clamp(min=0) / (1 + self.weights * self.leverage.clamp(min=0))

    def take(self, place: int) -> None:
        """Count a candidate as labeled, by its place."""
        point = lifted(self.features[place : place + 1])[0]
        weight = float(self.weights[place])
        toward = self._inverse(point)
        pace = weight / (1 + weight * float(point @ toward))
        across = self.others.T @ (self.spreads * (self.others @ toward))
        pair = torch.stack([toward, self._inverse(across)])  # (2, features + 1), for one pass
        near, far = torch.nn.functional.linear(self.features, pair[:, :-1].to(self.features)).double().unbind(1)
        near, far = near + pair[0, -1], far + pair[1, -1]
        self.shift += pace * near * (pace * float(toward @ across) * near - 2 * far)
        self.leverage -= pace * near.square()
        self.towards = torch.cat([self.towards, toward.unsqueeze(0)])
        self.paces = torch.cat([self.paces, self.paces.new_tensor([pace])])

    def _inverse(self, vector: Tensor) -> Tensor:
        return self.solve(vector.unsqueeze(0))[0] - (self.paces * (self.towards @ vector)) @ self.towards
