"""docs/papers/index.md: every paper that askance was built from, with where it runs, what holds it, and its result."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from askance.describe import find
from askance.learners.catalogue import LEARNERS
from askance.strategies.catalogue import STRATEGIES
from benchmarks.fidelity_page import fidelity_page
from benchmarks.measure import ROOT

NOT_YET = "not built yet"


@dataclass(frozen=True)
class Paper:
    """A paper.

    Args:
        title: Its name and year.
        runs: Names of strategies and learners, or ``module:Class`` of other parts.
        tests: Files of tests, beside those that the page on fidelity names for its strategies.
        result: A page with what was measured, from this folder.
        said: Why there is nothing to run, or what of it is not here.
    """

    title: str
    runs: tuple[str, ...] = ()
    tests: tuple[str, ...] = ()
    result: str = ""
    said: str = ""


PAPERS = {
    "DeepAL and its family": (
        Paper(
            "DeepAL+ and *A Comparative Survey of Deep Active Learning*, 2022",
            (
                *("consensus-least-confidence", "consensus-margin", "consensus-entropy", "bald", "mean-std"),
                *("variation-ratio", "k-means", "k-center", "k-center-pca", "badge", "adversarial-bim"),
                *("adversarial-deep-fool", "ceal", "lpl", "vaal", "waal"),
            ),
            result="deepal.md",
        ),
        Paper(
            "AutoAL, 2025",
            ("auto-al", "auto-al-as-written", "bandit"),
            ("tests/meta/test_autoal.py",),
            "autoal.md",
        ),
        Paper("POAL, 2023", said=NOT_YET),
        Paper(
            "Noise stability, 2024",
            ("noise-stability", "noise-stability-full"),
            ("tests/strategies/test_stability_full.py",),
            "noise-stability.md",
        ),
        Paper(
            "Multiple criteria with fixed-size determinantal processes, 2021",
            ("k-dpp", "multi-criteria-dpp"),
            ("tests/strategies/test_determinantal.py",),
            "dpp.md",
        ),
        Paper(
            "A comparative survey of pool-based active learning, with a beam-search oracle, 2021",
            (
                *("askance.lab.bounds:beam_oracle", "svc", "quire", "bmdr", "spal", "lal", "expected-error-reduction"),
                *("hierarchical", "graph-density", "qbc", "hint-svm", "dwus", "k-center"),
            ),
            ("tests/lab/test_bounds.py", "tests/lab/test_pool_survey.py", "tests/test_pool_survey_page.py"),
            "pool-survey.md",
        ),
        Paper("cryoMAE, 2024", said=NOT_YET),
    ),
    "The family of dynamicAL": (
        Paper("dynamicAL, 2022", ("dynamic-al", "dynamic-al-full"), result="dynamical.md"),
        Paper(
            "LADA, 2021",
            ("lada", "lada-policy", "vanilla-mixup", "askance.strategies.augmentation:InfoStn"),
            ("tests/strategies/test_augmentation.py",),
            "lada.md",
            "InfoSTN is a reconstruction.",
        ),
        Paper(
            "Active-iNAS, 2019",
            ("active-inas", "askance.meta.averaged:Averaged", "askance.meta.averaged:Through"),
            ("tests/learners/test_architecture.py", "tests/learners/test_shapes.py"),
            "active-inas.md",
        ),
        Paper(
            "NeuralCAL and NeuralCAL++, 2022",
            ("neural-cal", "neural-cal-plus-plus"),
            ("tests/strategies/test_region.py",),
            "neural-cal.md",
        ),
        Paper(
            "CDALBench, 2024",
            ("core-gcn", "dsa", "lsa", "galaxy", "askance.lab.bounds:greedy_oracle"),
            result="../lab/claims.md",
            said="Its learned agents are not here.",
        ),
        Paper(
            "No Free Lunch in Active Learning, 2025",
            ("drop-query", "typiclust", "badge", "bait", "centroid", "diverse-dense"),
            result="no-free-lunch.md",
        ),
        Paper("Active learning of synergistic gene pairs, 2025", said=NOT_YET),
    ),
    "Papers that cite dynamicAL": (
        Paper(
            "BMDAL, 2023",
            ("lcmd", "max-det", "bait", "frank-wolfe", "k-means-plus-plus", "greedy-distance"),
            result="../speed.md",
            said="Its regression benchmark is not run.",
        ),
        Paper("TAILOR and LabelBench, 2023", said=NOT_YET),
        Paper("DIRECT, 2023", said=NOT_YET),
        Paper("ALOE, 2024", said=NOT_YET),
        Paper("LDM-S, 2024", ("ldm-s",), result="../lab/census.md"),
        Paper(
            "NTKCPL, 2023",
            ("ntk-cpl",),
            ("tests/strategies/test_tangents.py",),
            "ntk.md",
            "In part a reconstruction: no code was released.",
        ),
        Paper("EV-GP, 2023", ("ev-gp", "ev-gp-ms"), ("tests/selection/test_expected_variance.py",), "ntk.md"),
        Paper(
            "I-NeurAL, 2022, and NeurONAL, 2024",
            ("i-neural", "neuronal", "neuronal-stream", "neural-ntk", "neural-pair"),
            ("tests/strategies/test_gap.py", "tests/study/test_stream.py"),
            "streams.md",
        ),
        Paper("DMLE, 2025", ("askance.meta.dependency:Dmle",), result="dmle.md"),
        Paper(
            "pNTK, 2023",
            ("askance.signals.tangents:TangentFeatures", "mlmoc"),
            ("tests/signals/test_tangents.py",),
            "ntk.md",
        ),
        Paper("lpNTK, 2024", ("askance.study.relations:relations",), ("tests/study/test_relations.py",), "ntk.md"),
        Paper(
            "TBU, 2023",
            ("askance.meta.tbu:Learnable", "askance.meta.tbu:Doubtful"),
            ("tests/meta/test_tbu.py",),
            said="Its semi-supervised proxy is left out: the learner's own history stands in.",
        ),
        Paper("Re-weighting tokens for named entities, 2023", said=NOT_YET),
        Paper("PINNACLE, 2024", said=NOT_YET),
        Paper("Breed, 2023, and MelissaDL x Breed, 2024", said="It proposes new simulations; a pool offers none."),
        Paper("Smart surrogates, a study, 2024", ("tod",), ("tests/strategies/test_trained.py",), "deepal.md"),
        Paper(
            "Data selection and architecture optimization, interdependent",
            ("askance.learners.architecture:Architectures", "askance.meta.averaged:Averaged"),
            ("tests/meta/test_averaged.py",),
            "active-inas.md",
            "Our reading: its text could not be had.",
        ),
        Paper("Active graph anomaly detection", said="No text of it was found, and no method to build from."),
        Paper("DynaCor, 2024", said="It finds wrong labels and asks for none; not built."),
        Paper("Learning out of distribution with human feedback, 2025, and AHA, 2024", said=NOT_YET),
        Paper(
            "Dataset cartography for compositional generalization, 2023",
            ("askance.learners.filtered:Filtered",),
            ("tests/learners/test_filtered.py",),
            said="As a filter of labeled items.",
        ),
        Paper("Primal-dual continual learning", said="It keeps a memory of old tasks; there is none here."),
        Paper("Supervised models generalize when trained on random labels, 2025", ("ev-gp-ms",), result="ntk.md"),
        Paper("Deep PAC-Bayes with tangent kernels, 2023", ("ev-gp-ms",), result="ntk.md"),
        Paper("A survey on deep active learning, 2024", said="A taxonomy; nothing to run."),
        Paper("Assistive image annotation systems, 2024", said="A review; nothing to run."),
        Paper("Over-parameterized variational autoencoders, 2024", said="Theory; nothing to run."),
        Paper("Tangent kernels and graph networks, 2023", said="Theory; nothing to run."),
        Paper("Derivative discontinuity of DFT for ACeO3, 2024", said="An application; nothing to run."),
    ),
}


def papers_page() -> str:
    """The page.

    Raises:
        FileNotFoundError: If a test or a page that a row names is not there.
        UnknownName: If a part is not.
    """
    held = set(re.findall(r"^## `(.+)`$", fidelity_page(), re.MULTILINE))
    parts = [
        "# Papers\n\nEvery paper that askance was built from: what of it runs here and under which name, the tests "
        "that hold it to its definition ([Fidelity](../fidelity.md) has them one by one), and where its result "
        "stands.\n"
    ]
    for title, papers in PAPERS.items():
        parts.append(f"\n## {title}\n\n| Paper | Runs as | Tests | Measured | |\n| --- | --- | --- | --- | --- |\n")
        parts += [_row(paper, held) for paper in papers]
    return "".join(parts)


def _row(paper: Paper, held: set[str]) -> str:
    runs = ", ".join(f"`{_checked(name)}`" for name in paper.runs) or "–"
    fidelity = [name for name in paper.runs if name in held]
    tests = [f"[fidelity](../fidelity.md#{fidelity[0]})"] if fidelity else []
    tests += [f"`{_there(file)}`" for file in paper.tests]
    result = f"[{paper.result.rsplit('/', 1)[-1]}]({paper.result})" if paper.result else "–"
    if paper.result:
        _there(f"docs/papers/{paper.result}")
    return f"| {paper.title} | {runs} | {', '.join(tests) or '–'} | {result} | {paper.said} |\n"


def _checked(name: str) -> str:
    """The name that is shown of a part that is there."""
    if ":" not in name:
        if name not in STRATEGIES.places and name not in LEARNERS.places:
            raise KeyError(f"{name} is neither a strategy nor a learner")
        return name
    part: Any = find(name)
    return str(getattr(part, "__name__", name))


def _there(file: str) -> str:
    path = (ROOT / file).resolve()
    if not path.exists():
        raise FileNotFoundError(path)
    return file.removeprefix("tests/")
