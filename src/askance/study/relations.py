"""What the labels of a study say to each other: which are redundant, and which contradict each other."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from askance import arrays
from askance.errors import BadInput, MissingSignal
from askance.learners.base import Model
from askance.look import threads
from askance.signals.gradients import signed
from askance.signals.tangents import tangents
from askance.task import Classes
from askance.utilities.relations import Pairs, extreme_pairs, most_like

if TYPE_CHECKING:
    from askance.study.study import Study


@dataclass(frozen=True)
class Related:
    """Two labeled items.

    Args:
        ids: Their ids.
        labels: What they were told to be.
        similarity: The cosine between what their labels teach: 1, either one says what the other says; 0, they have
            nothing to do with each other; -1, what one teaches, the other unteaches.
    """

    ids: tuple[Any, Any]
    labels: tuple[Any, Any]
    similarity: float


@dataclass(frozen=True)
class Odd:
    """A labeled item that other labels speak against.

    Args:
        id: Its id.
        label: What it was told to be.
        like: The other label that it is most like.
        margin: Its mean similarity with the others of its own label, less that with those of the other one.
    """

    id: Any
    label: Any
    like: Any
    margin: float


@dataclass(frozen=True)
class Relations:
    """What the labels of a study say to each other.

    Args:
        redundant: The pairs of one label that are most alike: one of the two was hardly worth its label.
        contradicting: The pairs that work most against each other: worth a second look.
        odd: The items that are least like their own label and most like another one, the oddest first: of wrong labels
            nearly all are here before nearly all right ones.
        within: By label, the mean similarity of its items with each other.
    """

    redundant: tuple[Related, ...]
    contradicting: tuple[Related, ...]
    odd: tuple[Odd, ...]
    within: Mapping[Any, float]


def relations(study: Study, *, most: int = 20, dim: int = 4096) -> Relations:
    """Which labels are redundant and which contradict each other, by the latest model. [guo2024lpntk]

    Two labels are alike as far as one step of training on the one moves the scores that the other asks for: lpNTK,
    ``s(y)' J J'' s(y')`` with the Jacobians of both items and s of 1 at the label and -1 elsewhere. It is the inner
    product of one gradient for each item, and taken here as a cosine. The gradients are sketched.

    With many classes most of s is -1 for any label, and as published hardly any two labels contradict each other. A
    step that moves all scores alike changes no probability, so for contradictions, and only there, s is taken less its
    mean: a departure from the paper.

    Args:
        study: Of classes, with a learner whose models can be differentiated. Its latest model is fitted if it is not
            there; nothing is asked or written but that.
        most: So many pairs of each kind, and so many odd items, at most.
        dim: The width of the sketch; the error of a cosine is about one over its root.

    Raises:
        BadInput: If the study is of something else than classes, or has fewer than two labels.
        MissingSignal: If the learner gives no gradients.
    """
    study.refresh()
    if not isinstance(study.task, Classes):
        raise BadInput(f"Labels contradict each other in classes, and the items are labeled with {study.task}.")
    if most < 1:
        raise BadInput(f"relations(most={most}) names nothing. Use 1 or more.")
    learner = study.learner
    if "differentiable" not in learner.gives:
        raise MissingSignal(
            f"relations() takes gradients, and {type(learner).__name__} gives none. Use a linear head or a network, "
            f"such as Linear() or Torch(Mlp())."
        )
    model = study.model()
    rows, targets = study.state.labeled, study.state.targets[0]
    if len(rows) < 2:
        raise BadInput(f"{len(rows)} labels say nothing to each other. Tell at least two.")
    labels = targets.argmax(1)
    with threads(study.state.threads):
        items = arrays.take(study.pool.items, rows)
        published, centered = (
            label_features(model, items, labels, study.task.width, dim, flag) for flag in (False, True)
        )
    return _report(study, rows, labels, published, centered, most)


def label_features(
    model: Model, items: Tensor, labels: Tensor, width: int, dim: int = 4096, centered: bool = False
) -> Tensor:
    """The gradients that labels ask for, sketched: the features of lpNTK, float32 (items, at most ``dim``).

    Args:
        model: It gives ``differentiable``.
        items: At least one.
        labels: Their classes, int64 (items,).
        width: How many classes there are.
        dim: The width of the sketch.
        centered: Whether s is taken less its mean over the classes.
    """
    vectors = signed(labels, torch.zeros(len(labels), width))
    if centered:
        vectors = vectors - vectors.mean(1, keepdim=True)
    with torch.no_grad():
        return tangents(model.differentiable(), items, vectors, dim=dim)


def _report(study: Study, rows: Tensor, labels: Tensor, features: Tensor, centered: Tensor, most: int) -> Relations:
    names, classes = study.pool.names(rows), study.task
    assert isinstance(classes, Classes)
    told = [classes.names[label] for label in labels.tolist()]

    def related(pairs: Pairs) -> tuple[Related, ...]:
        each = zip(pairs.ones.tolist(), pairs.others.tolist(), pairs.similarity.tolist(), strict=True)
        return tuple(Related((names[a], names[b]), (told[a], told[b]), value) for a, b, value in each)

    kinds = sorted(set(labels.tolist()))
    own, other, best = most_like(features, labels)
    margins = own - other
    oddest = margins.argsort(stable=True)[:most].tolist() if len(kinds) > 1 else []
    odd = tuple(Odd(names[at], told[at], classes.names[int(best[at])], float(margins[at])) for at in oddest)
    redundant: list[Related] = []
    for label in kinds:
        inside = (labels == label).nonzero().squeeze(1)
        alike, _ = extreme_pairs(features[inside], most)
        redundant += related(Pairs(inside[alike.ones], inside[alike.others], alike.similarity))
    redundant.sort(key=lambda pair: -pair.similarity)
    within = {classes.names[c]: float(own[labels == c].mean()) for c in kinds}
    return Relations(tuple(redundant[:most]), related(extreme_pairs(centered, most)[1]), odd, within)
