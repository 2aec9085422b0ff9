"""Arrays from outside: read, and held against each other before anybody computes with them."""

from __future__ import annotations

from dataclasses import dataclass
from operator import index
from typing import Any

import torch
from torch import Tensor

from askance.arrays import HALF, raw, spans, tensor
from askance.errors import BadInput
from askance.learners.base import Outputs

_LONG = 1 << 18  # numbers; of fewer, one pass or three makes no difference


@dataclass(frozen=True, eq=False)
class Arrays:
    """What was handed in, of any framework and unread; `askance.select` says what each of them is."""

    probabilities: Any = None
    logits: Any = None
    mc_probabilities: Any = None
    votes: Any = None
    embeddings: Any = None
    labeled_embeddings: Any = None
    labels: Any = None
    labeled_probabilities: Any = None
    weights: Any = None
    gradients: Any = None
    mask: Any = None


@dataclass(frozen=True, eq=False)
class Checked:
    """Arrays that fit together.

    Args:
        items: How many items they are about.
        outputs: What a model would have given for the items.
        outside: What it would have given for labeled items that are none of them; None where there are none.
        targets: One-hot labels of those, (labeled, classes); None where they are not known.
        allowed: Which items may be picked, bool (items,).
    """

    items: int
    outputs: Outputs
    outside: Outputs | None
    targets: Tensor | None
    allowed: Tensor

    @property
    def given(self) -> frozenset[str]:
        """The model outputs that are there, by the names that signals use."""
        own = self.outputs
        found = {
            "scores": any(array is not None for array in (own.scores, own.probabilities, own.sampled)),
            "embeddings": own.embeddings is not None,
            "samples": own.sampled is not None,
            "votes": own.sampled is not None or own.votes is not None,
            "layer": own.layer is not None,
            "differentiable": own.layer is not None and own.embeddings is not None,
        }
        return frozenset(name for name, there in found.items() if there) | own.extras.keys()

    @property
    def classes(self) -> int:
        """How many classes the arrays are of; 2 where none of them says."""
        own = self.outputs
        both = (own.probabilities, own.scores, own.sampled)
        found = next((int(array.shape[-1]) for array in both if array is not None), 0)
        voted = int(own.votes.max()) + 1 if own.votes is not None and own.votes.numel() else 0
        return found or max(2, 0 if self.targets is None else self.targets.shape[1], voted)


def check(arrays: Arrays) -> Checked:
    """Read the arrays, sharing their memory where their type allows.

    Raises:
        BadInput: For NaN or infinite values (row and column), wrong sums (row), shapes that do not fit.
    """
    outputs = _outputs(arrays)
    sizes = _sizes(outputs, arrays)
    if not sizes and arrays.mask is None:
        raise BadInput("No array was handed in. Give at least one of probabilities=, logits= and embeddings=.")
    first, items = next(iter(sizes.items())) if sizes else ("mask", raw(arrays.mask, "mask").numel())
    for name, size in sizes.items():
        if size != items:
            raise BadInput(f"{name} has {size} items and {first} has {items}. Hand in arrays of the same items.")
    outside = _outside(outputs, arrays)
    return Checked(items, outputs, outside, _targets(arrays, outputs), _allowed(arrays.mask, items))


def whole(name: str, value: Any) -> int:
    """A whole number of any kind as Python's own."""
    try:
        return index(value)
    except TypeError:
        raise BadInput(f"{name}={value!r} is no whole number. Give one, such as {name}=10.") from None


