"""Any scikit-learn classifier or regressor as a learner."""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from inspect import signature
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor

from askance.arrays import take
from askance.errors import BadInput
from askance.kernels.finite import too_large
from askance.learners.base import Learner, Lesson, Model, Outputs
from askance.learners.counted import counted
from askance.learners.seeded import seeded
from askance.task import Classes, Labels, Targets, Task

_SEED = re.compile("(^|__)random_state$")  # an estimator's own, and those of the steps inside it
_SAID = 300  # letters of an estimator's error; a grid search lists every fit


@dataclass(frozen=True)
class Sklearn(Learner):
    """A scikit-learn estimator, cloned and fitted anew each time. Embeddings are the features as they are.

    Classes of the task that nobody was given yet have probability zero. The trees of a forest that classifies give
    samples. An estimator that cannot be fitted to so few labels gives a model that knows nothing, and its facts say
    why it ``diverged``. Where ``fit`` takes no weights of labels, an item stands as often as it weighs; weights that
    differ and are no whole numbers are refused.

    What it throws of the global dice comes from the lesson's. Models are not stored: scikit-learn's only storage
    format can run code when it is read, so after a restart the estimator is fitted again.

    Args:
        estimator: A classifier for `Classes`, a regressor for `Targets`, a multi-label classifier for `Labels`.
    """

    revision: ClassVar[int] = 2  # labels are read by their class, and weights reach what takes none

    estimator: Any

    @property
    def gives(self) -> frozenset[str]:
        return frozenset({"scores", "embeddings"} | ({"samples", "votes"} if _is_forest(self.estimator) else set()))

    def fit(self, lesson: Lesson) -> SklearnModel:
        task, name = lesson.task, type(self.estimator).__name__
        if isinstance(task, Targets) and _classifies(self.estimator):
            raise BadInput(f"{name} is a classifier, and the items are labeled with numbers. Use a regressor.")
        lesson = lesson.only(lesson.weights > 0)
        columns, truth = _read(lesson)
        blank = SklearnModel(None, task, columns, _is_forest(self.estimator))
        if not len(truth) or not task.width:
            return blank
        if not isinstance(task, Targets) and truth.ndim == 1 and len(np.unique(truth)) < 2:
            return replace(blank, leaning=_leaning(task, truth[0]))
        with seeded(lesson.dice.key), warnings.catch_warnings():
            warnings.filterwarnings("ignore", category=UserWarning, module="sklearn")  # few labels are normal here
            estimator = self._cloned(lesson)
            by = _weighed_by(estimator)
            if not by:
                lesson = counted(lesson, name)
                truth = _read(lesson)[1]
            elif by != "sample_weight" and bool((lesson.weights == 1).all()):
                by = ""  # a step inside may throw other dice where it is handed weights
            if truth.ndim == 1 and _wants_columns(estimator):
                truth = truth[:, None]
            model = replace(blank, estimator=estimator, seed=lesson.dice.key)
            try:
                extra = {by: lesson.weights.numpy()} if by else {}
                estimator.fit(_features(take(lesson.items, lesson.labeled)), truth, **extra)
                scores = model.outputs(take(lesson.items, lesson.labeled[:1])).scores  # some fit, and refuse to predict
                if scores is None or not bool(torch.isfinite(scores).all()):
                    raise ValueError("its scores are no numbers")
            except BadInput:
                raise
            except ValueError as error:
                why = " ".join(str(error).split())[:_SAID].rstrip(".")
                if isinstance(error, TypeError):  # as of an argument out of bounds: no label mends that
                    raise BadInput(f"{name} cannot be fitted: {why}. Change its arguments.") from error
                if isinstance(lesson.items, Tensor) and not bool(lesson.items.float().isfinite().all()):
                    raise too_large("A feature in single precision") from error  # which many estimators work in
                if not _reads(estimator, lesson.items):
                    raise BadInput(
                        f"{name} cannot read the items of the pool: {why}. Encode them first, or hand in a Pipeline "
                        f"that begins with what makes features of them, such as TfidfVectorizer() for texts."
                    ) from error
                return replace(blank, facts={"diverged": f"{name} learns nothing from {len(truth)} labels: {why}"})
        return model

    def _cloned(self, lesson: Lesson) -> Any:
        from sklearn.base import clone

        estimator = clone(self.estimator)
        unset = [name for name, value in estimator.get_params().items() if _SEED.search(name) and value is None]
        return estimator.set_params(**{name: lesson.dice.of(name).key % (1 << 31) for name in unset})


