"""Texts to frozen features: the mean of static word vectors, taken from a large language model's vocabulary."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from askance.encoders.base import Encoder, Encoding
from askance.encoders.weights import WORDLLAMA, fetched, fingerprints
from askance.errors import BadInput
from askance.optional import need


@dataclass(frozen=True)
class WordLlama(Encoder):
    """The mean of WordLlama's vectors over a text's tokens, scaled to length 1. A text without a token gets zeros.

    The vectors are the ones that the package wordllama 0.4 holds; its code is not used. Checked once against
    ``embed(texts, norm=True)`` of wordllama 0.4.0.post1 on 2,009 texts: they differ by 4e-8 at most. As there, a text
    gets no marks of its beginning and end and is never cut off. Fetch them once: ``askance encoders fetch wordllama``.
    """

    reads: ClassVar[str] = "text"

    def fit(self, items: Iterable[str], seed: int = 0) -> WordLlamaEncoding:
        return _opened(fetched(WORDLLAMA), fingerprints(WORDLLAMA))

    def stands_on(self) -> dict[str, str]:
        fetched(WORDLLAMA)
        return fingerprints(WORDLLAMA)

    def restore(self, arrays: Mapping[str, NDArray[Any]], facts: Mapping[str, Any]) -> WordLlamaEncoding:
        folder = fetched(WORDLLAMA)
        if fingerprints(WORDLLAMA) != facts["files"]:
            raise BadInput(
                f"The weights of wordllama in {folder} are others than the features were made with. "
                f"Use the version of askance that made them, or encode again."
            )
        return _opened(folder, facts["files"])


@dataclass(frozen=True, eq=False)
class WordLlamaEncoding(Encoding):
    """Word vectors and the tokenizer that finds words.

    Args:
        vectors: float32 (tokens, 256).
        tokenizer: The tokenizer's own JSON.
        files: Checksums of what they were read from.
    """

    vectors: NDArray[np.float32] = field(repr=False)
    tokenizer: str = field(repr=False)
    files: Mapping[str, str]

    @property
    def width(self) -> int:
        return int(self.vectors.shape[1])

    def encode(self, items: Sequence[str]) -> NDArray[np.float32]:
        found = np.zeros((len(items), self.width), dtype=np.float32)
        texts = [item.encode("utf-8", "replace").decode() for item in items]  # half a surrogate pair is no text there
        for row, tokens in enumerate(self._tokenizer.encode_batch(texts, add_special_tokens=False)):
            places = np.minimum(np.array(tokens.ids, dtype=np.int64), len(self.vectors) - 1)
            if len(places):
                mean = self.vectors[places].mean(0, dtype=np.float32)
                found[row] = mean / max(float(np.linalg.norm(mean)), 1e-12)
        return found

    def state(self) -> tuple[dict[str, NDArray[Any]], dict[str, Any]]:
        return {}, {"files": dict(self.files)}

    @cached_property
    def _tokenizer(self) -> Any:
        made = need("tokenizers", "text", "The encoder wordllama").Tokenizer.from_str(self.tokenizer)
        made.no_padding()
        made.no_truncation()
        return made


def _opened(folder: Path, files: Mapping[str, str]) -> WordLlamaEncoding:
    from safetensors.numpy import load_file

    need("tokenizers", "text", "The encoder wordllama")
    (vectors,) = load_file(folder / "weights" / "l2_supercat_256.safetensors").values()
    tokenizer = (folder / "tokenizers" / "l2_supercat_tokenizer_config.json").read_text("utf-8")
    return WordLlamaEncoding(np.ascontiguousarray(vectors, dtype=np.float32), tokenizer, dict(files))
