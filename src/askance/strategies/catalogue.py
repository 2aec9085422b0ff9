"""The catalogue of strategies."""

from __future__ import annotations

from typing import Any

from askance.catalogue import Catalogue
from askance.describe import find
from askance.errors import BadInput
from askance.strategies.base import Strategy
from askance.task import Task

STRATEGIES = Catalogue(
    "strategy",
    "askance.strategies",
    {
        "random": "askance.strategies.random:Random",
        "least-confidence": "askance.strategies.uncertainty:LeastConfidence",
        "margin": "askance.strategies.uncertainty:Margin",
        "entropy": "askance.strategies.uncertainty:Entropy",
        "energy": "askance.strategies.uncertainty:Energy",
        "max-logit": "askance.strategies.uncertainty:MaxLogit",
        "mean-margin": "askance.strategies.uncertainty:MeanMargin",
        "bald": "askance.strategies.disagreement:Bald",
        "power-bald": "askance.strategies.disagreement:PowerBald",
        "batch-bald": "askance.strategies.disagreement:BatchBald",
        "epig": "askance.strategies.disagreement:Epig",
        "consensus-entropy": "askance.strategies.disagreement:ConsensusEntropy",
        "consensus-margin": "askance.strategies.disagreement:ConsensusMargin",
        "consensus-least-confidence": "askance.strategies.disagreement:ConsensusLeastConfidence",
        "mean-std": "askance.strategies.disagreement:MeanStd",
        "variation-ratio": "askance.strategies.disagreement:VariationRatio",
        "vote-entropy": "askance.strategies.disagreement:VoteEntropy",
        "qbc": "askance.strategies.disagreement:QueryByCommittee",
        "k-center": "askance.strategies.coverage:KCenter",
        "k-center-pca": "askance.strategies.coverage:KCenterPca",
        "k-means-plus-plus": "askance.strategies.coverage:KMeansPlusPlus",
        "lcmd": "askance.strategies.coverage:Lcmd",
        "k-means": "askance.strategies.coverage:KMeans",
        "typiclust": "askance.strategies.coverage:TypiClust",
        "centroid": "askance.strategies.initial:Centroid",
        "diverse-dense": "askance.strategies.initial:DiverseDense",
        "k-medoids": "askance.strategies.cover:KMedoids",
        "prob-cover": "askance.strategies.cover:ProbCover",
        "max-herding": "askance.strategies.cover:MaxHerding",
        "uncertainty-herding": "askance.strategies.cover:UncertaintyHerding",
        "facility-location": "askance.strategies.cover:FacilityLocation",
        "similar": "askance.strategies.cover:Similar",
        "badge": "askance.strategies.gradient:Badge",
        "egl": "askance.strategies.gradient:Egl",
        "grad-norm": "askance.strategies.gradient:GradNorm",
        "dynamic-al": "askance.strategies.dynamics:DynamicAl",
        "dynamic-al-full": "askance.strategies.dynamics:DynamicAlFull",
        "label-dispersion": "askance.strategies.changes:LabelDispersion",
        "ldm-s": "askance.strategies.stability:LdmS",
        "noise-stability": "askance.strategies.stability:NoiseStability",
        "noise-stability-full": "askance.strategies.stability:NoiseStabilityFull",
        "adversarial-bim": "askance.strategies.adversarial:AdversarialBim",
        "adversarial-deep-fool": "askance.strategies.adversarial:AdversarialDeepFool",
        "max-det": "askance.strategies.information:MaxDet",
        "bait": "askance.strategies.information:Bait",
        "frank-wolfe": "askance.strategies.information:AcsFw",
        "k-dpp": "askance.strategies.determinantal:KDpp",
        "multi-criteria-dpp": "askance.strategies.determinantal:MultipleCriteriaDpp",
        "bmdr": "askance.strategies.matching:Bmdr",
        "spal": "askance.strategies.matching:Spal",
        "lal": "askance.strategies.learned:Lal",
        "vaal": "askance.strategies.learned:Vaal",
        "information-density": "askance.strategies.density:InformationDensity",
        "graph-density": "askance.strategies.density:GraphDensity",
        "info-div": "askance.strategies.density:InfoDiv",
        "expected-error-reduction": "askance.strategies.lookahead:ExpectedErrorReduction",
        "variance-reduction": "askance.strategies.lookahead:VarianceReduction",
        "ev-gp": "askance.strategies.tangents:EvGp",
        "ev-gp-ms": "askance.strategies.settings:EvGpMs",
        "mlmoc": "askance.strategies.tangents:Mlmoc",
        "ntk-cpl": "askance.strategies.tangents:NtkCpl",
        "hierarchical": "askance.strategies.classics:Hierarchical",
        "quire": "askance.strategies.classics:Quire",
        "dwus": "askance.strategies.classics:Dwus",
        "hint-svm": "askance.strategies.classics:HintSvm",
        "greedy-distance": "askance.strategies.regression:GreedyDistance",
        "drop-query": "askance.strategies.clusters:DropQuery",
        "cluster-margin": "askance.strategies.clusters:ClusterMargin",
        "clue": "askance.strategies.clusters:Clue",
        "cdal": "askance.strategies.clusters:Cdal",
        "falcun": "askance.strategies.clusters:Falcun",
        "alfa-mix": "askance.strategies.clusters:AlfaMix",
        "contrastive-al": "askance.strategies.boundary:ContrastiveAL",
        "discriminative-al": "askance.strategies.boundary:DiscriminativeAL",
        "dsa": "askance.strategies.boundary:DSA",
        "lsa": "askance.strategies.boundary:LSA",
        "lada": "askance.strategies.augmentation:Lada",
        "lada-policy": "askance.strategies.augmentation:LadaPolicy",
        "vanilla-mixup": "askance.strategies.augmentation:VanillaMixup",
        "lpl": "askance.strategies.trained:Lpl",
        "waal": "askance.strategies.trained:Waal",
        "tod": "askance.strategies.trained:Tod",
        "core-gcn": "askance.strategies.graph:CoreGCN",
        "uncertain-gcn": "askance.strategies.graph:UncertainGCN",
        "galaxy": "askance.strategies.cuts:Galaxy",
        "neural-cal": "askance.strategies.region:NeuralCal",
        "neural-cal-plus-plus": "askance.strategies.region:NeuralCalPlusPlus",
        "i-neural": "askance.strategies.gap:INeural",
        "neuronal": "askance.strategies.gap:Neuronal",
        "neuronal-stream": "askance.strategies.gap:NeuronalStream",
        "neural-ntk": "askance.strategies.gap:NeuralNtk",
        "ceal": "askance.meta.ceal:Ceal",
        "bandit": "askance.meta.bandit:Bandit",
        "auto-al": "askance.meta.autoal:AutoAL",
        "auto-al-as-written": "askance.meta.autoal:AutoALAsWritten",
    },
)

