"""Commands that compare strategies: on the demo, on a labeled file, on a data set by name."""

from __future__ import annotations

import argparse
from dataclasses import fields, is_dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from askance.cli.options import Commands, add_place, listed, place_of, positive

if TYPE_CHECKING:
    from askance.executors.base import Place
    from askance.lab.datasets import Dataset
    from askance.lab.plan import Plan
    from askance.learners.base import Learner

OTHERS = (".jsonl", ".ndjson", ".parquet", ".npy", ".npz", ".xlsx", ".xls", ".ods")  # what init reads, or nobody
DEMO = "random,margin,entropy,k-center,badge,typiclust"


def add(commands: Commands) -> None:
    """Add the commands to the command line."""
    demo = commands.add_parser(
        "demo",
        help="compare strategies on handwritten digits",
        description="Compare strategies on scikit-learn's digits.",
    )
    _comparing(demo, strategies=DEMO, out="askance-demo", budget=220)
    demo.set_defaults(command=_demo)

    run = commands.add_parser(
        "run",
        help="compare strategies on a labeled CSV file, or on a data set by name",
        description="Compare strategies on your own labeled file, or on a data set by name.",
    )
    run.add_argument("file", nargs="?", help="a CSV file whose first row names the columns")
    run.add_argument("--dataset", metavar="NAME", help="instead of a file: a data set that `askance datasets` lists")
    run.add_argument("--items", type=positive, metavar="N", help="draw so many items at first (default: all)")
    run.add_argument("--label", metavar="COLUMN", help="the column of classes")
    run.add_argument("--text", metavar="COLUMN", help="a column of prose; without it the other columns are a table")
    run.add_argument("--id", metavar="COLUMN", help="the column of ids (default: row numbers)")
    run.add_argument("--ignore", metavar="COLUMNS", help="columns to leave out of a table, comma-separated")
    run.add_argument("--encoding", metavar="NAME", help="how the file is encoded (default: utf-8)")
    _comparing(run, strategies="margin,badge,typiclust", out="askance-run", budget=None)
    run.set_defaults(command=_run)


def _comparing(parser: argparse.ArgumentParser, strategies: str, out: str, budget: int | None) -> None:
    """Options of all commands that compare strategies."""
    add = parser.add_argument
    add(
        "--strategy",
        default=strategies,
        metavar="NAMES",
        help="names or path/mine.py:MyStrategy, comma-separated (default: %(default)s); random is always compared",
    )
    add("--seeds", type=positive, default=20, metavar="N", help="paired runs of each strategy (default: %(default)s)")
    add("--first-seed", type=int, default=0, metavar="N", help="the first seed (default: %(default)s)")
    add(
        "--budget",
        type=positive,
        default=budget,
        metavar="N",
        help="labels bought in the end, the first ones included "
        + ("(default: %(default)s)" if budget else "(default: the first ones and 20 batches, or what the pool holds)"),
    )
    add(
        "--initial",
        type=positive,
        default=None,
        metavar="N",
        help="first labels, at random (default: 2 a class, at least 20)",
    )
    add("--batch", type=positive, default=10, metavar="N", help="labels in a round (default: %(default)s)")
    add(
        "--test",
        type=positive,
        default=None,
        metavar="N",
        help="items held out for scoring (default: 3 of 10)",
    )
    add(
        "--learner",
        default=None,
        metavar="NAME",
        help="linear, laplace, svc, mlp, cnn, resnet18, active-inas, a folder with a Hugging Face model (fine-tuned on "
        "the texts), or module:Class of a scikit-learn classifier or a learner, such as sklearn.svm:SVC (default: "
        "linear, a softmax head on the features)",
    )
    add("--steps", type=positive, default=None, metavar="N", help="steps of each training of a network (default: 300)")
    add(
        "--ridge",
        type=float,
        default=None,
        metavar="X",
        help="the default learner's ridge (default: cross-validated)",
    )
    add_place(parser)
    add("--out", default=out, metavar="FOLDER", help="where report.html and results.json go (default: %(default)s)")
    add("--json", action="store_true", help="print the comparison as JSON instead of a table")


def _demo(options: argparse.Namespace) -> int:
    from askance.lab.datasets import digits

    place = place_of(options)
    return _compare(digits(), options, place)


def _run(options: argparse.Namespace) -> int:
    place, raw = place_of(options), reads_texts(options.learner)
    dataset = _named(options, raw) if options.dataset is not None else _of_file(options, raw)
    return _compare(dataset if options.items is None else dataset.sample(options.items), options, place)


def reads_texts(learner: str | None) -> bool:
    """Whether a learner is a folder with a Hugging Face model."""
    return learner is not None and (Path(learner) / "config.json").is_file()


