"""One plain sentence for why an item is asked, by the family of what asked for it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

CLOSE = 0.2  # between the two likeliest classes: up to here the model hesitates
SURE = 0.6  # of the likeliest class: less is little
NEVER = -9e29  # of items that nothing flips, see `askance.signals.perturbation`
UNMIXED = -33.0  # of items that no mix changes, see `AlfaMix`
NEAR = 0.5  # of how far two items of the pool typically are apart: up to here something is near


@dataclass(frozen=True)
class Facts:
    """What is known of an asked item; a sentence says nothing that is not in here.

    Args:
        strategy: What asked for it.
        control: Whether it was drawn for an honest score.
        utility: How wanted it was; None where the strategy wrote nothing down.
        model: The number of the model it was asked by.
        likely: The likeliest classes with their probabilities, the first one first; empty where nothing is known.
        undecided: Of several labels the one nearest to one half, with its probability.
        numbers: What the model predicts.
        spread: The standard deviation of each of the numbers; empty where the model gives none.
        votes: How many versions of the model are for each class, most first.
        features: Whether items have features, so that it is known what is near.
        distance: To the nearest labeled item; None where there is none.
        apart: How far two items of the pool typically are apart.
        stands_for: How many unlabeled items are nearer to it than to any other that is asked or labeled.
        about: Whether that was counted on a sample.
        words: What the strategy says of itself, where it is none of ours.
    """

    strategy: str = ""
    control: bool = False
    utility: float | None = None
    model: int = 0
    likely: tuple[tuple[Any, float], ...] = ()
    undecided: tuple[Any, float] | None = None
    numbers: tuple[float, ...] = ()
    spread: tuple[float, ...] = ()
    votes: tuple[tuple[Any, int], ...] = ()
    features: bool = False
    distance: float | None = None
    apart: float = 0.0
    stands_for: int | None = None
    about: bool = False
    words: str = ""


Told = Callable[[Facts], str]  # a clause of the facts; empty where there are none


@dataclass(frozen=True)
class Reason:
    """What a strategy asks for, and the facts that show it.

    Args:
        clause: What its rule says of every item that it picks; empty where the facts say it better.
        told: The facts that are told with it, where there are any.
        even: A utility of this or less means that nothing set apart what was left, so that the clause does not hold.
    """

    clause: str
    told: tuple[Told, ...] = ()
    even: float | None = None


def sentence(facts: Facts) -> str:
    """Why an item is asked, as one sentence for people who label.

    >>> sentence(Facts("margin", likely=(("billing", 0.41), ("refund", 0.38))))
    'The model hesitates between billing (41 %) and refund (38 %).'
    >>> sentence(Facts("typiclust", features=True, stands_for=1200, about=True))
    'It is typical of a group: about 1,200 unlabeled items are nearer to it than to any other that is asked or labeled.'
    """
    if facts.control:
        return "Drawn at random: it measures how good the model is."
    reason = REASONS.get(facts.strategy)
    if reason is None:
        reason = Reason(f"Asked by {facts.strategy}" + f" ({facts.words})" * bool(facts.words), (believes, stands))
    if reason.even is not None and facts.utility is not None and facts.utility <= reason.even:
        return f"It was its turn: to {facts.strategy}, all that was left was alike."
    told = [words for tell in reason.told if (words := tell(facts))]
    said = f"{reason.clause}: {', and '.join(told)}" if reason.clause and told else reason.clause or ", and ".join(told)
    said = said or f"Asked by {facts.strategy}"
    return f"{said[0].upper()}{said[1:]}."


def believes(facts: Facts) -> str:
    """What the model says of an item, and how torn it is."""
    if facts.undecided is not None:
        name, share = facts.undecided
        return f"of its labels the model is least sure of {name} ({percent(share)})"
    if facts.numbers:
        numbers = " and ".join(f"{number:.4g}" for number in facts.numbers)
        give = " and ".join(f"{spread:.2g}" for spread in facts.spread)
        return f"the model predicts {numbers}" + f", give or take {give}" * bool(give)
    if len(facts.likely) < 2:
        return ""
    (first, one), (second, other) = facts.likely[:2]
    if one - other < CLOSE:
        return f"the model hesitates between {first} ({percent(one)}) and {second} ({percent(other)})"
    return f"the model says {first} ({percent(one)}) rather than {second} ({percent(other)})"


def scatters(facts: Facts) -> str:
    """How the model's belief is spread over the classes."""
    if len(facts.likely) < 3 or facts.likely[0][1] >= 0.5:
        return believes(facts)
    *most, last = (f"{name} ({percent(share)})" for name, share in facts.likely)
    return f"the model has no favorite among {', '.join(most)} and {last}"


