"""What the pages of docs/lab say that are not of published benchmarks, from the json files beside them."""

from __future__ import annotations

import json
import math
from typing import Any

from askance.lab.statistics import LEVEL, holm
from askance.reports import words
from benchmarks.architecture_page import claims
from benchmarks.census import outdated, rows
from benchmarks.lockstep import BATCH, COST, INITIAL, TOLERANCE
from benchmarks.measure import ROOT
from benchmarks.neural_cal_page import honeypot_drawn_anew

CENSUS = ROOT / "docs" / "lab" / "census.json"
SMOKE = ROOT / "docs" / "lab" / "smoke.json"
SEARCHES = ROOT / "docs" / "results" / "architecture.json"
ENOUGH = 5  # seeds with which a strategy is shown


def census_page() -> str:
    """Every strategy on every data set against random, and who never beats it."""
    found = json.loads(CENSUS.read_text("utf-8"))
    sets: dict[str, Any] = {title: {**found["sets"][title], "rows": own} for title, own in rows(found).items()}
    names = list(dict.fromkeys(name for one in sets.values() for name in one["rows"]))
    gains = {
        name: {title: one["rows"][name] for title, one in sets.items() if name in one["rows"] and name != "random"}
        for name in names
    }
    ranked = sorted((n for n in names if n != "random"), key=lambda n: -_mean(gains[n]))
    old = outdated(found)
    few = [n for n in ranked if min(row["seeds"] for row in gains[n].values()) < ENOUGH]
    order = [n for n in ranked if n not in few]
    some = next(iter(sets.values()))
    settings = some["settings"]
    lines = [
        "# Census\n\n",
        f"Every strategy of the catalogue that reads frozen features, on {len(sets)} data sets, beside random on "
        f"the same "
        f"seeds: {settings['initial']} first labels at random, then batches of {settings['batch']} up to "
        f"{settings['budget']}; three of ten items are held out. The head is `Linear()`, whose ridge is chosen by "
        f"cross-validation as labels come in. Measured up to {found['date']}, in several "
        "sessions on shared machines, in processes of one thread: seconds are indicative. "
        "`python -m benchmarks.census` goes on.\n\n",
        "A cell is the gain in mean accuracy over the curve, in points of a hundred, with its 95% interval over paired "
        "seeds. Bold: above random by the paired t-test, adjusted by Holm for all strategies of its data set; in "
        "italics: below. *Seconds* is a whole run, fitting and asking, averaged over the data sets. "
        f"{_seeds(sets, order)}\n\n",
        f"**To be run again**, as they have changed since: {', '.join(f'`{n}`' for n in old)}.\n\n" if old else "",
        f"| Strategy | {' | '.join(sets)} | Seconds |\n",
        f"| --- | {' | '.join('--:' for _ in sets)} | --: |\n",
    ]
    base = [_area(one["rows"].get("random")) for one in sets.values()]
    lines.append(f"| `random`: mean accuracy | {' | '.join(base)} | {_seconds(sets, 'random')} |\n")
    for name in order:
        cells = [_cell(one["rows"].get(name)) for one in sets.values()]
        lines.append(f"| `{name}` | {' | '.join(cells)} | {_seconds(sets, name)} |\n")
    if few:
        lines.append(
            f"\nNot here, as they take seconds a batch and fewer than {ENOUGH} seeds of theirs are done somewhere: "
            f"{', '.join(f'`{n}`' for n in few)}.\n"
        )
    never = [n for n in order if gains[n] and not any(row["verdict"] == "above" for row in gains[n].values())]
    lines.append("\n## Never beat random\n\n")
    if never:
        lines.append("On none of these data sets did these come out above random by the adjusted test:\n\n")
        for name in never:
            below = sum(row["verdict"] == "below" for row in gains[name].values())
            seeds = min(row["seeds"] for row in gains[name].values())
            lines.append(f"- `{name}`: below on {below} of {len(gains[name])}, {seeds} seeds each\n")
    else:
        lines.append("There is none.\n")
    everywhere = [
        n for n in order if len(gains[n]) == len(sets) and all(row["verdict"] == "above" for row in gains[n].values())
    ]
    lines.append(
        f"\n## Beat random everywhere\n\n{', '.join(f'`{n}`' for n in everywhere) or 'None'}.\n\n## The data sets\n\n"
    )
    for title, one in sets.items():
        lines.append(f"- **{title}**: {' '.join(one['said']) or 'as it is.'}\n")
    return "".join(lines)


