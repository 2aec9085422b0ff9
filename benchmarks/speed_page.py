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
        f"How long `askance.select` takes for {ours['n']} picks, with one thread of "
        f"{ours['machine']['processor']}. Embeddings, probabilities and passes are given; only the selection is "
        "timed, in a process of its own. `python -m benchmarks.selection` and `python -m benchmarks.peers` measure "
        "this again.\n\n",
        "*CPU* is seconds of the process, the median of its repeats. *First* is the first call of a new process "
        "once kernels are cached, and with an empty cache. *Floor* is the time over what the machine needs to look at "
        "every embedding once (or what is named), with the goal. *MiB* is what memory grows by beside the arrays. The "
        "last columns are the best package of those that were tried, its CPU seconds, and how many times faster "
        "askance is; quality stands below.\n\n",
    ]
    for size, found in ours["sizes"].items():
        lines += _size(size, found, theirs["sizes"].get(size, {}))
    return "".join(lines)


def _size(size: str, found: dict[str, Any], peers: dict[str, Any]) -> list[str]:
    what, floors = SIZES[size], found["floors"]
    lines = [
        f"## {size.capitalize()}: {what.items:,} x {what.features}, {what.classes} classes, ",
        f"{what.labeled:,} labeled\n\n",
        f"One look at the embeddings {floors['embeddings'] * 1e3:.1f} ms, logarithms of the probabilities "
        f"{floors['logarithms'] * 1e3:.2f} ms.\n\n",
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
            who = "; ".join(f"{key}: {peer['failed']}" for key, peer in peers.items() if peer["strategy"] == name)
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