def _outputs(arrays: Arrays) -> Outputs:
    probabilities, logits, embeddings = arrays.probabilities, arrays.logits, arrays.embeddings
    if probabilities is not None and logits is not None:
        raise BadInput("Both probabilities= and logits= are given. Hand in one of them.")
    shares = _shares(probabilities, "probabilities", 2) if probabilities is not None else None
    passes = None
    if arrays.mc_probabilities is not None:
        passes = _shares(arrays.mc_probabilities, "mc_probabilities", 3)
        if shares is not None:
            _same_classes("mc_probabilities", passes.shape[-1], "columns", shares)
    return Outputs(
        scores=_scores(logits) if logits is not None else None,
        probabilities=shares,
        embeddings=tensor(embeddings, "embeddings") if embeddings is not None else None,
        sampled=passes.transpose(0, 1) if passes is not None else None,
        votes=_votes(arrays.votes) if arrays.votes is not None else None,
        layer=_layer(arrays.weights, arrays.embeddings) if arrays.weights is not None else None,
        extras={"gradients": tensor(arrays.gradients, "gradients")} if arrays.gradients is not None else {},
    )


def _scores(logits: Any) -> Tensor:
    array = tensor(logits, "logits")
    if not array.shape[1]:
        raise BadInput(f"logits has the shape {tuple(array.shape)}. Hand in at least one class.")
    return array


def _shares(value: Any, name: str, dims: int) -> Tensor:
    """Probabilities, checked row by row."""
    given = raw(value, name)
    loose = 1e-2 if given.dtype in HALF else 1e-3
    if _sums_to_one(given, dims, loose):
        return given
    array = tensor(value, name, dims)
    if not array.shape[-1] or (dims > 2 and not len(array)):
        raise BadInput(f"{name} has the shape {tuple(array.shape)}. Hand in at least one class, and one sample.")
    flat = array.reshape(-1, array.shape[-1]) if array.is_contiguous() else array.flatten(0, -2)
    for start, stop in spans(len(flat), 1 << 18):
        part = flat[start:stop]
        off = (torch.mv(part, part.new_ones(part.shape[1])) - 1).abs()
        bad = off > loose
        if bool(part.amin() < 0):
            bad |= (part < 0).any(1)
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


def _sums_to_one(given: Tensor, dims: int, loose: float) -> bool:
    """Whether a long array is fine as it is, found in a single pass; what is not is looked at again, for its error."""
    if given.numel() < _LONG or given.ndim != dims or given.dtype not in (torch.float32, torch.float64):
        return False
    if given.device.type != "cpu" or not given.is_contiguous():
        return False
    from askance.kernels.scores import unlike_shares  # loads numba, which short arrays can do without

    return not unlike_shares(given.reshape(-1, given.shape[-1]), loose)


def _sizes(outputs: Outputs, arrays: Arrays) -> dict[str, int]:
    """How many items each array has."""
    sizes = {}
    for name in ("probabilities", "scores", "embeddings"):
        array = getattr(outputs, name)
        if array is not None:
            sizes["logits" if name == "scores" else name] = len(array)
    if arrays.mc_probabilities is not None:
        sizes["mc_probabilities"] = raw(arrays.mc_probabilities, "mc_probabilities").shape[1]
    if arrays.votes is not None:
        assert outputs.votes is not None
        sizes["votes"] = len(outputs.votes)
    if arrays.gradients is not None:
        sizes["gradients"] = len(outputs.extras["gradients"])
    return sizes


def _votes(value: Any) -> Tensor:
    """Votes, items first."""
    voted = raw(value, "votes")
    if voted.ndim != 2 or voted.is_floating_point() or (voted.numel() and int(voted.min()) < 0):
        raise BadInput(
            f"votes must be whole class numbers from 0, (members, items); it is {voted.dtype} of shape "
            f"{tuple(voted.shape)}. Hand in the class that each member votes for."
        )
    if not len(voted):
        raise BadInput("votes has no member. Hand in the votes of at least one.")
    return voted.to(torch.int64).T


def _layer(weights: Any, embeddings: Any) -> Tensor:
    """The last layer with the bias as last column; a bias of zero where none was handed in."""
    layer = tensor(weights, "weights")
    width = raw(embeddings, "embeddings").shape[-1] if embeddings is not None else None
    return torch.nn.functional.pad(layer, (0, 1)) if layer.shape[1] == width else layer


