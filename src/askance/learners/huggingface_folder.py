"""What lies in the folder of a Hugging Face model, read from its files alone."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from askance.errors import BadInput
from askance.optional import need

CONFIG = "config.json"


@dataclass(frozen=True, eq=False)
class Reader:
    """Makes tokens of texts: ids, and a mask that says where there are some.

    Args:
        tokenizer: The library's own.
        length: Tokens that are read of a text, special ones included, at most.
        vocabulary: How many ids the model knows.
        width: How wide all rows are, so that none depends on the others; 0: as the longest needs.
    """

    tokenizer: Any
    length: int
    vocabulary: int
    width: int = 0

    def __call__(self, texts: Any) -> Tensor:
        """Float32 (texts, 2, width).

        Raises:
            BadInput: If an item is no string, or its tokens are none of the model's.
        """
        length = self.width or self.length
        rows = self.tokenizer(_strings(texts), truncation=True, max_length=length)["input_ids"] if len(texts) else []
        width, pad = self.width or max([1, *map(len, rows)]), self.tokenizer.pad_token_id
        filled = [row + [pad] * (width - len(row)) for row in rows]
        ids = torch.tensor(filled, dtype=torch.float32).reshape(len(rows), width)
        if len(rows) and ids.max() >= self.vocabulary:
            raise BadInput(
                f"The tokenizer gives the id {int(ids.max())}, and the model knows {self.vocabulary} of them. Save the "
                f"tokenizer that it was trained with into its folder."
            )
        counts = torch.tensor([max(1, len(row)) for row in rows])  # a text without a token is one of padding: a mean
        mask = torch.arange(width) < counts.unsqueeze(1)  # over nothing is no number
        return torch.stack([ids, mask.to(ids)], 1)


def reader_of(folder: str, length: int) -> Reader:
    """What reads texts for the model in a folder.

    Raises:
        BadInput: If its tokenizer is missing, cannot pad, or does not fit the length.
    """
    config, tokenizer = loaded(folder, "AutoConfig"), loaded(folder, "AutoTokenizer")
    wanted = sorted(tokenizer.vocab_files_names.values())
    if not any((Path(folder) / name).is_file() for name in wanted):  # the library would go on with no word at all
        raise BadInput(f"{folder} holds no tokenizer, none of {', '.join(wanted)}. Save the model's own into it.")
    if tokenizer.pad_token_id is None:
        raise BadInput(
            f"The tokenizer in {folder} has no pad token, and texts are of different lengths. Set one, such as "
            f"tokenizer.pad_token = tokenizer.eos_token, and save it anew."
        )
    places = getattr(config, "max_position_embeddings", None) or 0  # some that have no limit say -1
    most = min(tokenizer.model_max_length, places if places > 0 else tokenizer.model_max_length)
    least = tokenizer.num_special_tokens_to_add() + 1
    if not least <= length <= most:
        raise BadInput(f"length={length}: the model in {folder} reads {least} to {most} tokens. Use one of these.")
    return Reader(tokenizer, length, getattr(config, "vocab_size", 1 << 24))


def fingerprint(folder: Path) -> str:
    """A fingerprint of the files in a folder that could decide what its model gives.

    Raises:
        BadInput: If it is no folder with a model.
    """
    if not (folder / CONFIG).is_file():
        what = f"there is no {CONFIG} in it" if folder.is_dir() else "there is no such folder"
        raise BadInput(f"{folder} holds no model: {what}. Name the folder that save_pretrained() wrote.")
    seen = blake2b(digest_size=16)
    for file in sorted(folder.iterdir()):
        if file.is_file() and file.suffix != ".md" and not file.name.startswith("."):
            seen.update(f"{file.name}:{file.stat().st_size}:".encode())
            with file.open("rb") as opened:
                while part := opened.read(1 << 20):
                    seen.update(part)
    return seen.hexdigest()


def loaded(folder: str, kind: str, **options: Any) -> Any:
    """What one of the library's classes makes of a folder, from its files alone.

    Raises:
        BadInput: If it cannot be read.
    """
    library = need("transformers", "text", "A Hugging Face model")
    with _quiet(library.utils.logging):
        try:
            return getattr(library, kind).from_pretrained(
                folder, local_files_only=True, trust_remote_code=False, **options
            )
        except Exception as error:  # the libraries below raise nearly everything on files that are missing or odd
            said = re.sub(r"\x1b\[\d*m", "", str(error)).partition("\n")[0].rstrip(". ")
            raise BadInput(
                f"{folder} cannot be read as a Hugging Face model: {type(error).__name__}: {said}. Check that the "
                f"folder is whole, with config, tokenizer and weights; save weights as safetensors."
            ) from error


def _strings(items: Any) -> list[str]:
    if isinstance(items, Tensor):
        raise BadInput(
            f"HuggingFace learns from texts, and the pool holds numbers of shape {tuple(items.shape)}. Hand in a list "
            f"of strings, or use a learner of numbers, such as Torch(...)."
        )
    for row, item in enumerate(items):
        if not isinstance(item, str):
            raise BadInput(
                f"HuggingFace learns from texts, and item {row} is {item!r:.40}, a {type(item).__name__}. Hand in "
                f"strings only; an empty one is a text."
            )
    return [item.encode("utf-8", "replace").decode() for item in items]  # half a surrogate pair is no text there


@contextmanager
def _quiet(logging: Any) -> Iterator[None]:
    """The library, kept from talking."""
    verbosity, bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        logging.set_verbosity_error()
        logging.disable_progress_bar()
        try:
            yield
        finally:
            logging.set_verbosity(verbosity)
            if bars:
                logging.enable_progress_bar()
