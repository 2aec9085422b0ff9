"""Commands of a project: from a file of your own to labels, predictions and a model."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING, Any

from askance.cli.options import Commands, listed, positive
from askance.project.formats import FORMATS

if TYPE_CHECKING:
    from askance.project.beginning import Wishes
    from askance.project.names import Doubt
    from askance.project.project import Project
    from askance.project.starting import Started
    from askance.project.telling import Told

DECIDE, NOTHING = 3, 4  # exit codes beside 0, 1 and 2
BATCH = 50  # items that are asked at once
HOST, ROUND = "127.0.0.1", 10  # where the page listens, and items in a round in the terminal


def add(commands: Commands) -> None:
    """Add the commands to the command line."""
    _add_init(commands)
    _add_files(commands)
    _add_labels(commands)
    _add_results(commands)


def _add_init(commands: Commands) -> None:
    init = commands.add_parser(
        "init",
        help="make a project of your own file or folder",
        description="Read a file (CSV, Parquet, JSON lines, .npy), a folder of images or a Hugging Face folder, say "
        "what is in it, encode it, and be ready to ask.",
    )
    option = init.add_argument
    option("file", help="the file or folder")
    option("--folder", metavar="FOLDER", help="where the project goes (default: FILE.askance in this folder)")
    _wishes(init)
    option("--json", action="store_true", help="print what was read as JSON")
    init.set_defaults(command=_init)


def _wishes(parser: argparse._ActionsContainer) -> None:
    """Options that say what a new project is."""
    option = parser.add_argument
    option("--text", metavar="COLUMNS", help="columns of prose, comma-separated; they are read as one text")
    option("--image", metavar="COLUMN", help="the column of images or of paths to them")
    option("--table", metavar="COLUMNS", help="columns that describe an item, comma-separated")
    option("--ignore", metavar="COLUMNS", help="columns to leave out of a table, comma-separated")
    option("--id", metavar="COLUMN", help="the column of ids (default: ids are made of the content)")
    option("--label", metavar="COLUMN", help="the column of labels that are there already")
    option("--no-label", action="store_true", help="take no column for labels")
    option("--task", choices=("classes", "labels", "number"), help="what an item gets: one class, any labels, a number")
    option("--classes", metavar="NAMES", help="the classes or labels, comma-separated; others can be added any time")
    option("--encoder", metavar="NAME", help="what makes features of items; `askance encoders` lists them")
    option("--strategy", metavar="NAME", help="what asks; `askance strategies` lists them")
    option("--learner", metavar="NAME", help="what learns: a name or module:Class (default: linear)")
    option("--control", type=float, default=0.1, metavar="X", help="share drawn at random (default: %(default)s)")
    option("--seed", type=int, default=0, metavar="N", help="seed of all dice (default: %(default)s)")
    option("--encoding", default="utf-8", metavar="NAME", help="how the file is encoded (default: utf-8)")
    option("--split", metavar="NAME", help="which split of a Hugging Face folder")
    option("--limit", type=positive, metavar="N", help="encode so many items for now, drawn at random")


def _add_files(commands: Commands) -> None:
    more = _parser(commands, "add", "take in a newer version of the file, or further rows", _add)
    more.add_argument("file", help="the file or folder")
    more.add_argument("--update", action="store_true", help="known ids may come with other content; labels stay")
    scope = more.add_mutually_exclusive_group()
    scope.add_argument("--more", action="store_true", help="the file holds further items; nothing is lost")
    scope.add_argument("--replace", action="store_true", help="the file takes the place of all files so far")
    more.add_argument("--encoding", default="utf-8", metavar="NAME", help="how the file is encoded (default: utf-8)")
    more.add_argument("--split", metavar="NAME", help="which split of a Hugging Face folder")

    encode = _parser(commands, "encode", "encode what has no features yet; goes on where it was stopped", _encode)
    encode.add_argument("--limit", type=positive, metavar="N", help="so many items in all for now, drawn at random")


def _add_labels(commands: Commands) -> None:
    ask = _parser(commands, "ask", "write the next batch to label to a file", _ask)
    ask.add_argument("-n", type=positive, metavar="N", help=f"how many items (default: {BATCH})")
    ask.add_argument("-o", "--out", metavar="FILE", help="a .csv or .jsonl file (default: CSV is printed)")
    ask.add_argument("--open", action="store_true", help="ask nothing new: write what is asked and not answered")
    ask.add_argument("--strategy", metavar="NAME", help="ask by this one from now on")
    ask.add_argument("--learner", metavar="NAME", help="learn by this one from now on: a name or module:Class")
    ask.add_argument("--delimiter", choices=(",", ";", "tab"), default=",", help="between cells (default: %(default)s)")

    tell = _parser(commands, "tell", "take in files that somebody filled in", _tell)
    tell.add_argument(
        "files",
        nargs="+",
        metavar="FILE",
        help="CSV or JSON lines with the columns id and label, or a file of Label Studio (JSON, JSON-MIN, CSV) or COCO",
    )
    tell.add_argument("--by", default="", metavar="NAME", help="who answered, where the file does not say")
    tell.add_argument("--new", action="append", default=[], metavar="NAME", help="this name is a class of its own")
    tell.add_argument("--same", action="append", default=[], metavar="TYPO=CLASS", help="this name means that class")

    label = _parser(commands, "label", "label in the browser, or in the terminal", _label)
    option = label.add_argument
    option("file", nargs="?", help="a file or folder to begin with, or a project (default: the one in this folder)")
    option("--by", default="", metavar="NAME", help="who answers")
    guesses = ("never", "after", "before")
    option("--suggest", nargs="?", choices=guesses, const="before", help="when to show the model's guess (after)")
    page = label.add_argument_group("in the browser")
    page.add_argument("--host", default=HOST, metavar="ADDRESS", help="where to listen; others need a password")
    page.add_argument("--port", type=int, metavar="N", help="the port; 0 is for any (default: 8710 or any)")
    page.add_argument("--name", action="append", default=[], help="a further name under which people visit the page")
    page.add_argument("--no-browser", action="store_true", help="open none; the link is printed")
    console = label.add_argument_group("in the terminal")
    console.add_argument("--console", action="store_true", help="label in this terminal")
    console.add_argument("-n", type=positive, metavar="N", help=f"items in a round (default: {ROUND})")
    console.add_argument("--open", action="store_true", help="begin with questions that are asked and not answered")
    _wishes(label.add_argument_group("of a new project"))

    free = _parser(commands, "release", "put open questions back, for others or for later", _release)
    free.add_argument("ids", nargs="*", metavar="ID", help="which; none is for all")


def _add_results(commands: Commands) -> None:
    _parser(commands, "status", "where the project stands, and what comes next", _status)

    predict = _parser(commands, "predict", "write the model's class and probability for every row", _predict)
    predict.add_argument("-o", "--out", default="predictions.csv", metavar="FILE", help="(default: %(default)s)")
    cost = "leave out what is wrong with a greater probability, from 0 to 0.5: what no answer costs, a wrong one 1"
    predict.add_argument("--abstain", type=float, metavar="COST", help=cost)

    export = _parser(commands, "export", "write the labels with their provenance, or a model to take away", _export)
    export.add_argument(
        "out",
        nargs="?",
        metavar="FILE",
        help="a .csv, .jsonl, .parquet, .label-studio.json or .coco.json file; a card goes beside it",
    )
    export.add_argument("--format", choices=tuple(FORMATS), help="of a FILE that just ends in .json")
    export.add_argument("--model", metavar="FOLDER", help="write the model, for askance.load(FOLDER).predict(items)")
    export.add_argument("--force", action="store_true", help="write over what is there")

    rename = _parser(commands, "rename-class", "give a class another name; what was answered stays", _rename)
    rename.add_argument("old", help="its name")
    rename.add_argument("new", help="its name from now on")

    merge = _parser(commands, "merge-class", "make one class a part of another; what was answered stays", _merge)
    merge.add_argument("old", help="the class that ends")
    merge.add_argument("into", help="the class that it becomes a part of")


def _parser(commands: Commands, name: str, about: str, command: Any) -> argparse.ArgumentParser:
    """A command that works on a project."""
    made = commands.add_parser(name, help=about, description=f"{about[0].upper()}{about[1:]}.")
    made.add_argument("-p", "--project", metavar="FOLDER", help="the project (default: the only one in this folder)")
    made.add_argument("--json", action="store_true", help="print what was done as JSON")
    made.set_defaults(command=command)
    return made


def _init(options: argparse.Namespace) -> int:
    started = _started(options, _wished(options), options.folder)
    print(json.dumps(started.as_json(), indent=2) if options.json else started)
    return 0


def _started(options: argparse.Namespace, wishes: Wishes, folder: str | Path | None) -> Started:
    from askance.cli.progress import Line
    from askance.project.starting import init

    line = Line()
    started = init(options.file, wishes, folder=folder, rows=line.rows, items=line.items)
    line.end()
    return started


def _wished(options: argparse.Namespace) -> Wishes:
    from askance.project.beginning import Wishes

    return Wishes(
        text=tuple(listed(options.text)),
        image=options.image,
        table=tuple(listed(options.table)),
        ignore=tuple(listed(options.ignore)),
        id=options.id,
        label=options.label,
        no_label=options.no_label,
        task=options.task,
        classes=tuple(listed(options.classes)),
        encoder=options.encoder,
        strategy=options.strategy,
        learner=options.learner,
        control=options.control,
        seed=options.seed,
        encoding=options.encoding,
        split=options.split,
        limit=options.limit,
    )


def _add(options: argparse.Namespace) -> int:
    from askance.cli.progress import Line
    from askance.project.starting import describe_intake

    project, line = _project(options), Line()
    done = project.add(
        options.file,
        update=options.update,
        scope="more" if options.more else "replace" if options.replace else "",
        encoding=options.encoding,
        split=options.split,
        progress=line.rows,
    )
    project.encode(project.items.fact("limit"), line.items)
    settled = project.settle()
    line.end()
    found = {**vars(done), **vars(settled)}
    _print(options, found, "\n".join(describe_intake(done, settled)))
    return 0


def _encode(options: argparse.Namespace) -> int:
    from askance.cli.progress import Line

    project, line = _project(options), Line()
    done = project.encode(options.limit, line.items)
    line.end()
    left = project.features.missing()
    _print(
        options,
        {"encoded": done, "left": left, "features": project.features.encoding.width},
        f"{done:,} items encoded; {left:,} have no features yet." if left else f"{done:,} items encoded; all are.",
    )
    return 0


def _ask(options: argparse.Namespace) -> int:
    from askance.errors import BadInput
    from askance.project.asking import ask

    if options.open and options.n is not None:
        raise BadInput("--open writes all questions that are open, and asks no new ones. Leave out -n, or --open.")
    project = _project(options)
    delimiter = "\t" if options.delimiter == "tab" else options.delimiter
    with project.by(options.strategy, options.learner):
        asked = ask(project, options.n or BATCH, out=options.out, again=options.open, delimiter=delimiter)
    if options.json:
        print(json.dumps(asked.as_json(), indent=2))
    elif options.out is None:
        sys.stdout.write(asked.text)
    print(asked.said, file=sys.stderr if options.out is None or options.json else sys.stdout)
    return 0 if asked.ids else NOTHING


def _tell(options: argparse.Namespace) -> int:
    from askance.errors import BadInput
    from askance.project.beginning import naming
    from askance.project.telling import tell_file

    project = _project(options)
    new, same = list(options.new), {}
    for pair in options.same:
        wrong, sign, right = pair.partition("=")
        if not sign or not wrong or not right:
            raise BadInput(f"--same {pair} is not TYPO=CLASS. Write for example: --same billng=billing")
        same[wrong] = right
    code, all_found = 0, []
    for file in options.files:
        told = tell_file(project, file, by=options.by, new=new, same=same)
        while told.doubts and sys.stdin.isatty() and not options.json:
            _decide(told.doubts, new, same)
            told = tell_file(project, file, by=options.by, new=new, same=same)
        all_found.append({**vars(told), "doubts": [vars(doubt) for doubt in told.doubts], "file": str(file)})
        if not options.json:
            print(_told(file, told, naming(project.folder)))
        code = DECIDE if told.doubts else code
    if options.json:
        print(json.dumps(all_found if len(all_found) > 1 else all_found[0], indent=2, ensure_ascii=False))
    named = {name for found in all_found for name in found["names"]}
    for option, names in (("--same", [pair.partition("=")[0] for pair in options.same]), ("--new", options.new)):
        for name in names:
            if name not in named:
                print(f"{option} changed nothing: no label here is {name!r}. Check how it is spelled.", file=sys.stderr)
    return code


def _decide(doubts: list[Doubt], new: list[str], same: dict[str, str]) -> None:
    """Ask about names that look like typos, each once."""
    for doubt in doubts:
        if doubt.name in new or doubt.name in same:
            continue
        said = input(f"{doubt.name!r} ({doubt.count:,} times): the same as {doubt.near!r}? [y]es, [n]ew class: ")
        if said.strip().lower().startswith("y"):
            same[doubt.name] = doubt.near
        else:
            new.append(doubt.name)


def _told(file: str, told: Told, naming: str) -> str:
    if told.doubts:
        from askance.project.words import quoted

        lines = [f"{file}: nothing was taken yet. New classes, or typos?"]
        for doubt in told.doubts:
            lines.append(f"  {doubt.name!r} ({doubt.count:,} times) looks like {doubt.near!r}")
        first = told.doubts[0]
        lines.append(
            f"Say it once: askance tell {quote(file)}{naming} --same {quoted(f'{first.name}={first.near}')}, or --new "
            f"{quoted(first.name)} for a class of its own."
        )
        return "\n".join(lines)
    parts = [f"{told.new:,} new answers"]
    parts += [f"{told.repeated:,} known already"] if told.repeated else []
    parts += [f"{told.blank:,} rows without a label"] if told.blank else []
    lines = [f"{file}: {', '.join(parts)}"]
    if told.declared:
        lines.append(f"  new: {', '.join(told.declared)}")
    if told.corrected:
        lines.append(f"  {len(told.corrected):,} replace an earlier answer: {_some(told.corrected)}")
    if told.conflicts:
        lines.append(f"  not taken, said in two ways: {_some(told.conflicts, 10)}")
    if told.disagreed:
        lines.append(
            f"  {len(told.disagreed):,} items have different labels by different people: {_some(told.disagreed)}"
        )
    return "\n".join([*lines, *(f"  {remark}" for remark in told.remarks)])


def _label(options: argparse.Namespace) -> int:
    _check_place(options)
    if options.console:
        return _label_here(options)
    from askance.cli.desk import label

    return label(options, _wished(options))


def _check_place(options: argparse.Namespace) -> None:
    """Refuse options of the page in the terminal, and the other way round."""
    from askance.errors import BadInput

    page = {
        "--host": options.host != HOST,
        "--port": options.port is not None,
        "--name": bool(options.name),
        "--no-browser": options.no_browser,
    }
    terminal = {"-n": options.n is not None, "--open": options.open}
    vain = [name for name, given in (page if options.console else terminal).items() if given]
    if vain:
        where, instead = ("browser", "leave out") if options.console else ("terminal", "add")
        raise BadInput(f"{' and '.join(vain)}: only for labels in the {where}. Leave that out, or {instead} --console.")


def _label_here(options: argparse.Namespace) -> int:
    from askance.cli.desk import place_for
    from askance.project.desk import label_here

    wishes = _wished(options)
    options.project = str(place_for(options, wishes, lambda there: str(_started(options, wishes, there))))
    suggest = options.suggest in ("after", "before")
    tally = label_here(_project(options), n=options.n or ROUND, by=options.by, suggest=suggest, again=options.open)
    if options.json:
        print(json.dumps(vars(tally)))
    return 0


def _release(options: argparse.Namespace) -> int:
    project = _project(options)
    ids = options.ids or [str(id) for id in project.study.pending]
    project.study.release(ids)
    _print(options, {"released": ids}, f"{len(ids):,} questions are open no more.")
    return 0


def _status(options: argparse.Namespace) -> int:
    from askance.project.status import as_text, status

    found = status(_project(options))
    _print(options, found.as_json(), as_text(found))
    return 0


def _predict(options: argparse.Namespace) -> int:
    from askance.project.predicting import write_predictions

    done, lacking, abstained, surest = write_predictions(_project(options), options.out, options.abstain)
    without = f"; {lacking:,} rows have none, because they are empty, broken or not encoded" if lacking else ""
    told = {"file": options.out, "predicted": done, "without": lacking}
    said = f"{options.out}: {done:,} rows{without}"
    if options.abstain is not None:
        told["abstained"] = abstained
        said = f"{options.out}: {done:,} rows answered, {abstained:,} not{without}"
        if abstained and not done:
            said += (
                f". Nothing is answered: at a cost of {options.abstain:g} an answer must be {1 - options.abstain:.1%} "
                f"sure, and the surest one is {surest:.1%}. Label more, or use a higher --abstain."
            )
    _print(options, told, said)
    return 0


def _export(options: argparse.Namespace) -> int:
    from askance.errors import BadInput
    from askance.project.formats import beside, format_of
    from askance.project.giving import give_labels, give_model
    from askance.project.label_studio import CONFIG
    from askance.project.takeaway import is_ours

    if options.out is None and options.model is None:
        raise BadInput("Nothing says what to write. Name a file for the labels, or a folder with --model FOLDER.")
    if options.out is None and options.format is not None:
        raise BadInput("--format is that of a file for the labels, and none is named. Name one, or leave it out.")
    project = _project(options)
    found: dict[str, Any] = {}
    said = []
    if options.out is not None:
        out = Path(options.out)
        count, card = give_labels(project, out, form=options.format or "", force=options.force)
        found |= {"labels": options.out, "rows": count, "card": str(card)}
        said.append(f"{options.out}: {count:,} rows; {card.name} says how they were chosen")
        if format_of(out, options.format or "") == "label-studio":
            found["config"] = str(beside(out, CONFIG))
            said.append(f"{beside(out, CONFIG).name}: the labeling configuration to open them with")
    if options.model is not None:
        give_model(project, Path(options.model), force=options.force)
        found["model"] = options.model
        trusted = "" if is_ours(project.study.learner, project.encoder) else ", trust=True"
        said.append(f"{options.model}: askance.load({options.model!r}{trusted}).predict(items)")
    _print(options, found, "\n".join(said))
    return 0


def _rename(options: argparse.Namespace) -> int:
    study = _project(options).study
    study.rename(options.old, options.new)
    _print(
        options, {"renamed": options.old, "to": options.new}, f"{options.old!r} is called {options.new!r} from now on."
    )
    return 0


def _merge(options: argparse.Namespace) -> int:
    study = _project(options).study
    study.merge(options.old, options.into)
    _print(
        options, {"merged": options.old, "into": options.into}, f"{options.old!r} is a part of {options.into!r} now."
    )
    return 0


def _project(options: argparse.Namespace) -> Project:
    from askance.cli.progress import Line
    from askance.project.project import find_project

    return find_project(options.project, watch=Line().items)


def _print(options: argparse.Namespace, found: dict[str, Any], text: str) -> None:
    print(json.dumps(found, indent=2, ensure_ascii=False, default=str) if options.json else text)


def _some(names: list[str], shown: int = 5) -> str:
    more = f" and {len(names) - shown:,} more" if len(names) > shown else ""
    return ", ".join(names[:shown]) + more