def doubts(facts: Facts) -> str:
    """How little the model gives its best guess."""
    if not facts.likely:
        return believes(facts)
    name, share = facts.likely[0]
    return f"the model's best guess is {name}, {'with only' if share < SURE else 'with'} {percent(share)}"


def votes(facts: Facts) -> str:
    """What the versions of a model are for."""
    if not facts.votes:
        return believes(facts)
    (first, most), *others = facts.votes
    said = [f"{most} of {sum(count for _, count in facts.votes)} say {first}"]
    said += [f"{count} {'says' if count == 1 else 'say'} {name}" for name, count in others[:2]]
    return ", ".join(said)


def distant(facts: Facts) -> str:
    """How far the nearest labeled item is."""
    if not facts.features:
        return ""
    if facts.distance is None:
        return "nothing else is labeled yet"
    return f"the nearest labeled item is at distance {facts.distance:.3g}, {_typical(facts)}"


def far(facts: Facts) -> str:
    """That nothing labeled is near, if that is so."""
    if not facts.features:
        return "it is farther than others from all that is asked or labeled"
    if facts.distance is None:
        return "nothing else is labeled yet, so nothing labeled is near"
    if facts.distance >= NEAR * facts.apart:
        return f"nothing labeled is near: the nearest is at distance {facts.distance:.3g}, {_typical(facts)}"
    return f"it is farther than others from all that is asked or labeled: {distant(facts)}"


def stands(facts: Facts) -> str:
    """How many items it stands for."""
    if not facts.stands_for:
        return ""
    about, one = "about " * facts.about, facts.stands_for == 1
    count = f"{facts.stands_for:,} unlabeled {'item is' if one else 'items are'}"
    return f"{about}{count} nearer to it than to any other that is asked or labeled"


def percent(share: float) -> str:
    """A probability for people.

    >>> percent(0.412), percent(0.001), percent(0.9999)
    ('41 %', 'under 1 %', 'over 99 %')
    """
    if 0 < share < 0.005:
        return "under 1 %"
    return "over 99 %" if 0.995 <= share < 1 else f"{100 * share:.0f} %"


def _typical(facts: Facts) -> str:
    return f"where two items of the pool are typically {facts.apart:.3g} apart"


def _changed(facts: Facts) -> str:
    """Before a second training there is no change to be told."""
    return f"the last training changed what the model says of it; {believes(facts)}" if facts.model else scatters(facts)


