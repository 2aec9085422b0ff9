"""Generated support tickets for trying a project at any size: eight kinds, very unequal, with the usual dirt.

Run it as ``python examples/make_tickets.py ROWS tickets.csv``. The file has no labels; their truth goes into a second
one, ``tickets-truth.csv``, for `examples/colleague.py`, which plays the person who labels.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

from askance.sources.csv import write_table

KINDS = {  # how often each kind comes, what its tickets talk about, and what they want
    "billing": (
        0.26,
        "invoice charge card payment statement tax amount receipt subscription price",
        "corrected explained",
    ),
    "login": (0.22, "password login code phone locked session device browser verification link", "unlocked reset"),
    "shipping": (0.18, "parcel courier address tracking delivery depot box label van neighbor", "found delivered"),
    "refund": (0.12, "refund return money transfer bank voucher credit days order policy", "refunded paid"),
    "bug": (0.10, "crash error screen button freeze update version log page report", "fixed repaired"),
    "feature": (0.06, "export filter dark mode shortcut calendar integration widget option sort", "added built"),
    "account": (0.04, "profile name email delete merge team owner role member data", "changed removed"),
    "abuse": (0.02, "spam insult fake threat message user block harassment photo scam", "blocked removed"),
}
OPENINGS = (
    "hello team", "hi there", "good morning", "dear support", "to whom it may concern", "hey", "greetings",
)  # fmt: skip
SHARED = (
    "since yesterday", "for the third time", "on my phone", "after the last change", "without any warning",
    "again and again", "as far as I can see", "in the app", "on the website", "although I asked before",
    "and nobody answers", "which is urgent", "when I am at work", "before the weekend", "with my old order",
)  # fmt: skip
CLOSINGS = ("thanks", "kind regards", "please help", "waiting for an answer", "best wishes", "this is annoying")


def tickets(rows: int, seed: int = 0) -> tuple[list[str], list[str], list[str], list[str]]:
    """Numbers, subjects, bodies and kinds of tickets; one in fifty repeats another, one in five hundred is empty."""
    dice = np.random.default_rng(seed)
    kinds = list(KINDS)
    drawn = dice.choice(len(kinds), rows, p=[share for share, _, _ in KINDS.values()])
    numbers: list[str] = []
    subjects: list[str] = []
    bodies: list[str] = []
    for row, kind in enumerate(drawn):
        numbers.append(f"T-{row + 10_000}")
        if row and dice.random() < 0.02:
            same = int(dice.integers(row))
            subjects.append(subjects[same])
            bodies.append(bodies[same])
            drawn[row] = drawn[same]
        elif dice.random() < 0.002:
            subjects.append("")
            bodies.append(" ")
        else:
            subject, body = ticket(kinds[kind], dice)
            subjects.append(subject)
            bodies.append(body)
    return numbers, subjects, bodies, [kinds[kind] for kind in drawn]


def ticket(kind: str, dice: np.random.Generator) -> tuple[str, str]:
    """A subject and a body; some words of every ticket belong to another kind."""
    own, wanted = KINDS[kind][1].split(), KINDS[kind][2].split()
    other = KINDS[list(KINDS)[int(dice.integers(len(KINDS)))]][1].split()
    words = [*dice.choice(own, 4), *dice.choice(other, 1)]
    dice.shuffle(words)
    about = " ".join(words)
    number = int(dice.integers(1000, 10_000))
    body = (
        f"{dice.choice(OPENINGS)}, my {own[int(dice.integers(len(own)))]} {number} is wrong {dice.choice(SHARED)}: "
        f"{about}. It should be {dice.choice(wanted)} {dice.choice(SHARED)}; {dice.choice(CLOSINGS)}."
    )
    return f"{words[0]} {number}", body


def main(rows: int, path: Path) -> None:
    numbers, subjects, bodies, kinds = tickets(rows)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_table(path, {"number": numbers, "subject": subjects, "body": bodies})
    truth = path.with_name(f"{path.stem}-truth.csv")
    write_table(truth, {"number": numbers, "kind": kinds})
    print(f"{path}: {rows:,} tickets; {truth}: what each is about")


if __name__ == "__main__":
    if len(sys.argv) != 3 or not sys.argv[1].isdigit():
        sys.exit("Say how many and where: python examples/make_tickets.py ROWS OUT.csv")
    main(int(sys.argv[1]), Path(sys.argv[2]))
