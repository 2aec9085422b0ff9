"""The catalogue of learners."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from typing import Any

from torch import nn

from askance.catalogue import Catalogue
from askance.describe import find
from askance.errors import BadInput, unknown
from askance.learners.base import Learner
from askance.learners.makers import is_maker, takes
from askance.learners.own import Own
from askance.learners.seeded import seeded
from askance.learners.torch import Torch

LEARNERS = Catalogue(
    "learner",
    "askance.learners",
    {
        "linear": "askance.learners.linear:Linear",
        "laplace": "askance.learners.laplace:Laplace",
        "svc": "askance.learners.svc:Svc",
        "neural-pair": "askance.learners.pair:NeuralPair",
        "mlp": "askance.learners.networks:Mlp",  # these are trained by Torch
        "cnn": "askance.learners.networks:Cnn",
        "resnet18": "askance.learners.networks:ResNet18",
        "dense": "askance.learners.families:Dense",
        "residual": "askance.learners.families:Residual",
        "active-inas": "askance.learners.architecture:Searched",
    },
)


def learner(what: Any) -> Learner:
    """A learner from nearly anything.

    Args:
        what: A learner, its name or ``module:Class``; a scikit-learn estimator; a class or function that builds a
            `torch.nn.Module`; a class, function or dataclass that makes an object with ``fit`` and ``predict_proba``
            or ``predict``, or ``module:name`` of one. None is for the softmax head.

    Raises:
        UnknownName: If no learner has this name.
        BadInput: If it is none of these.
    """
    found = _named(what) if isinstance(what, str) else LEARNERS.make("linear") if what is None else what
    if isinstance(found, Learner):
        return found
    if hasattr(found, "fit") and hasattr(found, "get_params") and not isinstance(found, type):
        wrapped: Learner = find("askance.learners.sklearn:Sklearn")(found)
        return wrapped
    if _learns(found):
        return Own(found)
    if isinstance(found, nn.Module) or _builds_network(found):
        return Torch(found)
    if is_maker(found) and not isinstance(found, type) and _learns(_tried(found)):
        return Own(found)
    raise BadInput(
        f"{what!r} is no learner. Hand in a scikit-learn estimator, what builds a torch.nn.Module, a class with fit() "
        f"and predict_proba(), or subclass askance.Learner and write fit()."
    )


def learner_with(name: str, options: Mapping[str, Any]) -> Learner:
    """A learner of the catalogue, or ``module:Class``, with other fields than its defaults.

    What trains a network takes the options that the network does not: ``learner_with("cnn", {"dropout": 0.5, "steps":
    300})``.

    Raises:
        UnknownName: If no learner has this name.
        BadInput: If it has no field of an option's name.
    """
    cls: Any = find(LEARNERS.places[name]) if name in LEARNERS.places else find(name) if ":" in name else None
    if cls is None:
        raise unknown("learner", name, LEARNERS.places)
    try:
        if _makes_networks(cls):
            own = {field.name for field in fields(cls)}
            network = cls(**{key: value for key, value in options.items() if key in own})
            return Torch(network, **{key: value for key, value in options.items() if key not in own})
        return learner(cls(**options))
    except TypeError as error:
        raise BadInput(
            f"The learner {name!r} cannot be made with {dict(options)}: {error}. Check the names of its fields."
        ) from None


def _makes_networks(cls: Any) -> bool:
    return isinstance(cls, type) and is_dataclass(cls) and not issubclass(cls, Learner) and not hasattr(cls, "fit")


def _named(name: str) -> Any:
    """What a name stands for; of ours and of scikit-learn's an object, else the class or function itself."""
    found = find(name) if ":" in name else None
    ours = isinstance(found, type) and (issubclass(found, Learner) or hasattr(found, "get_params"))
    return LEARNERS.make(name) if found is None or ours else found


def _learns(found: Any) -> bool:
    """Whether something, or what a class makes, can be fitted and asked; an estimator's class is not ours to make."""
    asked = hasattr(found, "predict_proba") or hasattr(found, "predict")
    return hasattr(found, "fit") and asked and not hasattr(found, "get_params")


def _builds_network(found: Any) -> bool:
    if isinstance(found, type):
        return issubclass(found, nn.Module)
    return is_maker(found) and (isinstance(_tried(found), nn.Module) if takes(found, 0) else takes(found, 2))


def _tried(maker: Any) -> Any:
    """What a function makes, without its dice being anybody's."""
    with seeded(0):
        return maker() if takes(maker, 0) else None