REASONS: Mapping[str, Reason] = {
    "random": Reason("Drawn at random, as every unlabeled item was as likely"),
    # The model is in doubt
    "margin": Reason("", (believes,)),
    "mean-margin": Reason("", (believes,)),
    "least-confidence": Reason("", (doubts,)),
    "entropy": Reason("", (scatters,)),
    "ceal": Reason("", (scatters,)),
    "energy": Reason("All classes score low for it", (believes,)),
    "max-logit": Reason("All classes score low for it", (believes,)),
    "grad-norm": Reason("It may belong to no known class", (scatters,)),
    "cluster-margin": Reason("It is among what is most in doubt, from a group whose turn it was", (believes,)),
    "info-div": Reason("It is among what is most in doubt, and its group had not had its share", (believes,)),
    "falcun": Reason("Drawn by chance among what is in doubt and unlike the rest of its batch", (believes,)),
    # Versions of it disagree
    "bald": Reason("Versions of the model that know the same labels contradict each other", (votes,), even=0.0),
    "power-bald": Reason("Drawn by chance among what versions of the model contradict each other on", (votes,)),
    "batch-bald": Reason("With its batch it says most about which version of the model is right", (votes,), even=0.0),
    "epig": Reason("Its label would tell much about what the model predicts for other items", (votes,), even=0.0),
    "consensus-entropy": Reason("Taken together, versions of the model are in doubt", (votes,), even=0.0),
    "consensus-margin": Reason("Taken together, versions of the model are torn", (votes,)),
    "consensus-least-confidence": Reason("Taken together, versions of the model are not sure", (votes,), even=0.0),
    "mean-std": Reason("Versions of the model are sure of it to different degrees", (votes,), even=0.0),
    "variation-ratio": Reason("Versions of the model disagree", (votes,), even=0.0),
    "vote-entropy": Reason("Versions of the model disagree", (votes,), even=0.0),
    "qbc": Reason("The members of a committee of different models disagree", (votes,), even=0.0),
    "multi-criteria-dpp": Reason("It is in doubt or typical, and unlike the rest of its batch", (votes, stands)),
    "lal": Reason("By experience with made-up tasks its label lowers the error", (believes,)),
    # Far from what is known
    "k-center": Reason("", (far,), even=0.0),
    "k-center-pca": Reason("", (far,), even=0.0),
    "core-gcn": Reason("A graph of all items puts it far from what is asked or labeled", (distant,), even=0.0),
    "k-means-plus-plus": Reason("Drawn by chance, the farther from what is known the likelier", (distant,), even=0.0),
    "lcmd": Reason("It is at the far end of the largest group around a known item", (distant,), even=0.0),
    "greedy-distance": Reason("Nothing known is like it in both what it is and its number", (believes,), even=0.0),
    "uncertain-gcn": Reason("A graph of all items is just not sure that it is unlabeled", (distant,)),
    "vaal": Reason("To a critic it looks unlike what is labeled", (distant,)),
    "waal": Reason("It is in doubt, or to a critic it looks unlike what is labeled", (believes, distant)),
    "discriminative-al": Reason("It is among the surest to be told from what is labeled", (distant,)),
    "dsa": Reason("It is far from the labeled items of the class that the model gives it", (believes, distant)),
    "lsa": Reason("It is unlikely among the labeled items of the class that the model gives it", (believes, distant)),
    "contrastive-al": Reason("The model believes something else of it than of labeled items like it", (believes,)),
    "cdal": Reason(
        "What the model believes of it is unlike what it believes of the known items", (believes,), even=0.0
    ),
    # Many are like it
    "typiclust": Reason("It is typical of a group", (stands,)),
    "k-means": Reason("It is in the middle of a group", (stands,)),
    "centroid": Reason("It points to the middle of a group", (stands,)),
    "diverse-dense": Reason("Its group is densest around it", (stands,)),
    "k-medoids": Reason("Others are near to it", (stands,)),
    "prob-cover": Reason("Many items that nothing covers yet are around it", (stands,), even=0.0),
    "max-herding": Reason("With it, more of the pool is like something known", (stands,), even=0.0),
    "facility-location": Reason("With it, more of the pool is like something known", (stands,), even=0.0),
    "frank-wolfe": Reason("With its batch it comes nearest to the sum of the pool", (stands,)),
    "graph-density": Reason("It lies where items are dense and few are known", (stands,), even=0.0),
    "hierarchical": Reason("Drawn by chance from a part of the pool that is large or of no certain class", (stands,)),
    "similar": Reason("It is like labeled items of the classes that are rarest or wanted", (distant,)),
    "uncertainty-herding": Reason("Doubtful items are like it", (stands, believes), even=0.0),
    "information-density": Reason("It is in doubt, and many items are like it", (scatters, stands), even=0.0),
    "clue": Reason("It is in the middle of a group that is in doubt", (scatters, stands)),
    "dwus": Reason("It may be mistaken, and many items are like it", (stands,), even=0.0),
    "bmdr": Reason("It is in doubt, and its batch is spread as the pool is", (believes, stands), even=0.0),
    "spal": Reason("It is in doubt but not too much, and its batch is spread as the pool is", (stands,), even=0.0),
    "quire": Reason("It helps whatever its label turns out to be", (believes, stands)),
    "hint-svm": Reason("It is near a boundary that is drawn through what is unlabeled", (believes,)),
    "galaxy": Reason("A class begins or ends near it in the order that the model gives", (believes,)),
    "neural-cal": Reason("Models that explain what is known nearly as well as the best one differ about it"),
    "neural-cal-plus-plus": Reason("Its class is open, and not known to be a toss-up", (believes,)),
    "i-neural": Reason("A network and what it may be wrong by leave its class open"),
    "neuronal": Reason("Drawn by chance, the likelier the nearer its two best classes are to each other"),
    "neuronal-stream": Reason("A network and what it may be wrong by leave its class open"),
    "neural-ntk": Reason("What was learned so far leaves its class open"),
    # The model would learn or change
    "badge": Reason(
        "Its label would change the model, in another way than the rest of its batch", (believes,), even=0.0
    ),
    "egl": Reason("Its label would change the model much", (believes,), even=0.0),
    "dynamic-al": Reason("Its label would speed up training", (believes,)),
    "dynamic-al-full": Reason("Its label would speed up training", (believes,)),
    "max-det": Reason("The labels so far say little about it", (distant,), even=0.0),
    "bait": Reason("With its batch the model gets surer of the whole pool", (stands,)),
    "k-dpp": Reason("Drawn by chance in a batch of items that are unlike each other and what is known", (distant,)),
    "expected-error-reduction": Reason("After its label, fewer errors are expected on others", (believes,), even=0.0),
    "variance-reduction": Reason("Its label would steady what the model predicts for others", (believes,), even=0.0),
    "ev-gp": Reason("With its batch a very wide network gets surer of the whole pool", (stands,), even=0.0),
    "ev-gp-ms": Reason("With its batch a very wide network gets surer of the whole pool", (stands,), even=0.0),
    "mlmoc": Reason("If the model's guess were its label, the model would change most", (believes,), even=0.0),
    "lada": Reason("It is in doubt, and so is what lies between it and another item", (believes,), even=0.0),
    "lada-policy": Reason("It is in doubt, and so is what lies between it and another item", (believes,), even=0.0),
    "vanilla-mixup": Reason("It is in doubt, and is mixed with other items to learn from", (believes,), even=0.0),
    "auto-al": Reason("What a search over several strategies made of their wishes put it first", (believes,)),
    "auto-al-as-written": Reason(
        "What a search over several strategies made of their scores put it first", (believes,)
    ),
    "bandit": Reason("A strategy that has surprised lately asked for it", (believes,)),
    "ntk-cpl": Reason("With its label more of the pool would be told right by groups", (stands,), even=0.0),
    "lpl": Reason("The model expects to be more wrong on it than on others", (believes,)),
    # The model is easily moved
    "adversarial-bim": Reason(
        "It takes little change of the item to change the model's guess", (believes,), even=NEVER
    ),
    "adversarial-deep-fool": Reason(
        "It takes little change of the item to change the model's guess", (believes,), even=NEVER
    ),
    "drop-query": Reason("The guess changes where a part of the item is left out", (believes,), even=0.0),
    "alfa-mix": Reason("The guess changes where a little of labeled items is mixed in", (believes,), even=UNMIXED),
    "ldm-s": Reason("It takes little change of the model to change its guess", (believes,), even=-1.0),
    "noise-stability": Reason("A small change of the model moves what it says", (believes,), even=0.0),
    "noise-stability-full": Reason("A small change of the model moves what it says", (believes,), even=0.0),
    "label-dispersion": Reason("The model changed its guess while it was trained", (believes,), even=0.0),
    "tod": Reason("", (_changed,)),
}
