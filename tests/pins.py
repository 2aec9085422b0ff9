"""What pins a method to its definition: a mark on tests, from which docs/fidelity.md is written."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

Test = TypeVar("Test", bound=Callable[..., object])

KINDS = ("definition", "brute force", "equivalence", "law", "peer", "defect")


def pins(method: str, kind: str, what: str, equation: str = "") -> Callable[[Test], Test]:
    """Say what a test pins; the page reads this from the source, so write literals.

    Args:
        method: The catalogue name, or several with commas.
        kind: ``definition`` (checked by hand or in plain code), ``brute force`` (against all there is), ``equivalence``
            (equal to another method in a special case), ``law`` (frequencies, chi-square), ``peer`` (other package) or
            ``defect`` (fails where released code goes wrong).
        what: One sentence: what is compared; for a defect, which code does what, and that ours does not.
        equation: The defining equation, in plain text; at one of a method's tests.
    """
    assert kind in KINDS, kind

    def mark(test: Test) -> Test:
        return test

    return mark