def _named(options: argparse.Namespace, raw: bool) -> Dataset:
    from askance.errors import BadInput
    from askance.lab.datasets import as_texts
    from askance.lab.sets import load, texts

    of_file = ("file", "label", "text", "id", "ignore", "encoding")
    given = [name if name == "file" else f"--{name}" for name in of_file if getattr(options, name) is not None]
    if given:
        raise BadInput(f"--dataset brings its own items and labels. Leave out {', '.join(given)}, or --dataset.")
    found = load(options.dataset)
    return as_texts(found, texts(options.dataset)) if raw else found


def _of_file(options: argparse.Namespace, raw: bool) -> Dataset:
    from askance.errors import BadInput
    from askance.lab.datasets import from_csv

    if options.file is None:
        raise BadInput("There is nothing to run on. Name a CSV file and its --label, or a data set with --dataset.")
    if Path(options.file.lower().removesuffix(".gz")).suffix in OTHERS:
        raise BadInput(
            f"{options.file} is no CSV file, and askance run compares on no other. Save it as CSV (UTF-8) first."
        )
    if options.label is None:
        raise BadInput(f"Which column of {options.file} holds the classes? Name it with --label.")
    if raw and options.text is None:
        raise BadInput(
            f"{options.learner} reads texts. Which column of {options.file} holds them? Name it with --text."
        )
    if options.text is not None and options.ignore is not None:
        raise BadInput("--ignore leaves columns out of a table, and --text names the one that is read. Leave one out.")
    if options.text == options.label:
        raise BadInput(f"Column {options.label!r} is named in --label and in --text. Leave it out of one of them.")
    return from_csv(
        options.file,
        label=options.label,
        text=options.text,
        id=options.id,
        ignore=listed(options.ignore),
        encoding=options.encoding or "utf-8",
        raw=raw,
    )


def _compare(dataset: Dataset, options: argparse.Namespace, place: Place | None) -> int:
    from askance.lab.grid import run
    from askance.lab.plan import check
    from askance.lab.showing import Live, ready, show

    plan = _plan(dataset, options)
    check(dataset, plan)
    ready(options.out)
    live = Live(dataset, plan)
    results = run(dataset, plan, workers=options.workers, on=place, each=live.finished)
    live.end()
    show(results, options.out, as_json=options.json)
    return 0


def _plan(dataset: Dataset, options: argparse.Namespace) -> Plan:
    from askance.errors import BadInput
    from askance.lab.plan import Plan

    items, classes = len(dataset.pool), len(dataset.classes)
    names = list(dict.fromkeys(["random", *(name.strip() for name in options.strategy.split(",") if name.strip())]))
    test = options.test if options.test is not None else min(5000, round(0.3 * items))
    initial = options.initial if options.initial is not None else max(20, 2 * classes)
    budget = options.budget if options.budget is not None else min(initial + 20 * options.batch, items - test)
    if initial + options.batch > items - test:
        drawn = " more --items," if options.items is not None else ""
        raise BadInput(
            f"{items} items less {test} for the test leave {items - test}, and the first {initial} labels and one "
            f"batch of {options.batch} take {initial + options.batch}. Use{drawn} fewer labels (--initial, --batch), "
            f"or a smaller --test."
        )
    if budget < initial + options.batch:
        raise BadInput(
            f"A budget of {budget} labels is less than the first {initial} and one batch of {options.batch}. "
            f"Raise --budget, or lower --initial or --batch."
        )
    return Plan(
        strategies=tuple(names),
        seeds=tuple(range(options.first_seed, options.first_seed + options.seeds)),
        initial=initial,
        batch=options.batch,
        budget=budget,
        test=test,
        learner=_learner(options),
    )


def _learner(options: argparse.Namespace) -> Learner:
    from askance.errors import BadInput
    from askance.learners.catalogue import learner
    from askance.learners.huggingface import HuggingFace
    from askance.learners.linear import Linear

    if options.learner is not None and options.ridge is not None:
        raise BadInput("--ridge belongs to the default learner. Leave out --ridge or --learner.")
    if options.learner is None:
        found: Learner = Linear(ridge=options.ridge)
    else:
        found = HuggingFace(options.learner) if reads_texts(options.learner) else learner(options.learner)
    if options.steps is None:
        return found
    made: Any = found
    if not is_dataclass(found) or "steps" not in {field.name for field in fields(found)}:
        raise BadInput(f"--steps is for what is trained step by step, and {type(found).__name__} is not. Leave it out.")
    return cast("Learner", replace(made, steps=options.steps))
