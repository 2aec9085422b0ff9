"""Commands of the lab: grids of comparisons, run and reported."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from askance.cli.options import Commands, add_place, place_of, positive
from askance.errors import BadInput

if TYPE_CHECKING:
    from askance.lab.grids import Grid
    from askance.lab.running import Stand
    from askance.reports.across import Across
    from askance.reports.results import Results


def add(commands: Commands) -> None:
    """Add the commands to the command line."""
    lab = commands.add_parser(
        "lab",
        help="compare many strategies on many data sets, honestly",
        description="Grids of comparisons: data sets x learners x strategies x batch sizes x seeds.",
    )
    inner = lab.add_subparsers(title="commands", required=True, metavar="COMMAND")
    _add_run(inner)

    report = inner.add_parser("report", help="write the page of what is done so far; nothing is run")
    report.add_argument("grid", help="the TOML file, or a preset")
    _add_size(report)
    report.add_argument("--out", metavar="FOLDER", help="where its results are (default: as for run)")
    _add_baseline(report)
    report.add_argument(
        "--figures", metavar="FOLDER", help="also write every figure as SVG, and as PDF with the extra pdf"
    )
    report.set_defaults(command=_report)

    presets = inner.add_parser("presets", help="list grids that are there by name")
    presets.set_defaults(command=_presets)

    compare = inner.add_parser("compare", help="print a table of results, against one strategy or several")
    _add_results(compare)
    compare.add_argument("--against", default="random", metavar="NAMES", help="baselines (default: %(default)s)")
    compare.add_argument("--format", default="text", choices=("text", "markdown", "latex", "csv"))
    compare.set_defaults(command=_compare)

    publish = inner.add_parser(
        "publish", help="one page of several results with filters: domain, encoder, learner, batch size, budget"
    )
    publish.add_argument("results", nargs="+", help="folders of `askance lab run`, or files that --condense wrote")
    publish.add_argument("--out", default="index.html", metavar="FILE", help="the page (default: %(default)s)")
    publish.add_argument("--about", default="", metavar="TEXT", help="a sentence below the title")
    publish.add_argument("--condense", metavar="FOLDER", help="also write what the page needs of each, to be kept")
    publish.set_defaults(command=_publish)

    packed = inner.add_parser("pack", help="put results, page, figures, tables and citations into one zip file")
    _add_results(packed)
    packed.add_argument("--out", metavar="FILE", help="the zip file (default: beside the results)")
    _add_baseline(packed)
    packed.set_defaults(command=_pack)

    export = inner.add_parser("export", help="write results into MLflow, one way; what is there already stays")
    _add_results(export)
    export.add_argument("--mlflow", required=True, metavar="URI", help="the tracking server or store")
    _add_baseline(export)
    export.set_defaults(command=_export)

    mine = inner.add_parser(
        "mine",
        help="which strategy would have been best on the labels you have",
        description="Play strategies against each other on the labels of a project or of a labeled CSV file.",
    )
    mine.add_argument("labels", help="a project, its project.db, or a labeled CSV file")
    mine.add_argument("--label", metavar="COLUMN", help="of a CSV file: the column of classes")
    mine.add_argument("--text", metavar="COLUMN", help="of a CSV file: a column of prose")
    mine.add_argument("--id", metavar="COLUMN", help="of a CSV file: the column of ids")
    mine.add_argument("--strategy", default="", metavar="NAMES", help="what to compare (default: nine of them)")
    mine.add_argument("--seeds", type=positive, default=50, metavar="N", help="paired runs (default: %(default)s)")
    mine.add_argument("--workers", type=positive, default=None, metavar="N", help="processes (default: one per core)")
    mine.add_argument("--out", default="askance-mine", metavar="FOLDER", help="where results go (default: %(default)s)")
    mine.set_defaults(command=_mine)

    cited = commands.add_parser("cite", help="what to cite for strategies, or for all that results used, as BibTeX")
    cited.add_argument("what", nargs="+", help="names of strategies, or a folder or file of results")
    cited.set_defaults(command=_cite)


def _add_run(inner: Commands) -> None:
    run = inner.add_parser(
        "run",
        help="run a grid, or what is left of it",
        description="Run a grid that a TOML file describes. What is done already is not run again.",
    )
    run.add_argument("grid", help="the TOML file, or a preset")
    _add_size(run)
    run.add_argument("--out", metavar="FOLDER", help="where the results go (default: the file's name without .toml)")
    add_place(run)
    run.add_argument("--until", metavar="HH:MM", help="begin nothing that would end later; whole seeds come first")
    run.add_argument("--estimate", action="store_true", help="run one seed of each kind, and say how long all takes")
    run.add_argument("--retry", action="store_true", help="run cells again that failed")
    _add_baseline(run)
    run.add_argument("--json", action="store_true", help="tell what happens as one JSON object a line")
    run.set_defaults(command=_run)


def _add_size(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--size", metavar="SIZE", help="of a preset: smoke, desk or paper (default: desk)")
    parser.add_argument(
        "--without-missing", action="store_true", help="of a preset: leave out data and encoders not in the cache"
    )


def _add_results(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("results", help="a folder or results.json of `askance lab run` or `askance run`")


def _add_baseline(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--baseline", default="random", metavar="NAME", help="compare with (default: %(default)s)")


def _run(options: argparse.Namespace) -> int:
    from askance.lab.running import deadline, run_grid

    place = place_of(options)
    grid = _grid(options)
    _known(options.baseline, grid.parts)
    found = run_grid(
        grid,
        _folder(options),
        workers=options.workers,
        on=place,
        until=deadline(options.until) if options.until else None,
        only_estimate=options.estimate,
        retry=options.retry,
        say=_events if options.json else _live(),
    )
    if options.estimate:
        return 0
    _show(grid, found, _folder(options), options.baseline, quiet=options.json)
    return 0


def _report(options: argparse.Namespace) -> int:
    from askance.lab.running import results_of
    from askance.reports.page import write_figures
    from askance.reports.pdf import has_pdf

    grid = _grid(options)
    _known(options.baseline, grid.parts)
    across = _show(grid, results_of(grid, _folder(options)), _folder(options), options.baseline)
    if options.figures:
        Path(options.figures).mkdir(parents=True, exist_ok=True)
        for path in write_figures(across, options.figures):
            print(f"Figure: {path}")
        if not has_pdf():
            print("As PDF too with: pip install 'askance[pdf]'")
    return 0


def _compare(options: argparse.Namespace) -> int:
    from askance.lab.across import across
    from askance.lab.grid_table import FORMATS
    from askance.lab.saved import read_results

    title, conditions = read_results(options.results)
    against = [name.strip() for name in options.against.split(",") if name.strip()]
    for number, baseline in enumerate(against):
        _known(baseline, _names(conditions))
        if number:
            print()
        print(FORMATS[options.format](across(conditions, baseline, title)), end="")
    return 0


def _publish(options: argparse.Namespace) -> int:
    from askance.lab.condensing import read, write
    from askance.reports.page import write_published_page

    grids = [read(path) for path in options.results]
    if options.condense:
        names = [grid.preset for grid in grids]
        if twice := next((name for name in names if names.count(name) > 1), None):
            alike = [str(path) for path, name in zip(options.results, names, strict=True) if name == twice]
            raise BadInput(
                f"{' and '.join(alike)} would all be condensed to {twice}.json. Rename these folders, all but one, "
                f"or condense into several folders."
            )
        Path(options.condense).mkdir(parents=True, exist_ok=True)
        for grid in grids:
            print(f"Condensed: {write(grid, Path(options.condense) / f'{grid.preset}.json')}")
    print(f"Page: {write_published_page(grids, options.out, options.about)}")
    return 0


def _pack(options: argparse.Namespace) -> int:
    from askance.cite import cite_results
    from askance.lab.packing import pack
    from askance.lab.saved import read_results

    title, conditions = read_results(options.results)
    _known(options.baseline, _names(conditions))
    place = Path(options.results)
    folder = place if place.is_dir() else place.parent
    out = options.out or folder / f"{folder.absolute().name}.zip"
    print(f"Packed: {pack(title, conditions, out, options.baseline, cite_results(conditions))}")
    return 0


def _export(options: argparse.Namespace) -> int:
    from askance.lab.saved import read_results
    from askance.lab.tracking import export

    title, conditions = read_results(options.results)
    _known(options.baseline, _names(conditions))
    written, there = export(title, conditions, options.mlflow, options.baseline)
    print(f"{written} runs written to {options.mlflow}, {there} were there.")
    return 0


def _mine(options: argparse.Namespace) -> int:
    from askance.executors.local import cores
    from askance.lab.datasets import from_csv
    from askance.lab.mining import ASKED, grid_of_labels, of_project
    from askance.lab.running import run_grid

    if options.label is not None:
        dataset = from_csv(options.labels, label=options.label, text=options.text, id=options.id)
    elif options.labels.endswith(".csv"):
        raise BadInput(f"Which column of {options.labels} holds the classes? Name it with --label.")
    else:
        dataset = of_project(options.labels)
    names = tuple(dict.fromkeys(["random", *(n.strip() for n in options.strategy.split(",") if n.strip())]))
    grid = grid_of_labels(dataset, names if len(names) > 1 else ASKED, options.seeds)
    found = run_grid(grid, options.out, workers=options.workers or cores(), say=_live())
    _show(grid, found, options.out, "random")
    return 0


def _cite(options: argparse.Namespace) -> int:
    from askance.cite import cite, cite_results
    from askance.lab.saved import read_results

    for what in options.what:
        text = cite_results(read_results(what)[1]) if Path(what).exists() else cite(what)
        print(text.rstrip() or f"% nothing to cite for {what}")
    return 0


def _show(grid: Grid, found: list[Results], folder: str, baseline: str, quiet: bool = False) -> Across:
    """Write results and page, and print the table and the findings."""
    from askance.lab.across import across
    from askance.lab.grid_table import grid_text
    from askance.lab.saved import FILE, write_results
    from askance.reports.gridded import grid_findings
    from askance.reports.page import write_grid_page

    gathered = across(found, baseline, grid.title)
    results = write_results(grid.title, found, Path(folder) / FILE)
    page = write_grid_page(gathered, Path(folder) / "report.html")
    if not quiet:
        print(grid_text(gathered))
        for sentence in grid_findings(gathered):
            print(sentence)
        print(f"\nReport: {page}\nResults: {results}")
    return gathered


def _grid(options: argparse.Namespace) -> Grid:
    """The grid of a file, or of a preset where there is no such file."""
    from askance.lab.grids import read_grid
    from askance.lab.presets.catalogue import PRESETS

    if options.grid in PRESETS and not Path(options.grid).exists():
        return PRESETS[options.grid].grid(options.size, without_missing=options.without_missing)
    if options.size is not None:
        raise BadInput(f"A grid of your own has one size, and --size is of presets: {', '.join(PRESETS)}.")
    return read_grid(options.grid)


def _presets(options: argparse.Namespace) -> int:
    from askance.lab.presets.catalogue import PRESETS

    for name, preset in PRESETS.items():
        sizes = ", ".join(f"{size} {long}" for size, long in preset.sizes.items())
        print(f"{name:16} {preset.about}\n{'':16} on 2 cores, about: {sizes}")
    print("\nRun one with: askance lab run NAME --size SIZE")
    return 0


def _known(baseline: str, names: Iterable[str]) -> None:
    from askance.errors import unknown

    if baseline not in names:
        raise unknown("strategy to compare with (--baseline)", baseline, names)


def _names(conditions: list[Results]) -> list[str]:
    return list(dict.fromkeys(name for results in conditions for name in results.strategies))


def _folder(options: argparse.Namespace) -> str:
    size = f"-{options.size}" if options.size else ""
    return str(options.out or options.grid.removesuffix(".toml") + size)


def _events(stand: Stand) -> None:
    print(json.dumps({**vars(stand), "left": None if stand.left != stand.left else stand.left}), flush=True)


def _live() -> Callable[[Stand], None]:
    """Shows how far a grid is: what happened stays, and one line says what is done and left."""
    from askance.cli.progress import Line, lasting

    line = Line()

    def show(stand: Stand) -> None:
        about = " ".join(str(part) for part in (stand.about.get("strategy"), stand.about.get("condition")) if part)
        left = "" if stand.left != stand.left else f"about {lasting(stand.left)} left"
        if stand.kind in ("begun", "estimated", "failed", "late", "ended"):
            said = f"{about}: {stand.said}" if about else stand.said
            line.note(f"{said} That is {left}." if stand.kind == "estimated" and left else said)
        else:
            line.now(f"{stand.done} of {stand.cells} cells, {stand.failed} failed, {left}; {about}")

    return show