def _targets(arrays: Arrays, outputs: Outputs) -> Tensor | None:
    """The labels of items outside of the pool, one-hot."""
    if arrays.labels is None:
        return None
    numbers = raw(arrays.labels, "labels").to(torch.int64)
    both = (outputs.probabilities, outputs.scores, outputs.sampled)
    classes = next((array.shape[-1] for array in both if array is not None), None)
    most = int(numbers.max()) if len(numbers) else 0
    if len(numbers) and (int(numbers.min()) < 0 or (classes is not None and most >= classes)):
        count = classes or most + 1
        bad = int(((numbers < 0) | (numbers >= count)).nonzero()[0])
        raise BadInput(
            f"labels hold {int(numbers[bad])} at row {bad}, and the classes are numbered 0 to {count - 1}. Hand in "
            f"the number of each label's column in the scores."
        )
    return torch.nn.functional.one_hot(numbers, classes or max(2, most + 1)).to(torch.float64)


def _outside(outputs: Outputs, arrays: Arrays) -> Outputs | None:
    """What is known of labeled items outside of the pool, after checking that all arrays about them fit."""
    given = arrays.labeled_embeddings
    known = tensor(given, "labeled_embeddings") if given is not None else None
    own = outputs.embeddings
    if known is not None and own is not None and known.shape[1] != own.shape[1]:
        raise BadInput(
            f"labeled_embeddings have {known.shape[1]} features and embeddings have {own.shape[1]}. "
            f"Take both from the same model."
        )
    if arrays.labels is not None:
        numbers = raw(arrays.labels, "labels")
        if numbers.is_floating_point():
            raise BadInput(f"labels are {numbers.dtype}. Hand in whole class numbers, one for each labeled row.")
        if numbers.ndim != 1 or (known is not None and len(numbers) != len(known)):
            raise BadInput(
                f"labels have shape {tuple(numbers.shape)}, and labeled_embeddings have "
                f"{0 if known is None else len(known)} rows. Hand in one class number for each labeled row."
            )
    shares = None
    if arrays.labeled_probabilities is not None:
        shares = _shares(arrays.labeled_probabilities, "labeled_probabilities", 2)
        if known is not None and len(shares) != len(known):
            raise BadInput(
                f"labeled_probabilities have {len(shares)} rows and labeled_embeddings have {len(known)}. "
                f"Hand in both for the same items."
            )
        _same_classes("labeled_probabilities", shares.shape[1], "columns", *_believed(outputs))
    if arrays.weights is not None:
        layer = tensor(arrays.weights, "weights")
        _same_classes("weights", len(layer), "rows", *_believed(outputs))
        if own is not None and layer.shape[1] - own.shape[1] not in (0, 1):
            raise BadInput(
                f"weights have {layer.shape[1]} columns and embeddings have {own.shape[1]} features. "
                f"Hand in (classes, features), or (classes, features + 1) with the bias last."
            )
    if known is not None and own is not None:
        known = known.to(own.dtype)
    if known is None and shares is None:
        return None
    return Outputs(embeddings=known, probabilities=shares)


def _believed(outputs: Outputs) -> list[Tensor | None]:
    """The arrays of the pool that have a column for each class."""
    passes = outputs.sampled
    return [outputs.probabilities, outputs.scores, passes[:, 0] if passes is not None else None]


def _same_classes(name: str, classes: int, axis: str, *others: Tensor | None) -> None:
    for other in others:
        if other is not None and other.shape[1] != classes:
            raise BadInput(
                f"{name} have {classes} {axis}, one per class, and the pool's scores have {other.shape[1]} columns. "
                f"Take both from the same model."
            )


def _allowed(mask: Any, items: int) -> Tensor:
    if mask is None:
        return torch.ones(items, dtype=torch.bool)
    given = raw(mask, "mask")
    if given.dtype != torch.bool or tuple(given.shape) != (items,):
        raise BadInput(
            f"mask must be bool of shape ({items},); it is {given.dtype} of shape {tuple(given.shape)}. "
            f"True means that an item may be picked."
        )
    return given
