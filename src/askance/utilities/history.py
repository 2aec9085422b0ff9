"""What the looks at a training tell of each item: how hard its label was to learn, how often the guess changed.

Beliefs are ``Recorded("probabilities")``, (items, looks, classes). A look that no item has, because training stopped
before it, is left out; of an item that was not recorded every number is NaN.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import one_hot


def confidence(beliefs: Tensor, targets: Tensor) -> Tensor:
    """The mean probability of the true class.

    Source: Swayamdipta et al. 2020, the confidence of a data map.

    >>> confidence(torch.tensor([[[1., 0.], [.5, .5]]]), torch.tensor([1]))
    tensor([0.2500])

    Args:
        beliefs: Class probabilities at each look, (items, looks, classes).
        targets: Class numbers, int64 (items,), or soft targets, (items, classes), whose expectation counts.

    Returns:
        (items,).
    """
    return _of_true(beliefs, targets).mean(1)


def variability(beliefs: Tensor, targets: Tensor) -> Tensor:
    """The standard deviation of the true class's probability, over all looks and not all but one.

    Source: Swayamdipta et al. 2020, the variability of a data map.

    >>> variability(torch.tensor([[[1., 0.], [.5, .5]]]), torch.tensor([1]))
    tensor([0.2500])

    Args:
        beliefs: (items, looks, classes).
        targets: Class numbers, int64 (items,), or soft targets, (items, classes).

    Returns:
        (items,).
    """
    return _of_true(beliefs, targets).std(1, correction=0)


def forgetting_events(beliefs: Tensor, targets: Tensor) -> Tensor:
    """How often the guess went from right to wrong between two looks; never right counts as so many as there are looks.

    Source: Toneva et al. 2019, who look whenever an item is in a batch and count what was never learned as infinite.
    With an even number of looks no item can forget more often than half of them.

    >>> looks = torch.tensor([[[.9, .1], [.1, .9], [.9, .1], [.1, .9]], [[.1, .9], [.1, .9], [.1, .9], [.1, .9]]])
    >>> forgetting_events(looks, torch.tensor([0, 0]))
    tensor([2., 4.])

    Args:
        beliefs: (items, looks, classes).
        targets: Class numbers, int64 (items,), or soft targets, (items, classes), whose top class is true.

    Returns:
        (items,).
    """
    beliefs = reached(beliefs)
    true = targets if targets.ndim == 1 else targets.argmax(1)
    right = beliefs.argmax(2) == true.to(beliefs.device).unsqueeze(1)  # (items, looks)
    events = (right[:, :-1] & ~right[:, 1:]).sum(1)
    return _where_seen(torch.where(right.any(1), events, right.shape[1]), beliefs)


def error_l2(beliefs: Tensor, targets: Tensor) -> Tensor:
    """The distance of the probabilities from the label, on average over looks; 0 is learned, the root of 2 is wrong.

    Source: Paul et al. 2021, EL2N. They take it early in training and average over several trainings: hand in the first
    few looks. Over all looks it tells what the network learned late, such as a wrong label.

    >>> error_l2(torch.tensor([[[1., 0.], [.4, .6]]]), torch.tensor([0]))  # 0 and 0.6 times the root of 2
    tensor([0.4243])

    Args:
        beliefs: (items, looks, classes).
        targets: Class numbers, int64 (items,), or soft targets, (items, classes).

    Returns:
        (items,).
    """
    return _errors(reached(beliefs), targets).mean(1)


def gradient_norm(beliefs: Tensor, lengths: Tensor, targets: Tensor) -> Tensor:
    """The length of the last layer's gradient, on average over looks.

    Source: Paul et al. 2021, GraNd for the last layer alone, of whose weights and biases the gradient of the loss is
    ``(p - y) x (h, 1)``, with h what the layer reads. They take it at the first steps: hand in the first few looks.

    >>> gradient_norm(torch.tensor([[[1., 0.], [.4, .6]]]), torch.tensor([[9., 0.]]), torch.tensor([0]))
    tensor([0.4243])

    Args:
        beliefs: (items, looks, classes).
        lengths: The length of what the last layer reads, (items, looks).
        targets: Class numbers, int64 (items,), or soft targets, (items, classes).

    Returns:
        (items,).
    """
    beliefs, lengths = reached(beliefs), reached(lengths)
    return (_errors(beliefs, targets) * (1 + lengths.square()).sqrt()).mean(1)


def guess_changes(beliefs: Tensor) -> Tensor:
    """How often the likeliest class is another one than at the look before.

    Source: the forgetting events of Toneva et al. 2019 without a label: every change counts.

    >>> guess_changes(torch.tensor([[[.9, .1], [.1, .9], [.8, .2]], [[.9, .1], [.6, .4], [.8, .2]]]))
    tensor([2., 0.])

    Args:
        beliefs: (items, looks, classes).

    Returns:
        (items,).
    """
    beliefs = reached(beliefs)
    guesses = beliefs.argmax(2)
    return _where_seen((guesses[:, 1:] != guesses[:, :-1]).sum(1), beliefs)


def dispersion(beliefs: Tensor) -> Tensor:
    """The share of looks at which the guess is another class than the one that was guessed most; 0 is always the same.

    Source: Bengar et al. 2021, the label dispersion.

    >>> dispersion(torch.tensor([[[.9, .1], [.1, .9], [.8, .2], [.7, .3]], [[.9, .1], [.6, .4], [.8, .2], [1., 0.]]]))
    tensor([0.2500, 0.0000])

    Args:
        beliefs: (items, looks, classes).

    Returns:
        (items,).
    """
    beliefs = reached(beliefs)
    guesses = beliefs.argmax(2)
    counts = beliefs.new_zeros(len(beliefs), beliefs.shape[2])
    counts.scatter_add_(1, guesses, torch.ones_like(guesses, dtype=counts.dtype))
    return _where_seen(1 - counts.amax(1) / guesses.shape[1], beliefs)


def wavering(beliefs: Tensor) -> Tensor:
    """The standard deviation of each class's probability over the looks, on average over the classes.

    Source: the variability of Swayamdipta et al. 2020 without a label: all classes count alike.

    >>> wavering(torch.tensor([[[1., 0.], [.5, .5]], [[.5, .5], [.5, .5]]]))
    tensor([0.2500, 0.0000])

    Args:
        beliefs: (items, looks, classes).

    Returns:
        (items,).
    """
    return reached(beliefs).std(1, correction=0).mean(1)


def reached(record: Tensor) -> Tensor:
    """The looks that at least one item has: a training that stopped early has no others.

    >>> nan = torch.nan
    >>> reached(torch.tensor([[1., nan], [nan, nan]]))
    tensor([[1.],
            [nan]])

    Args:
        record: (items, looks, ...), NaN where nothing was recorded.

    Returns:
        (items, looks that were reached, ...); where none was, one look of no numbers.
    """
    there = torch.isfinite(record.flatten(2).sum(2) if record.ndim > 2 else record).any(0)
    there[0] |= not bool(there.any())
    return record if bool(there.all()) else record[:, there]


def _of_true(beliefs: Tensor, targets: Tensor) -> Tensor:
    """The probability of the true class at each look, (items, looks)."""
    beliefs = reached(beliefs)
    if targets.ndim == 1:
        places = targets.to(beliefs.device)[:, None, None].expand(-1, beliefs.shape[1], 1)
        return beliefs.gather(2, places).squeeze(2)
    return (beliefs @ targets.to(beliefs).unsqueeze(2)).squeeze(2)


def _errors(beliefs: Tensor, targets: Tensor) -> Tensor:
    """The distance of the probabilities from the label at each look, (items, looks)."""
    aims = (one_hot(targets, beliefs.shape[2]) if targets.ndim == 1 else targets).to(beliefs)
    looks = [torch.linalg.vector_norm(beliefs[:, look] - aims, dim=1) for look in range(beliefs.shape[1])]
    return torch.stack(looks, 1)


def _where_seen(counts: Tensor, beliefs: Tensor) -> Tensor:
    """Counts as numbers, NaN for items that were not recorded: comparisons do not hand NaN on by themselves."""
    seen = torch.isfinite(beliefs.sum(2)).all(1)
    return counts.to(beliefs).masked_fill(~seen, torch.nan)