@dataclass(frozen=True, eq=False)
class SklearnModel(Model):
    """A fitted estimator, or none where there was nothing to learn from.

    Args:
        estimator: The estimator.
        task: What it learned.
        columns: The classes that it knows.
        samples: Whether its trees speak for themselves.
        leaning: The scores of every item where there is no estimator; None: zeros.
        seed: The key of its dice.
        facts: Why there is no estimator, if it could not be fitted.
    """

    estimator: Any
    task: Task
    columns: np.ndarray
    samples: bool = False
    leaning: Tensor | None = None
    seed: int = 0
    facts: Mapping[str, Any] = field(default_factory=dict)

    def outputs(self, items: Any) -> Outputs:
        embeddings = items if isinstance(items, Tensor) else None
        if self.estimator is None:
            scores = torch.zeros(len(items), self.task.width, dtype=torch.float64)
            if self.leaning is not None:
                scores += self.leaning
            alike = scores.unsqueeze(1).expand(-1, 2, -1) if self.samples else None
            return Outputs(scores=scores, embeddings=embeddings, samples=alike)
        with seeded(self.seed):
            return self._beliefs(_features(items), embeddings)

    def _beliefs(self, features: Any, embeddings: Tensor | None) -> Outputs:
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

    def _label_shares(self, speaker: Any, features: Any) -> Tensor:
        """The probability of each label, (items, labels), by the estimator or a tree of it."""
        if not hasattr(speaker, "predict_proba"):
            said = np.asarray(speaker.predict(features), dtype=np.float64)
            return torch.from_numpy(said.reshape(len(features), self.task.width))
        shares = speaker.predict_proba(features)
        classes = self.estimator.classes_ if hasattr(self.estimator, "classes_") else None  # trees number them anew
        if self.task.width == 1 and isinstance(classes, np.ndarray):
            shares, classes = [shares], [classes]
        if isinstance(shares, list):  # an array per label, with a column for each value that it had
            known = [(0, 1)] * len(shares) if classes is None else [tuple(own) for own in classes]
            pairs = zip(shares, known, strict=True)
            shares = np.stack([s[:, own.index(1)] if 1 in own else np.zeros(len(s)) for s, own in pairs], axis=1)
        return torch.from_numpy(np.asarray(shares, dtype=np.float64))


def _read(lesson: Lesson) -> tuple[np.ndarray, np.ndarray]:
    """The columns of scores that an estimator may know of, and what it learns: (items,) or (items, columns)."""
    task = lesson.task
    columns = np.arange(task.width)
    if isinstance(task, Classes):
        truth = lesson.targets.argmax(1).numpy() if task.width else np.zeros(len(lesson.targets), dtype=np.int64)
        return (np.unique(truth) if task.width else columns), truth
    truth = lesson.targets.numpy().round() if isinstance(task, Labels) else lesson.targets.numpy()
    return columns, truth[:, 0] if truth.shape[1] == 1 else truth


def _leaning(task: Task, value: float) -> Tensor:
    """Scores that lean to the one class or answer there was, and know nothing else, (width,)."""
    scores = torch.zeros(task.width, dtype=torch.float64)
    scores[int(value) if isinstance(task, Classes) else 0] = 1.0 if isinstance(task, Classes) or value else -1.0
    return scores


def _is_forest(estimator: Any) -> bool:
    """Whether it is a forest of trees that classify; told by name, so that scikit-learn need not be loaded for it."""
    return any(kind.__name__ == "ForestClassifier" for kind in type(estimator).__mro__)


def _wants_columns(estimator: Any) -> bool:
    """Whether it fits one estimator per label or number, and so refuses a lone one that is no column."""
    last = estimator.steps[-1][1] if hasattr(estimator, "steps") else estimator
    return any(kind.__name__ in ("_MultiOutputEstimator", "_BaseChain") for kind in type(last).__mro__)


def _classifies(estimator: Any) -> bool:
    from sklearn.base import is_classifier

    try:
        return bool(is_classifier(estimator))
    except AttributeError:  # of no class of scikit-learn's
        return False


def _weighed_by(estimator: Any) -> str:
    """The argument of its fit that takes weights; empty where there is none, or where a part of it takes none."""
    if hasattr(estimator, "steps"):
        name, last = estimator.steps[-1]
        by = _weighed_by(last) if hasattr(last, "fit") else ""
        return f"{name}__{by}" if by else ""
    parts = [getattr(estimator, "estimator", None), *(part for _, part in getattr(estimator, "estimators", None) or ())]
    takes = "sample_weight" in signature(estimator.fit).parameters
    return "sample_weight" * (takes and all(_weighed_by(part) for part in parts if hasattr(part, "fit")))


def _reads(estimator: Any, items: Any) -> bool:
    """Whether it can read such items at all, so that what it refused was how few they are."""
    if isinstance(items, Tensor) and items.ndim == 2:
        return True
    from sklearn.utils import get_tags

    first = estimator
    while inner := _within(first):
        first = inner
    try:
        if get_tags(first).input_tags.string:
            return True
        first.transform(_features(items[:1]))
    except Exception:  # whatever it throws: it does not read them
        return False
    return True


def _within(estimator: Any) -> Any:
    """What an estimator that is made of others reads items with; None if it reads them itself."""
    steps = getattr(estimator, "steps", None) or getattr(estimator, "transformer_list", None)
    return steps[0][1] if steps else getattr(estimator, "estimator", None)


def _features(items: Any) -> Any:
    """Items as the estimator gets them: copies, so that one that computes in place does not change the pool's."""
    return items.numpy().copy() if isinstance(items, Tensor) else items
