"""Commands for pools that are too large for a project: score a Parquet file, and choose from what was scored."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING

from askance.cli.options import Commands, add_place, place_of, positive

if TYPE_CHECKING:
    from askance.scoring.scored import ScoredPool


def add(commands: Commands) -> None:
    """Add the commands to the command line."""
    score = commands.add_parser(
        "score-pool",
        help="score a large Parquet file with a model, shard by shard; goes on where it was stopped",
        description="Write where a model sees every row of a Parquet file, and what it says of it, in shards of 65,536 "
        "rows. What is done is not done again.",
    )
    option = score.add_argument
    option("pool", metavar="POOL", help="the Parquet file")
    option("--model", required=True, metavar="FOLDER", help="what `askance export --model` wrote, or a project")
    option("--out", required=True, metavar="FOLDER", help="where the scores go")
    option("--id", metavar="COLUMN", help="the column of ids (default: the project's if it is there, or row numbers)")
    option("--values", metavar="COLUMNS", help="where the model reads numbers: a column of lists, or several columns")
    add_place(score, "1; on Ray, as many as there is room for")
    option("--until", metavar="HH:MM", help="begin no shard that would end later")
    option("--trust", action="store_true", help="let code outside of askance run that the model names")
    option("--json", action="store_true", help="print what was done as JSON")
    score.set_defaults(command=_score)

    choose = commands.add_parser(
        "choose",
        help="choose items of a pool that was scored: shards propose, and one finishes",
        description="Choose items of a pool that `askance score-pool` scored, and write them to a CSV file.",
    )
    option = choose.add_argument
    option("scores", metavar="FOLDER", help="what `askance score-pool` wrote")
    option("-n", type=positive, default=50, metavar="N", help="how many items (default: %(default)s)")
    option("--strategy", default="margin", metavar="NAME", help="by what (default: %(default)s)")
    option("-o", "--out", default="chosen.csv", metavar="FILE", help="(default: %(default)s)")
    option("--known", metavar="FILE", help="a CSV file with a column id: of items that are labeled or asked about")
    option("--propose", type=float, default=None, metavar="X", help="items proposed for each that is chosen")
    option("--seed", type=int, default=0, metavar="N", help="seed of all dice (default: %(default)s)")
    add_place(choose, "1; on Ray, as many as there is room for")
    option("--verify", action="store_true", help="read every byte of the scores first")
    option("--force", action="store_true", help="write over what is there")
    option("--json", action="store_true", help="print what was done as JSON")
    choose.set_defaults(command=_choose)


def _score(options: argparse.Namespace) -> int:
    from askance.cli.progress import Line
    from askance.lab.running import deadline
    from askance.scoring.score import score_pool

    line = Line()
    found = score_pool(
        options.pool,
        options.model,
        options.out,
        values=[name.strip() for name in (options.values or "").split(",") if name.strip()],
        id=options.id,
        workers=_workers(options),
        on=place_of(options),
        until=deadline(options.until) if options.until else None,
        trust=options.trust,
        watch=line.items,
    )
    line.end()
    if options.json:
        print(json.dumps(vars(found), indent=2))
        return 0
    for number, why in found.recomputed.items():
        print(f"Shard {number} was computed anew: {why}.")
    for row in found.damaged:
        print(f"Line {row} of the ledger is not what was written, and counts for nothing.")
    if found.without:
        print(
            f"{found.without:,} rows have no score: {'; '.join(found.why)}{' ...' * (found.without > len(found.why))}"
        )
    rate = f", {found.rate:,.0f} rows a second" if found.scored else ""
    print(f"{found.folder}: {found.rows:,} rows in {found.shards:,} shards, {found.scored:,} scored now{rate}")
    if found.left:
        print(f"{found.left:,} shards are left; say the same again to go on.")
    else:
        print(f"Next: askance choose {quote(str(found.folder))} -n 1000 --strategy margin -o chosen.csv")
    return 0


def _choose(options: argparse.Namespace) -> int:
    from askance.errors import BadInput, StorageError
    from askance.scoring.choose import FACTOR, choose
    from askance.scoring.picks import known_rows, write_chosen
    from askance.scoring.scored import ScoredPool

    if Path(options.out).suffix.lower() != ".csv":
        raise BadInput(f"{options.out} is not called as a CSV file is. Name it chosen.csv, for example.")
    if Path(options.out).exists() and not options.force:
        raise BadInput(
            f"{options.out} is there already, and may hold labels. Name another file with -o, or say --force to write "
            f"over it."
        )
    pool = ScoredPool(options.scores)
    _complete(pool)
    if options.verify and (wrong := pool.verify()):
        number, why = next(iter(wrong.items()))
        raise StorageError(
            f"{len(wrong)} shards of {options.scores} are not what was written, shard {number} first: {why}. Say "
            f"askance score-pool again: they are computed anew."
        )
    known = known_rows(pool, options.known) if options.known else None
    if known is not None and known.strange:
        many = f"{len(known.strange):,} id{'s are' if len(known.strange) > 1 else ' is'}"
        print(f"{options.known}: {many} of no item here, {known.strange[0]!r} first", file=sys.stderr)
    found = choose(
        pool,
        options.strategy,
        options.n,
        known=() if known is None else known.rows,
        seed=options.seed,
        factor=FACTOR if options.propose is None else options.propose,
        workers=_workers(options),
        on=place_of(options),
    )
    write_chosen(options.out, pool, found)
    facts = {"file": options.out, "chosen": len(found.rows), "exact": found.exact, "proposed": found.proposed}
    if options.json:
        print(json.dumps({**facts, "reason": found.reason}, indent=2))
        return 0
    how = "as from the whole pool" if found.exact else f"among {found.proposed:,} that the shards proposed"
    why = f" ({found.reason})" if found.reason else ""
    print(f"{options.out}: {len(found.rows):,} items by {options.strategy}, chosen {how}{why}")
    if len(pool.versions) > 1:
        shares = ", ".join(f"{version}: {count:,} shards" for version, count in sorted(pool.versions.items()))
        print(f"Several versions of askance scored them ({shares}).")
    return 0


def _workers(options: argparse.Namespace) -> int | None:
    """One here, where most pools are read as fast as the disk gives them; elsewhere all there are."""
    return options.workers or (1 if options.on == "processes" else None)


def _complete(pool: ScoredPool) -> None:
    from askance.errors import BadInput

    if missing := pool.missing:
        raise BadInput(
            f"{len(missing):,} of {len(missing) + len(pool.shards):,} shards of {pool.folder} are not scored yet. Say "
            f"askance score-pool again, and choose then."
        )