def _seeds(sets: dict[str, Any], names: list[str]) -> str:
    counts = {row["seeds"] for one in sets.values() for name, row in one["rows"].items() if name in names}
    if len(counts) == 1:
        return f"Each has {counts.pop()} seeds."
    return (
        f"Most strategies have {max(counts)} seeds; where there are fewer, slow ones had no more time, and the number "
        f"stands behind the cell."
    )


def smoke_page() -> str:
    """Orders that should hold, and what three seeds would have said."""
    found = json.loads(SMOKE.read_text("utf-8"))
    lines = [
        "# Orders that should hold\n\n",
        f"What the literature and our own trials say of frozen features, as orders, with {found['seeds']} paired seeds "
        f"(0 to {found['seeds'] - 1}), measured on {found['date']}; `python -m benchmarks.smoke` runs it again. "
        f"*Digits* is "
        "scikit-learn's set, 20 first labels, batches of 10 up to 220, 539 items held out. *Ridge 1* is the head "
        "that the "
        "published small experiments used; the other head chooses its ridge by cross-validation. *Honeypot* has four "
        "clouds of which the half at one place has labels by chance; batches of one, ridge 1. *First labels* compares "
        "twenty first labels by k-means with twenty at random, margin after, over the first three rounds. An order "
        "holds by a paired t-test at 0.05, adjusted by Holm for all orders of this page; intervals are of each alone, "
        "and one that keeps off zero is not enough.\n\n",
        "| On | Above | Below | Difference of areas, 95% interval | p, adjusted | Holds |\n",
        "| --- | --- | --- | --: | --: | --- |\n",
    ]
    searched = claims(json.loads(SEARCHES.read_text("utf-8")))
    orders = [*found["claims"], *searched]
    tested = [claim.get("seeds", found["seeds"]) > 1 for claim in orders]
    adjusted = holm([claim["p"] if there else math.nan for claim, there in zip(orders, tested, strict=True)])
    for claim, there, p in zip(orders, tested, adjusted, strict=True):
        if not there:
            lines.append(f"| {claim['on']} | {claim['above']} | {claim['below']} | – | – | not tested yet |\n")
            continue
        interval = f"{words.signed(claim['mean'])} [{words.signed(claim['low'])}, {words.signed(claim['high'])}]"
        holds = "not told apart" if p >= LEVEL else "yes" if claim["mean"] > 0 else "**no**"
        lines.append(
            f"| {claim['on']} | {claim['above']} | {claim['below']} | {interval} | {words.p_value(p)} | {holds} |\n"
        )
    counts = words.listing([str(count) for count in sorted({claim["seeds"] for claim in searched})])
    lines.append(
        "\n*Architecture search* is that of [Active-iNAS](../papers/active-inas.md), where networks learn; seeds so "
        f"far: {counts}. `python -m benchmarks.architecture` goes on with it.\n"
    )
    shares = [words.percent(found[f"{who}'s share in the noise"], 0) for who in ("margin", "gate")]
    lines.append(
        f"\nOn the honeypot {shares[0]}% of what margin asks lies where labels are chance, and {shares[1]}% of what "
        "the gate asks: `neural-cal-plus-plus`, which asks at random where its region is empty. The gate should be "
        "above margin, and need not be above random. The honeypot is drawn once, and seeds are splits and first labels "
        "of it: how other draws would come out the table does not say. "
        f"{honeypot_drawn_anew('../papers/neural-cal.md')}\n\n"
    )
    lines.append(
        "## Mean accuracy over the curve, and at its end\n\n| On | Strategy | Area | End |\n| --- | --- | --: | --: |\n"
    )
    for name, areas in found["areas"].items():
        for strategy, (whole, end) in areas.items():
            lines.append(f"| {name} | `{strategy}` | {words.score(whole)} | {words.score(end)} |\n")
    compared = ", ".join(f"`{name}`" for name in found["compared by few seeds"])
    lines.append(
        f"\n## What few seeds would have said\n\nOn digits, of {compared}: how many pairs of strategies some of the "
        f"seeds "
        "put in the other order than all fifty do, and how far the two orders agree. Subsets are all looked at or "
        "drawn.\n\n"
        "| Seeds | Pairs in the wrong order | Kendall's tau |\n| --: | --: | --: |\n"
    )
    for count, told in found["few seeds"].items():
        lines.append(f"| {count} | {words.percent(told['wrong'])}% | {words.score(told['tau'], 2)} |\n")
    return "".join(lines)


