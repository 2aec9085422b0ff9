"""What `askance new` writes: the beginning of a part that keeps its contract."""

from __future__ import annotations

import keyword
import re
from pathlib import Path

from askance.errors import BadInput, StorageError

STRATEGY = '''"""Worth a label because the model does not know."""

from __future__ import annotations

from dataclasses import dataclass

from askance import Selector, Signal, Strategy, View
from askance.selection.top import Top
from askance.signals.probabilities import Probabilities
from torch import Tensor


@dataclass(frozen=True)
class {name}(Strategy):
    """Ask where the likeliest class is least likely.

    >>> from askance.testing import view
    >>> paper = view(probabilities=[[0.9, 0.1], [0.6, 0.4]])
    >>> {name}().query(paper, 1).ids
    [1]
    """

    signal: Signal = Probabilities()  # what it reads of the model: probabilities, embeddings, gradients
    select: Selector = Top()  # how a batch is made of it

    def utility(self, view: View) -> Tensor:
        probabilities: Tensor = view[self.signal]  # (items, classes)
        return 1 - probabilities.amax(1)  # how wanted each item is, (items,); higher is more
'''


def new_strategy(name: str, folder: str | Path = ".") -> Path:
    """Write a file with a strategy and its doctest, to be edited.

    Args:
        name: What it is called: ``FarCorner``, ``far-corner`` or ``far_corner``.
        folder: Where to write it.

    Returns:
        The file: ``far_corner.py``.

    Raises:
        BadInput: If the name is no name of a class, the folder is not there, or the file is there already.
        StorageError: If it cannot be written, as where the name is too long.
    """
    words = re.split(r"[-_]", name)
    title = "".join(word[:1].upper() + word[1:] for word in words)
    imported = set(re.findall(r"\w+", " ".join(line for line in STRATEGY.splitlines() if " import " in line)))
    if not all(words) or not title.isidentifier() or keyword.iskeyword(title):
        raise BadInput(f"{name!r} is no name for a class. Use letters and digits, such as FarCorner or far-corner.")
    if title in imported:
        raise BadInput(f"{title!r} is what another part is called. Choose another name, such as My{title}.")
    if not Path(folder).is_dir():
        raise BadInput(f"There is no folder {folder}. Make it first.")
    path = Path(folder) / f"{_snake(title)}.py"
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(STRATEGY.format(name=title))
    except FileExistsError:
        raise BadInput(f"{path} is there already. Choose another name, or move that file away.") from None
    except OSError as error:
        raise StorageError(
            f"{path.name} cannot be written into {folder}: {error.strerror}. Choose another name, or another --folder."
        ) from error
    return path


def _snake(title: str) -> str:
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", title).lower()
