"""What docs/speed.md says, from docs/results/selection.json and docs/results/peers.json."""

from __future__ import annotations

import json
from typing import Any

from benchmarks.measure import ROOT
from benchmarks.selection import FASTER
from benchmarks.workload import SIZES

OURS = ROOT / "docs" / "results" / "selection.json"
THEIRS = ROOT / "docs" / "results" / "peers.json"
_WORTH = {  # what a batch of each kind of method is judged by; less is better where it says so
    "radius": "radius",
    "mean_distance": "mean distance",
    "badge_potential": "potential",
    "mean_entropy": "entropy of the picks",
}


def speed_page() -> str:
    """The page."""
    ours, theirs = json.loads(OURS.read_text("utf-8")), json.loads(THEIRS.read_text("utf-8"))
    lines = [
        "# Speed\n\n",
        "How long `askance.select` takes, with one thread. Embeddings, probabilities and passes are given; only the "
        "selection is timed, in a process of its own. `python -m benchmarks.selection` and `python -m "
        "benchmarks.peers` measure this again.\n\n",
        "*CPU* is seconds of the process, the median of its repeats. *First* is the first call of a new process "
        "once kernels are cached, and with an empty cache. *Floor* is the time over what the machine needs to look at "
        "every embedding once (or what is named), with the goal. *MiB* is what memory grows by beside the arrays. The "
        "last columns are the best package of those that were tried, its CPU seconds, and how many times faster "
        "askance is; quality stands below. Theirs were measured on "
        f"{theirs['date']} with a load of {theirs['machine']['load'][0]:g}, ours on the day that each table names, "
        "not in one run: read ratios as one figure, not three.\n\n",
    ]
    for found in ours.values():
        same = found["n"] == theirs["n"]
        lines += _size(found, theirs["sizes"].get(found["size"], {}) if same else {})
    return "".join(lines)


def _size(found: dict[str, Any], peers: dict[str, Any]) -> list[str]:
    what, floors, machine = SIZES[found["size"]], found["floors"], found["machine"]
    lines = [
        f"## {found['n']:,} of {what.items:,} x {what.features}, {what.classes} classes, {what.labeled:,} labeled\n\n",
        f"{found['date']}, {machine['processor']} with a load of {machine['load'][0]:g}. One look at the embeddings "
        f"{floors['embeddings'] * 1e3:.1f} ms, logarithms of probabilities {floors['logarithms'] * 1e3:.2f} ms.\n\n",
        "| Strategy | CPU s | First s, cached / not | Floor (goal) | MiB | Best peer | CPU s | Faster by (goal) |\n",
        "| --- | --: | --: | --: | --: | --- | --: | --: |\n",
    ]
    worth = []
    for name, row in found["strategies"].items():
        if "skipped" in row:
            lines.append(f"| `{name}` | skipped: {row['skipped']} |  |  |  |  |  |  |\n")
            continue
        best = _best(name, peers)
        floor = f"{row['floor']['times']:.1f} {row['floor']['of']} ({row['floor']['goal']:g})" if "floor" in row else ""
        first = f"{row['first_call']['warm']:.2f} / {row['first_call']['cold']:.1f}"
        who, their, ratio = "", "", ""
        if best is not None:
            who, their = best[0], _seconds(best[1]["cpu_seconds"])
            ratio = f"{best[1]['cpu_seconds'] / row['cpu_seconds']:,.1f}"
            worth.append(_worth(name, row, *best))
        elif any(peer["strategy"] == name for peer in peers.values()):
            failed = [(key, peer["failed"]) for key, peer in peers.items() if peer["strategy"] == name]
            who = "; ".join(
                f"{key}: {why.rpartition('Error: ')[2].partition(' for an array')[0]}" for key, why in failed
            )
        goal = f" ({FASTER[name]})" if name in FASTER and ratio else ""
        lines.append(
            f"| `{name}` | {_seconds(row['cpu_seconds'])} | {first} | {floor} | {row['extra_mib']:.0f} | {who} | "
            f"{their} | {ratio}{goal} |\n"
        )
    if worth:
        lines.append(
            "\nWhat the batches are worth, ours / the peer's: the farthest and the mean distance from any item to the "
            "nearest labeled or picked one and the potential of BADGE's space (less is better), and the mean entropy "
            "of the picks.\n\n| Strategy | Peer | Radius | Mean distance | Potential | Entropy |\n"
            "| --- | --- | --: | --: | --: | --: |\n" + "".join(worth)
        )
    return [*lines, "\n"]


def _best(name: str, peers: dict[str, Any]) -> tuple[str, dict[str, Any]] | None:
    """The fastest peer of a strategy that ended."""
    done = [(who, row) for who, row in peers.items() if row["strategy"] == name and "cpu_seconds" in row]
    return min(done, key=lambda entry: entry[1]["cpu_seconds"], default=None)


def _worth(name: str, row: dict[str, Any], who: str, their: dict[str, Any]) -> str:
    cells = [f"{row['quality'][key]:.4g} / {their['quality'][key]:.4g}" for key in _WORTH]
    return f"| `{name}` | {who} | {' | '.join(cells)} |\n"


def _seconds(value: float) -> str:
    return f"{value:.4f}" if value < 0.1 else f"{value:.2f}"