def _mean(rows: dict[str, Any]) -> float:
    values = [row["gain"][0] for row in rows.values() if row["gain"]]
    return sum(values) / len(values) if values else -1.0


def _area(row: dict[str, Any] | None) -> str:
    return words.score(row["area"]) if row else words.NONE


def _cell(row: dict[str, Any] | None) -> str:
    if row is None or not row["gain"]:
        return words.NONE
    mean, low, high = (100 * value for value in row["gain"])
    text = words.signed(mean, 1)
    text = f"**{text}**" if row["verdict"] == "above" else f"*{text}*" if row["verdict"] == "below" else text
    span = f" [{words.signed(low, 1)}, {words.signed(high, 1)}]" if low == low else ""
    return text + span + (f" ({row['seeds']})" if row["seeds"] < 20 else "")


def _seconds(sets: dict[str, Any], name: str) -> str:
    took = [one["rows"][name]["seconds"] for one in sets.values() if name in one["rows"]]
    return words.seconds(sum(took) / len(took)) if took else words.NONE


def cost_page() -> str:
    """What fifty runs cost beside one, and beside loops written with other packages."""
    found = json.loads(COST.read_text("utf-8"))
    other, seeds = found["scikit-activeml"], found["seeds"]
    ours = found["together"]["wall"]
    loop, hasty = "scikit-learn loop", "scikit-learn loop at its own tolerance"
    ways = [
        ("askance, all as one problem", ours, "one thread"),
        ("askance, all as one problem", found["together, two threads"]["wall"], "two threads"),
        ("askance, run by run", found["run by run"]["wall"], "one thread; a fifth of them measured"),
        (
            "a loop with scikit-learn",
            found[loop]["wall"],
            f"one thread; tolerance {TOLERANCE:g}, which gives the same accuracy",
        ),
        ("a loop with scikit-learn", found[hasty]["wall"], "one thread; its own tolerance, 1e-4"),
        (
            f"scikit-activeml {other['version']}",
            seeds * other["cpu seconds of a seed"],
            f"one thread, scikit-learn {other['scikit-learn']}, its own tolerance; processor time of {other['seeds']} "
            "runs",
        ),
    ]
    lines = [
        "# What fifty runs cost\n\n",
        f"{seeds} paired runs by margin, {found['rounds']} rounds of {BATCH} after {INITIAL} first labels, on "
        f"{found['items']:,} items of 128 features and 10 classes; the head has ridge 1. All have the "
        f"same splits, first labels and batch size. Measured in one run on {found['date']}, on "
        f"{found['machine']['processor']}, load {found['machine']['load'][0]}: ratios carry over to other "
        f"machines, seconds do not. "
        f"`python -m benchmarks.lockstep --activeml PYTHON --keep` runs it again.\n\n",
        "| Way | Seconds | Beside ours | How |\n| --- | --: | --: | --- |\n",
    ]
    lines += [f"| {way} | {words.seconds(took)} | {took / ours:.1f} | {how} |\n" for way, took, how in ways]
    one, apart = found["run by run"]["wall"] / seeds, found["converged"]["apart at most"]
    swaps, second = found["swaps"], found["two threads over one"]
    gains = words.listing([f"{gain:.1f} times as fast at {labels}" for labels, gain in second.items()])
    lines.append(
        f"\nOne run alone takes {words.seconds(one)} s, so that {seeds} together cost as much as {ours / one:.0f} of "
        f"them. Of {swaps['picks']:,} picks of single runs {swaps['swapped'] or 'none'} came otherwise when run "
        f"together.\n\n"
        f"Mean accuracy over the curve: {found['area']:.4f}, the loop's {found['area of the loop']:.4f}, "
        f"scikit-activeml's {other['area']:.4f} (on {other['seeds']} of the seeds). Few first labels leave classes "
        f"out, which the packages treat differently; with a first label of each class, and both solved to the end, our "
        f"areas and the loop's are {f'{apart:.0e} apart at most' if apart else 'equal'}.\n\n"
        f"With a second thread heads are fitted {gains}.\n"
    )
    return "".join(lines)
