"""A tree of clusters, the part of it that labels tell apart, and draws from where the majority is least certain."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from askance.kernels.finite import check_squares

Array = np.ndarray[Any, np.dtype[Any]]


@dataclass(frozen=True)
class Tree:
    """Clusters joined two by two. Nodes are the leaves, then the joins in order; the last one is the root.

    Args:
        children: The two nodes of each join, int64 (leaves - 1, 2).
        sizes: How many items each node has, (nodes,).
    """

    children: Array
    sizes: Array

    @property
    def leaves(self) -> int:
        """How many leaves."""
        return len(self.children) + 1

    def sums(self, of_leaves: Array) -> Array:
        """What the leaves of each node have together, (nodes, ...), from what each leaf has."""
        total = np.concatenate([of_leaves, np.zeros((len(self.children), *of_leaves.shape[1:]))])
        for join, (one, other) in enumerate(self.children):
            total[self.leaves + join] = total[one] + total[other]
        return total


def joined(centers: Tensor, sizes: Tensor) -> Tree:
    """The tree of Ward's method over the centers of small clusters.

    >>> joined(torch.tensor([[0.0], [5.0], [1.0]]), torch.tensor([1, 2, 1])).children
    array([[0, 2],
           [1, 3]])

    Args:
        centers: (leaves, features).
        sizes: How many items each has, (leaves,).

    Raises:
        BadInput: If a squared distance may be infinite or NaN.
    """
    from scipy.cluster.hierarchy import ward

    children = np.zeros((0, 2), dtype=np.int64)
    if len(centers) > 1:
        check_squares((centers - centers.mean(0)).double())
        children = ward(centers.double().cpu().numpy())[:, :2].astype(np.int64)
    tree = Tree(children, np.zeros(0))
    return Tree(children, tree.sums(sizes.double().cpu().numpy()))


def pruned(tree: Tree, counts: Array, beta: float = 2.0) -> tuple[list[int], list[int], Array]:
    """The nodes that cut the tree where labels say so, and the label of each with how unsure it is.

    Source: Dasgupta & Hsu 2008: with p the share of a label among those seen in a node, its bounds are p -+
    (c / n + sqrt(c p (1 - p) / n)), where c = 1 - n / size is the usual correction for small nodes. A
    label is admissible if 1 - lower < beta (1 - upper) for every other one. The score of a node with a label is 1 - p
    if that is admissible, else 1; or that of its children, by their sizes, if it has an admissible label, which they
    inherit. The cut is that of the best score.

    Args:
        tree: The tree.
        counts: How many labels of each class were seen in each leaf, (leaves, classes).
        beta: How much better than all others a label must be.

    Returns:
        The nodes of the cut, their labels, and 1 minus the lower bound of each, (nodes of the cut,).
    """
    seen = tree.sums(counts)
    lower, shares, admissible = _bounds(tree, seen, beta)
    own = np.where(admissible, 1 - shares, 1.0)  # the score of a node that stays whole, with each label
    split = np.full_like(own, np.inf)
    score = own.copy()
    label = np.tile(np.arange(counts.shape[1]), (len(own), 1))  # which label a node takes that inherits each
    for node in range(len(own)):
        if node >= tree.leaves:
            one, other = tree.children[node - tree.leaves]
            both = (tree.sizes[one] * score[one] + tree.sizes[other] * score[other]) / max(tree.sizes[node], 1)
            split[node, admissible[node]] = both[admissible[node]]
        here = np.minimum(own[node], split[node])
        score[node] = here
        if admissible[node].any():
            best = int(np.where(admissible[node], here, np.inf).argmin())
            better = here[best] < here
            score[node, better], label[node, better] = here[best], best
    cut: list[int] = []
    labels: list[int] = []
    waiting = [(len(own) - 1, 0)]
    while waiting:
        node, inherited = waiting.pop()
        said = int(label[node, inherited])
        if split[node, said] < own[node, said]:
            one, other = tree.children[node - tree.leaves]
            waiting += [(int(other), said), (int(one), said)]
        else:
            cut.append(node)
            labels.append(said)
    return cut, labels, 1 - lower[cut, labels]


def draws(tree: Tree, cut: list[int], weights: Array, leaves: Tensor, order: Tensor, throws: Tensor) -> Tensor:
    """Items drawn from the nodes of a cut, each node in proportion to its weight while it has any left.

    Args:
        tree: The tree.
        cut: Its nodes.
        weights: How often each is drawn, (nodes of the cut,), at least 0; nodes without weight come last.
        leaves: The leaf of each entry of ``order``, int64.
        order: The items, in the order in which each node gives its own, int64.
        throws: A number in (0, 1) for each draw, (draws,); at most as many as there are items.

    Returns:
        int64 (draws,).
    """
    belongs = np.zeros(tree.leaves, dtype=np.int64)
    for place, top in enumerate(cut):
        waiting = [top]
        while waiting:
            node = waiting.pop()
            if node < tree.leaves:
                belongs[node] = place
            else:
                waiting += tree.children[node - tree.leaves].tolist()
    places = belongs[leaves.cpu().numpy()]
    queues = [np.flatnonzero(places == place)[::-1].tolist() for place in range(len(cut))]
    picked: list[int] = []
    for throw in throws.tolist():
        open_ = np.array([bool(queue) for queue in queues])
        now = np.where(open_, weights, 0.0)
        if not now.sum() > 0:
            now = open_ * np.array([float(len(queue)) for queue in queues])
        sums = now.cumsum()
        place = min(int(np.searchsorted(sums, throw * sums[-1], side="right")), int(np.flatnonzero(now)[-1]))
        picked.append(queues[place].pop())
    return order[torch.tensor(picked, dtype=torch.int64, device=order.device)]


def _bounds(tree: Tree, seen: Array, beta: float) -> tuple[Array, Array, Array]:
    total = seen.sum(1, keepdims=True)
    told = np.maximum(total, 1e-12)
    shares = seen / told
    small = np.clip(1 - total / np.maximum(tree.sizes[:, None], 1), 0, 1)
    off = small / told + np.sqrt(small * shares * (1 - shares) / told)
    lower, upper = np.clip(shares - off, 0, 1), np.clip(shares + off, 0, 1)
    lower[total[:, 0] <= 0], upper[total[:, 0] <= 0] = 0, 1
    room = 1 - upper  # what is certainly of another label
    least = np.full_like(room, np.inf)  # among the other labels
    if room.shape[1] > 1:
        two = np.partition(room, 1, axis=1)[:, :2]
        least = np.where(room == two[:, :1], two[:, 1:], two[:, :1])  # ties: both see the same value
    return lower, shares, (1 - lower < beta * least) & (total > 0)
