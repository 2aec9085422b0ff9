"""The catalogue of learners."""

from __future__ import annotations

from typing import Any

from askance.catalogue import Catalogue
from askance.describe import find
from askance.errors import BadInput
from askance.learners.base import Learner

LEARNERS = Catalogue("learner", "askance.learners", {"linear": "askance.learners.linear:Linear"})


def learner(what: Any) -> Learner:
    """A learner from a name, ``module:Class``, a learner, a scikit-learn estimator, or nothing: the softmax head.

    Raises:
        UnknownName: If no learner has this name.
        BadInput: If it is none of these.
    """
    found = LEARNERS.make("linear" if what is None else what) if what is None or isinstance(what, str) else what
    if isinstance(found, Learner):
        return found
    if hasattr(found, "fit") and hasattr(found, "get_params") and not isinstance(found, type):
        wrapped: Learner = find("askance.learners.sklearn:Sklearn")(found)
        return wrapped
    raise BadInput(
        f"{what!r} is no learner. Hand in a scikit-learn estimator, or subclass askance.Learner and write fit()."
    )