LEFT_OUT: dict[str, str] = {  # methods of the papers that are not here, and why
    "acs-rf-hyper": "It lets the noise of ACS-FW be unknown, and FrankWolfe(projections=10) takes it as given.",
}

DEFAULT = "askance.meta.schedule:default"  # found by name: strategies made of strategies stand a floor higher


def names() -> list[str]:
    """The names of all strategies that need no argument: our own, then those of installed plug-ins."""
    return STRATEGIES.names()


def strategy(what: Any) -> Strategy:
    """The strategy that a name, ``path/mine.py:MyStrategy``, a class or a strategy stands for.

    Raises:
        UnknownName: If no strategy has this name; the nearest one is told.
        BadInput: If what is found is no strategy, or wants arguments.
    """
    found = STRATEGIES.make(what) if isinstance(what, str) else what() if isinstance(what, type) else what
    if not isinstance(found, Strategy):
        raise BadInput(f"{what!r} is a {type(found).__name__}, not a strategy. Subclass askance.Strategy.")
    return found


def name_of(part: Strategy) -> str:
    """The name people know a strategy by: its catalogue name, else its class."""
    return STRATEGIES.name_of(part)


def serving(task: Task) -> list[str]:
    """The names of the strategies that mean something for a task."""
    return [name for name in names() if strategy(name).serves(task)]


def default(task: Task) -> Strategy:
    """The strategy of a study that names none."""
    made: Strategy = find(DEFAULT)(task)
    return made
