"""Any scikit-learn classifier or regressor as a learner."""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from inspect import signature
from typing import Any

import numpy as np
import torch
from torch import Tensor

from askance.arrays import take
from askance.errors import BadInput
from askance.learners.base import Learner, Lesson, Model, Outputs
from askance.task import Classes, Labels, Task

_SEED = re.compile("(^|__)random_state$")  # an estimator's own, and those of the steps inside it


@dataclass(frozen=True)
class Sklearn(Learner):
    """A scikit-learn estimator, cloned and fitted anew each time. Embeddings are the features as they are.

    Classes of the task that nobody was given yet have probability zero. The trees of a forest that classifies give
    samples. Models are not stored: scikit-learn's only storage format can run code when it is read, so after a restart
    the estimator is fitted again.

    Args:
        estimator: A classifier for `Classes`, a regressor for `Targets`, a multi-label classifier for `Labels`.
    """

    estimator: Any

    @property
    def gives(self) -> frozenset[str]:
        return frozenset({"scores", "embeddings"} | ({"samples", "votes"} if _is_forest(self.estimator) else set()))

    def fit(self, lesson: Lesson) -> SklearnModel:
        from sklearn.base import clone

        task = lesson.task
        features = _features(take(lesson.items, lesson.labeled))
        columns = np.arange(task.width)
        if isinstance(task, Classes):
            truth: np.ndarray = lesson.targets.argmax(1).numpy()
            columns = np.unique(truth)
        else:
            truth = lesson.targets.numpy().round() if isinstance(task, Labels) else lesson.targets.numpy()
        if len(truth) == 0 or (isinstance(task, Classes) and len(columns) < 2):
            return SklearnModel(None, task, columns, _is_forest(self.estimator))
        estimator = clone(self.estimator)
        unset = [name for name, value in estimator.get_params().items() if _SEED.search(name) and value is None]
        estimator.set_params(**{name: lesson.dice.of(name).key % (1 << 31) for name in unset})
        takes_weights = "sample_weight" in signature(estimator.fit).parameters
        extra = {"sample_weight": lesson.weights.numpy()} if takes_weights else {}
        truth = truth[:, 0] if truth.ndim == 2 and truth.shape[1] == 1 else truth
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", category=UserWarning, module="sklearn")  # few labels are normal here
            estimator.fit(features, truth, **extra)
        return SklearnModel(estimator, task, columns, _is_forest(estimator))


@dataclass(frozen=True, eq=False)
class SklearnModel(Model):
    """A fitted estimator, or none where there was nothing to learn from."""

    estimator: Any
    task: Task
    columns: np.ndarray  # the classes that the estimator knows
    samples: bool = False  # whether its trees speak for themselves
    facts: Mapping[str, Any] = field(default_factory=dict)

    def outputs(self, items: Any) -> Outputs:
        embeddings = items if isinstance(items, Tensor) else None
        if self.estimator is None:
            scores = torch.zeros(len(items), self.task.width, dtype=torch.float64)
            if isinstance(self.task, Classes) and len(self.columns) == 1:
                scores[:, int(self.columns[0])] = 1.0  # leans to the one class it has seen, and knows nothing else
            alike = scores.unsqueeze(1).expand(-1, 2, -1) if self.samples else None
            return Outputs(scores=scores, embeddings=embeddings, samples=alike)
        features = _features(items)
        if isinstance(self.task, Classes):
            return self._classes(features, embeddings)
        if isinstance(self.task, Labels):
            trees = self._trees(lambda tree: self._label_shares(tree, features)) if self.samples else None
            return Outputs(
                scores=torch.logit(self._label_shares(self.estimator, features), eps=1e-12),
                embeddings=embeddings,
                samples=torch.logit(trees, eps=1e-12) if trees is not None else None,
                sampled=trees,
            )
        values = np.asarray(self.estimator.predict(features), dtype=np.float64).reshape(len(features), -1)
        return Outputs(scores=torch.from_numpy(values), embeddings=embeddings)

    def _classes(self, features: Any, embeddings: Tensor | None) -> Outputs:
        width = self.task.width
        if hasattr(self.estimator, "predict_proba"):
            probabilities = self._shares(self.estimator, features)
            trees = self._trees(lambda tree: self._shares(tree, features)) if self.samples else None
            return Outputs(
                scores=probabilities.clamp_min(1e-300).log(),
                embeddings=embeddings,
                probabilities=probabilities,
                samples=trees.clamp_min(1e-300).log() if trees is not None else None,
                sampled=trees,
            )
        if not hasattr(self.estimator, "decision_function"):
            raise BadInput(
                f"{type(self.estimator).__name__} has neither predict_proba nor decision_function, so it cannot say "
                f"how sure it is. Use another classifier, or wrap it in CalibratedClassifierCV."
            )
        values = np.asarray(self.estimator.decision_function(features), dtype=np.float64)
        if values.ndim == 1:
            values = np.stack([-values / 2, values / 2], axis=1)
        if values.shape[1] != len(self.columns) or getattr(self.estimator, "decision_function_shape", "") == "ovo":
            raise BadInput(
                f"{type(self.estimator).__name__} gives {values.shape[1]} scores for {len(self.columns)} classes, one "
                f"for each pair of them. Use decision_function_shape='ovr'."
            )
        scores = np.repeat(values.min(1, keepdims=True) - 20.0, width, axis=1)  # far below, whatever the neighbors
        scores[:, self.columns] = values
        return Outputs(scores=torch.from_numpy(scores), embeddings=embeddings)

    def _shares(self, estimator: Any, features: Any) -> Tensor:
        """Probabilities of all classes of the task, zero for those that nobody was given, (items, classes)."""
        shares = np.zeros((len(features), self.task.width))
        shares[:, self.columns] = estimator.predict_proba(features)
        return torch.from_numpy(shares)

    def _trees(self, speak: Callable[[Any], Tensor]) -> Tensor:
        """What every tree says, (items, trees, ...)."""
        return torch.stack([speak(tree) for tree in self.estimator.estimators_], 1)

    def _label_shares(self, estimator: Any, features: Any) -> Tensor:
        if not hasattr(estimator, "predict_proba"):
            return torch.from_numpy(np.asarray(estimator.predict(features), dtype=np.float64))
        shares = estimator.predict_proba(features)
        if isinstance(shares, list):  # forests give one array per label
            shares = np.stack([s[:, -1] if s.shape[1] > 1 else np.zeros(len(s)) for s in shares], axis=1)
        return torch.from_numpy(np.asarray(shares, dtype=np.float64))


def _is_forest(estimator: Any) -> bool:
    """Whether it is a forest of trees that classify; told by name, so that scikit-learn need not be loaded for it."""
    return any(kind.__name__ == "ForestClassifier" for kind in type(estimator).__mro__)


def _features(items: Any) -> Any:
    return items.numpy() if isinstance(items, Tensor) else items
