"""Before the study: what was asked at random and answered while features were still to come, and its way over.

It lies in the project's own file. Whoever opens the study first moves it into the journal, once, whoever is killed
meanwhile.
"""

from __future__ import annotations

from askance.describe import build, describe
from askance.project.items import BEGUN, Items
from askance.study import early
from askance.study.journal import Draft
from askance.study.study import Study
from askance.task import Named, Task

KEY = "desk:early"  # the client key of the first ask


def transfer(items: Items, study: Study) -> None:
    """Move what was asked and answered early into the journal, and let the study take over.

    A kill in between does no harm: each line has a key, and it is all done again.

    Args:
        items: The project's rows.
        study: Its study, which knows what its files say.
    """
    if items.fact(BEGUN, False):
        return
    with items.write():
        lines = items.early()
        study.refresh()
        drawn = [(id, at) for _, kind, _, at, body in lines if kind == "asked" for id in body["ids"]]
        known = [(id, at) for id, at in drawn if study.pool.knows(id)]  # not what a file lost before it was encoded
        if known and study.journal.find(KEY) is None:
            names = [body["new"] for _, kind, _, _, body in lines if kind == "changed"]
            if names:
                _rename(study, build(names[-1]))
            ids, times = zip(*known, strict=True)
            asked = early.asked(ids, study.progress.unlabeled, study.state.line, study.state.seed, times)
            study.journal.add([Draft("asked", asked, KEY, times[0])])
        kept = [line for line in lines if line[1] in ("told", "noted")]
        study.journal.add([Draft(kind, body, once or f"{KEY}:{number}", at) for number, kind, once, at, body in kept])
        study.refresh()
        items.put(BEGUN, True)


def _rename(study: Study, task: Task) -> None:
    """Give the study the names that people made."""
    if isinstance(task, Named) and isinstance(study.task, Named) and type(task) is type(study.task):
        for name in study.task.names:  # what the labels of files named meanwhile
            if not task.knows(name):
                task = task.grown(name)
        if task != study.task:
            change = {"what": "task", "old": describe(study.task), "new": describe(task)}
            study.journal.add([Draft("changed", change)])
            study.refresh()
