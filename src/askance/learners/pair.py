"""Two small networks: one predicts the classes, and one, from the gradient of the first, how wrong that will be."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import normalize, pad, relu

from askance.arrays import spans, take
from askance.errors import BadInput
from askance.learners.base import Learner, Lesson, Model, Outputs
from askance.seeds import Dice
from askance.task import Classes

Net = dict[str, Tensor]  # in (hidden, inputs), in_bias, out (outputs, hidden), out_bias

_PIECE = 1 << 22  # elements of a temporary
_LEAST = 1e-4  # what a class is given at least, as its logarithm is taken


@dataclass(frozen=True)
class NeuralPair(Learner):
    """A network that is trained on 0 and 1 for each class, and one that is trained on what the first misses.

    The first, f1, exploits. The second, f2, explores: it reads the gradient of f1 by all its parameters, as the means
    of ``width`` equal blocks, at length one, and predicts ``y - f1``. What it is taught for an item is what f1 said
    before it learned from that item, and the gradient of that time; so f1 and f2 go on from the model before, and what
    was taught stays with it. The value of a class is ``f1 + f2 / t``, t counting the fits. In released code t is the
    place of an item in the pool, so that those late in the pool are not explored; here all items have the same one.

    With ``arms`` it is the pair of I-NeurAL: a class is the item put in the block of that class in a vector of zeros,
    and both networks give one number for it. [ban2022improved] Its released code reads the gradient by the input and
    teaches f2 ``y - f1 - f2``; here, as in the paper, it is by the parameters, and f2 learns what f1 misses. Without
    ``arms`` it is that of NeurONAL: both networks give a number for each class. [ban2024neural]

    It gives ``values``, ``exploit``, ``explore``, and ``ntk_width``, ``sqrt(sum g^2 / Z)`` with g the gradient of the
    summed outputs of f1 and Z the ridge and the sum of g^2 over what is labeled. [wang2021neural]

    Args:
        arms: Whether a class is a place of the item.
        hidden: Units of the one hidden layer of both networks.
        width: Blocks of the gradient.
        epochs: Walks through the labeled items at each fit.
        rate: Of Adam.
        batch: Items in a step.
        fade: Whether what f2 says counts less from fit to fit.
        ridge: Where Z begins.
    """

    arms: bool = False
    hidden: int = 100  # this and all below: authors' code
    width: int = 51
    epochs: int = 10
    rate: float = 1e-3
    batch: int = 64
    fade: bool = True
    ridge: float = 1.0

    def __post_init__(self) -> None:
        if min(self.hidden, self.width, self.epochs, self.batch) < 1 or not (self.rate > 0 and self.ridge > 0):
            raise BadInput(f"{self} learns nothing. All numbers must be above 0; leave them out for the authors'.")

    @property
    def gives(self) -> frozenset[str]:
        return frozenset({"scores", "embeddings", "values", "exploit", "explore", "ntk_width"})

    @property
    def remembers(self) -> bool:
        return True

    def fit(self, lesson: Lesson) -> Paired:
        if not isinstance(lesson.task, Classes):
            raise BadInput(f"NeuralPair learns classes, and the task is {type(lesson.task).__name__}. Use Linear().")
        rows = lesson.labeled[lesson.keys[lesson.labeled].argsort()]  # by key, so that the pool's order cannot matter
        places = lesson.keys[lesson.labeled].argsort()
        keys, items = lesson.keys[rows], _flat(take(lesson.items, rows))
        targets, weights = lesson.targets[places].float(), lesson.weights[places].float()
        before = self._before(lesson, items.shape[1])
        if not len(rows) or not lesson.task.width:
            return before
        guesses, gradients = before.remembered(keys, items)
        dice, at = lesson.dice, Taught(keys, weights, self)
        exploit = at.train(
            before.exploit, lambda net, some: net_values(net, items[some], self.arms), targets, dice.of("f1")
        )
        explore = at.train(
            before.explore,
            lambda net, some: _explored(net, gradients[some], self.arms),
            targets - guesses,
            dice.of("f2"),
        )
        return replace(
            before,
            exploit=exploit,
            explore=explore,
            moments=self.ridge + _moments(exploit, items, self.arms),
            memory={"keys": keys, "guesses": guesses, "gradients": gradients},
            facts={"labels": len(rows), "fits": lesson.number + 1},
        )

    def restore(self, weights: Mapping[str, Tensor], facts: Mapping[str, Any]) -> Paired:
        parts: dict[str, dict[str, Tensor]] = {"exploit": {}, "explore": {}, "memory": {}}
        for name, array in weights.items():
            part, _, own = name.partition(".")
            if own:
                parts[part][own] = array
        return Paired(self, parts["exploit"], parts["explore"], weights["moments"], parts["memory"], dict(facts))

    def _before(self, lesson: Lesson, features: int) -> Paired:
        """The model before, or new networks, which know nothing."""
        classes = lesson.task.width
        inputs, outputs = (classes * features, 1) if self.arms else (features, classes)
        known = lesson.previous
        facts = {"labels": 0, "fits": lesson.number + 1}
        if isinstance(known, Paired) and len(lesson.labeled) and known.fits(inputs, outputs):
            return replace(known, facts=facts)
        exploit = _new(inputs, self.hidden, outputs, lesson.dice.of("f1.weights"))
        explore = _new(self.width, self.hidden, outputs, lesson.dice.of("f2.weights"))
        moments = torch.full((sum(array.numel() for array in exploit.values()),), self.ridge)
        none = torch.zeros(0, classes)
        gradients = torch.zeros(0, *((classes,) if self.arms else ()), self.width)
        memory = {"keys": torch.zeros(0, dtype=torch.int64), "guesses": none, "gradients": gradients}
        return Paired(self, exploit, explore, moments, memory, facts)


@dataclass(frozen=True)
class Taught:
    """How networks are trained on some items.

    Args:
        keys: Of the items, ascending, int64 (items,).
        weights: (items,).
        recipe: Whose epochs, rate and batch.
    """

    keys: Tensor
    weights: Tensor
    recipe: NeuralPair

    def train(self, start: Net, values: Callable[[Net, Tensor], Tensor], targets: Tensor, dice: Dice) -> Net:
        """A network after some epochs of Adam on the squared error, from where it was.

        Args:
            start: Its weights.
            values: What weights say of some places among the items, (places, classes).
            targets: (items, classes).
            dice: Of the orders in which the items are walked through.
        """
        net = {name: array.detach().clone().requires_grad_() for name, array in start.items()}
        optimizer = torch.optim.Adam(net.values(), lr=self.recipe.rate)
        for epoch in range(self.recipe.epochs):
            order = dice.of(f"epoch-{epoch}").uniform(self.keys).argsort()
            for some in torch.split(order, self.recipe.batch):
                errors = (values(net, some) - targets[some]).square().sum(1)
                loss = (self.weights[some] * errors).mean()
                optimizer.zero_grad()
                loss.backward()  # type: ignore[no-untyped-call]
                optimizer.step()
        return {name: array.detach() for name, array in net.items()}


@dataclass(frozen=True, eq=False)
class Paired(Model):
    """The two networks, and what the second was taught.

    Args:
        recipe: The learner.
        exploit: f1.
        explore: f2.
        moments: Z, (parameters of f1,).
        memory: For each labeled item its key, what f1 said before it learned from it, and the gradient of that time.
        facts: How many labels and which fit.
    """

    recipe: NeuralPair
    exploit: Net
    explore: Net
    moments: Tensor
    memory: Mapping[str, Tensor]
    facts: Mapping[str, Any]

    def outputs(self, items: Any) -> Outputs:
        rows = _flat(items)
        classes = self.memory["guesses"].shape[1]
        if not self.facts["labels"] or not classes:
            none = torch.zeros(len(rows), classes)
            extras = {"values": none, "exploit": none, "explore": none, "ntk_width": torch.ones(len(rows))}
            return Outputs(scores=none, embeddings=_as_given(items), extras=extras)
        parts = [self._of(rows[start:stop]) for start, stop in _steps(self.exploit, rows)] or [self._of(rows)]
        exploit, explore, width = (torch.cat(column) for column in zip(*parts, strict=True))
        values = exploit + explore / (self.facts["fits"] if self.recipe.fade else 1)
        extras = {"values": values, "exploit": exploit, "explore": explore, "ntk_width": width}
        return Outputs(scores=values.clamp(min=_LEAST).log(), embeddings=_as_given(items), extras=extras)

    def weights(self) -> dict[str, Tensor]:
        named = {"exploit": self.exploit, "explore": self.explore, "memory": self.memory}
        found = {f"{part}.{name}": array for part, own in named.items() for name, array in own.items()}
        return {**found, "moments": self.moments}

    def fits(self, inputs: int, outputs: int) -> bool:
        """Whether the networks are of this shape."""
        return self.exploit["in"].shape[1] == inputs and self.exploit["out"].shape[0] == outputs

    def remembered(self, keys: Tensor, items: Tensor) -> tuple[Tensor, Tensor]:
        """What f1 said of items before it learned from them, and its gradient then; now, for those that are new.

        Args:
            keys: int64 (items,).
            items: (items, features).
        """
        known = {int(key): place for place, key in enumerate(self.memory["keys"].tolist())}
        new = torch.tensor([int(key) not in known for key in keys.tolist()])
        old = torch.tensor([known[int(key)] for key in keys.tolist() if int(key) in known], dtype=torch.int64)
        arms = self.recipe.arms
        guesses = net_values(self.exploit, items, arms)
        gradients = guesses.new_zeros(len(items), *((guesses.shape[1],) if arms else ()), self.recipe.width)
        gradients[new] = _blocks(self.exploit, items[new], arms, self.recipe.width)
        guesses[~new], gradients[~new] = self.memory["guesses"][old], self.memory["gradients"][old]
        return guesses, gradients

    def _of(self, items: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        arms = self.recipe.arms
        back, rest = slopes(self.exploit, items, arms)
        means = _block_means(self.exploit, items, back, rest, self.recipe.width)
        explore = _explored(self.explore, means if arms else means[:, 0], arms)
        inside, beyond = torch.split(self.moments.reciprocal(), [self.exploit["in"].numel(), rest.shape[2]])
        weights = torch.einsum("if,hcf->ich", items.square(), inside.reshape(back.shape[2], back.shape[1], -1))
        width = ((back.square() * weights).sum((1, 2)) + rest.sum(1).square() @ beyond).sqrt()
        return net_values(self.exploit, items, arms), explore, width


def net_values(net: Net, items: Tensor, arms: bool) -> Tensor:
    """What f1 says of each class, (items, classes)."""
    if not arms:
        found: Tensor = relu(items @ net["in"].T + net["in_bias"]) @ net["out"].T + net["out_bias"]
        return found
    return (relu(_placed(net, items)) * net["out"][0]).sum(2) + net["out_bias"]


def slopes(net: Net, items: Tensor, arms: bool) -> tuple[Tensor, Tensor]:
    """The gradient of f1 by its parameters, not written out: that by ``in`` is what comes back times the item.

    Args:
        net: f1.
        items: (items, features).
        arms: Whether it has a number for each class's place of the item; else the outputs are summed.

    Returns:
        What comes back to the hidden layer, (items, places, hidden), and the gradient by the parameters after ``in``,
        (items, places, parameters). An arm's gradient by ``in`` is zero at all places but its own. Without arms there
        is one place.
    """
    outputs = len(net["out"])
    before = _placed(net, items)
    back = (before > 0) * net["out"].sum(0)
    last = relu(before).repeat(1, 1, outputs)
    return back, torch.cat([back, last, items.new_ones(*back.shape[:2], outputs)], 2)


def net_blocks(net: Net, items: Tensor, arms: bool, width: int) -> Tensor:
    """The gradient of f1 by its parameters, as the means of equal blocks of it, at length one.

    Args:
        net: f1.
        items: (items, features).
        arms: Whether it has a number for each class's place of the item; else the outputs are summed.
        width: How many blocks.

    Returns:
        (items, classes, width) with arms, else (items, width).
    """
    means = _block_means(net, items, *slopes(net, items, arms), width)
    return means if arms else means[:, 0]


def _block_means(net: Net, items: Tensor, back: Tensor, rest: Tensor, width: int) -> Tensor:
    """`net_blocks` from what `slopes` gives, for each place: (items, places, width).

    The block's share of a row of ``in`` is a sum over neighboring features of the item, and so a difference of running
    sums: the gradient is never written out.
    """
    length = sum(array.numel() for array in net.values())
    blocks = torch.arange(length) * width // length  # of each parameter
    sizes = torch.bincount(blocks, minlength=width).clamp(min=1).to(items)
    places, features, inside = back.shape[1], items.shape[1], net["in"].numel()
    edges = torch.cat([torch.arange(0, inside + 1, max(1, features)), blocks[:inside].diff().nonzero()[:, 0] + 1])
    edges = torch.unique(edges)
    starts, stops = edges[:-1], edges[1:]  # between them lie one row and one block
    rows = starts // max(1, features)
    sums = pad(items.double().cumsum(1), (1, 0))
    shares = (sums[:, stops - rows * features] - sums[:, starts - rows * features]).to(items)
    found = items.new_zeros(len(items), places * width)
    found.index_add_(1, rows % places * width + blocks[starts], back.transpose(1, 2).flatten(1)[:, rows] * shares)
    found = found.reshape(len(items), places, width).index_add_(2, blocks[inside:], rest)
    return normalize(found / sizes, dim=-1)


def _placed(net: Net, items: Tensor) -> Tensor:
    """What the hidden layer reads of an item in each place, (items, places, hidden)."""
    hidden, features = len(net["in"]), items.shape[1]
    return torch.einsum("if,hcf->ich", items, net["in"].reshape(hidden, -1, features)) + net["in_bias"]


def _explored(net: Net, gradients: Tensor, arms: bool) -> Tensor:
    """What f2 says of each class, (items, classes)."""
    found = relu(gradients @ net["in"].T + net["in_bias"]) @ net["out"].T + net["out_bias"]
    return found[..., 0] if arms else found


def _blocks(net: Net, items: Tensor, arms: bool, width: int) -> Tensor:
    """What f2 reads of items: (items, classes, width) with arms, else (items, width)."""
    found = [net_blocks(net, items[start:stop], arms, width) for start, stop in _steps(net, items)]
    if found:
        return torch.cat(found)
    return items.new_zeros(0, *((net["in"].shape[1] // items.shape[1],) if arms else ()), width)


def _moments(net: Net, items: Tensor, arms: bool) -> Tensor:
    """The sum over items of the squared gradient of the summed outputs, (parameters,)."""
    total = torch.zeros(sum(array.numel() for array in net.values()))
    for start, stop in _steps(net, items):
        back, rest = slopes(net, items[start:stop], arms)
        inside = torch.einsum("ich,if->hcf", back.square(), items[start:stop].square())
        total += torch.cat([inside.flatten(), rest.sum(1).square().sum(0)])
    return total


def _steps(net: Net, items: Tensor) -> list[tuple[int, int]]:
    """Items so few at a time that what comes back to the hidden layer is a small temporary."""
    wide = net["in"].numel() // max(1, items.shape[1]) * (1 + len(net["out"]))
    return list(spans(len(items), max(1, _PIECE // max(1, wide))))


def _new(inputs: int, hidden: int, outputs: int, dice: Dice) -> Net:
    """New weights: normal, of variance 2 / inputs before ReLU and 1 / inputs behind it; biases 0."""
    draw = dice.torch_generator()
    first = torch.randn(hidden, inputs, generator=draw) * (2 / max(1, inputs)) ** 0.5
    last = torch.randn(outputs, hidden, generator=draw) / hidden**0.5
    return {"in": first, "in_bias": torch.zeros(hidden), "out": last, "out_bias": torch.zeros(outputs)}


def _flat(items: Any) -> Tensor:
    if not isinstance(items, Tensor):
        raise BadInput("NeuralPair learns from arrays of numbers, and the items are other things. Encode them first.")
    return items.float().flatten(1).cpu()  # the networks are small, and so are the steps


def _as_given(items: Tensor) -> Tensor:
    return items if items.ndim == 2 else items.flatten(1)
