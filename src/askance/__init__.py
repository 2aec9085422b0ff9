"""askance: ask for the few labels that matter, learn, ask again, and prove that it was worth it."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from askance.errors import AskanceError as AskanceError
    from askance.errors import BadInput as BadInput
    from askance.given import select as select
    from askance.history import Answer as Answer
    from askance.learners.base import Learner as Learner
    from askance.learners.base import Lesson as Lesson
    from askance.learners.base import Model as Model
    from askance.learners.base import Outputs as Outputs
    from askance.learners.linear import Linear as Linear
    from askance.learners.sklearn import Sklearn as Sklearn
    from askance.meta.schedule import Until as Until
    from askance.oracles.known import Known as Known
    from askance.pool import Pool as Pool
    from askance.project.project import Project as Project
    from askance.project.starting import Wishes as Wishes
    from askance.project.starting import init as init
    from askance.project.takeaway import load as load
    from askance.reports.study import report as report
    from askance.scoring.scored import ScoredPool as ScoredPool
    from askance.selection.base import Selector as Selector
    from askance.signals.base import Signal as Signal
    from askance.strategies.base import Strategy as Strategy
    from askance.study.study import Study as Study
    from askance.task import Classes as Classes
    from askance.task import Labels as Labels
    from askance.task import Targets as Targets
    from askance.view import Batch as Batch
    from askance.view import View as View

_PLACES = {  # names load on first use, so that `import askance` costs nothing
    "AskanceError": "errors",
    "BadInput": "errors",
    "Answer": "history",
    "Batch": "view",
    "Classes": "task",
    "Known": "oracles.known",
    "Labels": "task",
    "Learner": "learners.base",
    "Lesson": "learners.base",
    "Linear": "learners.linear",
    "Model": "learners.base",
    "Outputs": "learners.base",
    "Pool": "pool",
    "Project": "project.project",
    "ScoredPool": "scoring.scored",
    "Selector": "selection.base",
    "Signal": "signals.base",
    "Sklearn": "learners.sklearn",
    "Strategy": "strategies.base",
    "Study": "study.study",
    "Targets": "task",
    "Until": "meta.schedule",
    "View": "view",
    "Wishes": "project.starting",
    "init": "project.starting",
    "load": "project.takeaway",
    "report": "reports.study",
    "select": "given",
}

__all__ = ["__version__", *sorted(_PLACES)]


def __getattr__(name: str) -> Any:
    if name not in _PLACES:
        raise AttributeError(f"module 'askance' has no attribute {name!r}")
    return getattr(import_module(f"askance.{_PLACES[name]}"), name)


def __dir__() -> list[str]:
    return __all__
