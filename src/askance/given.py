"""Views over arrays that somebody hands in, and `select`, which asks a strategy about them."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from askance.arrays import HALF, raw, spans, tensor
from askance.errors import BadInput, MissingSignal
from askance.learners.base import Outputs
from askance.seeds import Dice
from askance.signals.base import Rows, Signal, signals_of
from askance.signals.embeddings import Embeddings
from askance.strategies import catalogue
from askance.strategies.base import Strategy
from askance.task import Classes
from askance.view import View

_ARGUMENT = {  # which argument brings which model output
    "scores": "probabilities= or logits= (items, classes)",
    "embeddings": "embeddings= (items, features)",
    "samples": "mc_probabilities= (samples, items, classes)",
}


class Explained(NamedTuple):
    """Picks with what made them wanted.

    Args:
        positions: int64 (picks,), in order of preference.
        utilities: float64 (picks,): the utility or squared distance of each when it was picked; NaN where a strategy
            has none.
    """

    positions: np.ndarray
    utilities: np.ndarray


def select(
    strategy: str | Strategy,
    n: int,
    *,
    probabilities: Any = None,
    logits: Any = None,
    mc_probabilities: Any = None,
    votes: Any = None,
    embeddings: Any = None,
    labeled_embeddings: Any = None,
    labels: Any = None,
    labeled_probabilities: Any = None,
    weights: Any = None,
    gradients: Any = None,
    mask: Any = None,
    seed: int = 0,
    explain: bool = False,
) -> np.ndarray | Explained:
    """Pick items from arrays: no pool, no learner, no study.

    A pure function. Arrays may be of numpy, torch or anything with ``__array__`` or ``__dlpack__``, read-only,
    memory-mapped, in any order, of 16, 32 or 64 bits; they are not changed, and global generators are not touched.

    Args:
        strategy: A name of the catalogue, ``path/mine.py:MyStrategy``, or a `Strategy`.
        n: How many. More than there are candidates gives all of them, in order; 0 gives none.
        probabilities: Class probabilities, (items, classes); rows sum to 1 within 1e-3 (half types 1e-2).
        logits: Scores before the softmax, (items, classes), instead of probabilities.
        mc_probabilities: Probabilities of several stochastic passes, (samples, items, classes); without
            `probabilities` their mean is used.
        votes: Class numbers that several models voted for, (members, items).
        embeddings: Features, (items, features).
        labeled_embeddings: Features of items that are labeled already; they count as chosen. (labeled, features)
        labels: The class numbers of those items, (labeled,).
        labeled_probabilities: Their class probabilities, (labeled, classes).
        weights: The last layer, (classes, features), or with the bias as last column (classes, features + 1).
        gradients: Any gradient features, (items, m).
        mask: Which items may be picked, bool (items,).
        seed: Seed of all dice.
        explain: Also return what made each pick wanted.

    Returns:
        Positions in order of preference, int64 (picks,); with ``explain`` an `Explained`.

    Raises:
        MissingSignal: If the strategy needs an array that was not handed in.
        UnknownName: If no strategy has this name.
        BadInput: For NaN or infinite values (row and column), wrong sums (row), shapes that do not fit.
    """
    asked = catalogue.strategy(strategy)
    if n < 0:
        raise BadInput(f"n={n} is negative. Ask for 0 items or more.")
    paper = view(
        probabilities=probabilities,
        logits=logits,
        mc_probabilities=mc_probabilities,
        votes=votes,
        embeddings=embeddings,
        labeled_embeddings=labeled_embeddings,
        labels=labels,
        labeled_probabilities=labeled_probabilities,
        weights=weights,
        gradients=gradients,
        mask=mask,
        seed=seed,
        strategy=asked,
    )
    picked = asked.query(paper, min(n, len(paper.candidates)))
    positions = picked.rows.cpu().numpy().astype(np.int64)
    if not explain:
        return positions
    utilities = [note.get("utility", float("nan")) for note in picked.notes]
    return Explained(positions, np.array(utilities, dtype=np.float64))


def view(
    *,
    probabilities: Any = None,
    logits: Any = None,
    mc_probabilities: Any = None,
    votes: Any = None,
    embeddings: Any = None,
    labeled_embeddings: Any = None,
    labels: Any = None,
    labeled_probabilities: Any = None,
    weights: Any = None,
    gradients: Any = None,
    mask: Any = None,
    labeled: Sequence[int] = (),
    pending: Sequence[int] = (),
    seed: int = 0,
    strategy: Strategy | None = None,
) -> View:
    """A view over arrays: the pool of a doctest, and what `select` asks about.

    Args as in `select`, and:
        labeled: Positions that are labeled, for small examples; their targets are unknown.
        pending: Positions that are asked and not answered.
        strategy: Whose needs to check; only its signals may be read.
    """
    outputs = _outputs(probabilities, logits, mc_probabilities, embeddings)
    sizes = _sizes(outputs, mc_probabilities, votes, gradients)
    if not sizes and mask is None:
        raise BadInput("No array was handed in. Give at least one of probabilities=, logits= and embeddings=.")
    items = next(iter(sizes.values())) if sizes else len(mask)
    for name, size in sizes.items():
        if size != items:
            raise BadInput(f"{name} has {size} items, and another array has {items}. Hand in arrays of the same items.")
    beyond = _outside(outputs, labeled_embeddings, labels, labeled_probabilities, weights)
    given = {name for name in ("scores", "embeddings") if getattr(outputs, name) is not None}
    given |= {"scores"} if outputs.probabilities is not None else set()
    for signal in signals_of(strategy) if strategy is not None else ():
        _check_given(strategy, signal, given)
    width = next((int(a.shape[-1]) for a in (outputs.probabilities, outputs.scores) if a is not None), 2)
    task = Classes(tuple(range(width)))
    known = torch.tensor(sorted({*labeled, *pending}), dtype=torch.int64)

    @cache
    def read(signal: Signal) -> Rows:
        _check_given(strategy, signal, given)
        return signal.rows(outputs, task)

    return View(
        name=lambda rows: rows.tolist(),
        keys=torch.arange(items),
        task=task,
        candidates=_candidates(mask, items, known),
        labeled=torch.tensor(sorted(labeled), dtype=torch.int64),
        targets=torch.zeros(len(labeled), width, dtype=torch.float64),
        pending=torch.tensor(sorted(pending), dtype=torch.int64),
        aside=torch.zeros(0, dtype=torch.int64),
        dice=Dice(seed, "ask"),
        read=read,
        declared=frozenset(signals_of(strategy)) if strategy is not None else None,
        beyond=lambda signal: beyond if isinstance(signal, Embeddings) else None,
    )


def _outputs(probabilities: Any, logits: Any, mc_probabilities: Any, embeddings: Any) -> Outputs:
    if probabilities is not None and logits is not None:
        raise BadInput("Both probabilities= and logits= are given. Hand in one of them.")
    shares = _shares(probabilities, "probabilities", 2) if probabilities is not None else None
    if mc_probabilities is not None:
        passes = _shares(mc_probabilities, "mc_probabilities", 3)
        if shares is None and logits is None:
            shares = passes.mean(0)
    return Outputs(
        scores=tensor(logits, "logits") if logits is not None else None,
        probabilities=shares,
        embeddings=tensor(embeddings, "embeddings") if embeddings is not None else None,
    )


def _shares(value: Any, name: str, dims: int) -> Tensor:
    """Probabilities, checked row by row."""
    loose = 1e-2 if raw(value, name).dtype in HALF else 1e-3
    array = tensor(value, name, dims)
    flat = array.reshape(-1, array.shape[-1]) if array.is_contiguous() else array.flatten(0, -2)
    for start, stop in spans(len(flat), 1 << 18):
        part = flat[start:stop]
        bad = ((part.sum(1) - 1).abs() > loose) | (part < 0).any(1)
        if bool(bad.any()):
            row = int(bad.nonzero()[0])
            where = (
                start + row
                if dims == 2
                else f"{(start + row) % array.shape[1]} of sample {(start + row) // array.shape[1]}"
            )
            raise BadInput(
                f"{name} row {where} sums to {float(part[row].sum()):.4f} with a least value of "
                f"{float(part[row].min()):.4f}; a row must sum to 1 and hold nothing negative. "
                f"For scores before the softmax use logits=."
            )
    return array


def _sizes(outputs: Outputs, mc_probabilities: Any, votes: Any, gradients: Any) -> dict[str, int]:
    """How many items each array has."""
    sizes = {}
    for name in ("probabilities", "scores", "embeddings"):
        array = getattr(outputs, name)
        if array is not None:
            sizes["logits" if name == "scores" else name] = len(array)
    if mc_probabilities is not None:
        sizes["mc_probabilities"] = raw(mc_probabilities, "mc_probabilities").shape[1]
    if votes is not None:
        voted = raw(votes, "votes")
        if voted.ndim != 2 or voted.is_floating_point() or (voted.numel() and int(voted.min()) < 0):
            raise BadInput(
                f"votes must be whole class numbers from 0, (members, items); it is {voted.dtype} of shape "
                f"{tuple(voted.shape)}. Hand in the class that each member votes for."
            )
        sizes["votes"] = voted.shape[1]
    if gradients is not None:
        sizes["gradients"] = len(tensor(gradients, "gradients"))
    return sizes


def _outside(outputs: Outputs, embeddings: Any, labels: Any, probabilities: Any, weights: Any) -> Tensor | None:
    """The embeddings of labeled items, after checking that all arrays about them fit."""
    known = tensor(embeddings, "labeled_embeddings") if embeddings is not None else None
    own = outputs.embeddings
    if known is not None and own is not None and known.shape[1] != own.shape[1]:
        raise BadInput(
            f"labeled_embeddings have {known.shape[1]} features and embeddings have {own.shape[1]}. "
            f"Take both from the same model."
        )
    if labels is not None:
        numbers = raw(labels, "labels")
        if numbers.ndim != 1 or (known is not None and len(numbers) != len(known)):
            raise BadInput(
                f"labels have shape {tuple(numbers.shape)}, and labeled_embeddings have "
                f"{0 if known is None else len(known)} rows. Hand in one class number for each labeled row."
            )
    if probabilities is not None:
        shares = _shares(probabilities, "labeled_probabilities", 2)
        if known is not None and len(shares) != len(known):
            raise BadInput(
                f"labeled_probabilities have {len(shares)} rows and labeled_embeddings have {len(known)}. "
                f"Hand in both for the same items."
            )
    if weights is not None:
        layer = tensor(weights, "weights")
        if own is not None and layer.shape[1] - own.shape[1] not in (0, 1):
            raise BadInput(
                f"weights have {layer.shape[1]} columns and embeddings have {own.shape[1]} features. "
                f"Hand in (classes, features), or (classes, features + 1) with the bias last."
            )
    if known is not None and own is not None:
        known = known.to(own.dtype)
    return known


def _check_given(strategy: Strategy | None, signal: Signal, given: set[str]) -> None:
    asker = catalogue.name_of(strategy) if strategy is not None else "The strategy"
    if signal.of is not None or signal.age or signal.records:
        raise MissingSignal(
            f"{asker} reads {signal}, which only a study can give: it fits companions and keeps earlier models. "
            f"Use Study(pool, strategy=...)."
        )
    lacking = [_ARGUMENT.get(name, f"{name}=") for name in sorted(signal.needs - given)]
    if lacking:
        raise MissingSignal(f"{asker} needs {' and '.join(lacking)}. Hand it in.")


def _candidates(mask: Any, items: int, known: Tensor) -> Tensor:
    if mask is None:
        allowed = torch.ones(items, dtype=torch.bool)
    else:
        given = raw(mask, "mask")
        if given.dtype != torch.bool or tuple(given.shape) != (items,):
            raise BadInput(
                f"mask must be bool of shape ({items},); it is {given.dtype} of shape {tuple(given.shape)}. "
                f"True means that an item may be picked."
            )
        allowed = given.clone()
    allowed[known] = False
    return allowed.nonzero().squeeze(1)
