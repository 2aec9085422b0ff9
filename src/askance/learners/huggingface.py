"""A learner of texts: a transformer of a local folder, fine-tuned at each fit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, ClassVar

from torch import Tensor, nn

from askance.errors import BadInput
from askance.learners.base import Learner, Lesson
from askance.learners.beside import Beside
from askance.learners.huggingface_folder import Reader, fingerprint, loaded, reader_of
from askance.learners.network import TorchModel
from askance.learners.schedules import Cosine, Schedule
from askance.learners.torch import Torch


@dataclass(frozen=True)
class HuggingFace(Learner):
    """A Hugging Face model of a local folder, fine-tuned on texts; the items are strings.

    Each fit begins with the weights of the folder and a new linear layer over the mean of a text's last hidden states,
    and trains all of it by `Torch`, for as many steps whatever is labeled. On the CPU with one thread the same lesson
    gives the same model, bit for bit. Nothing is downloaded and no code of the folder is run.

    The folder's files decide what comes out, so their fingerprint is a part of the learner: a journal and a lab name
    it, and files that were replaced since are refused.

    Args:
        folder: What ``save_pretrained()`` of a model and of its tokenizer wrote.
        steps: Steps of the optimizer, AdamW.
        batch: Texts in a step, at most.
        rate: The learning rate.
        decay: The weight decay.
        schedule: How the rate goes over the steps.
        dropout: The share of the mean that a step leaves out before the last layer; what the transformer leaves out
            itself is in its own config.
        length: Tokens that are read of a text. A model reads no more of one than of the longest text of its pool.
        frozen: How many of the transformer's first layers stay as they are, and all that comes before them.
        parts: What is trained in the same steps; the network names no stages.
        device: Where to train and score, such as ``"cuda"``.
        files: The fingerprint of the folder's files; by default that of the files now in it.

    Raises:
        BadInput: If the folder holds no model. By `fit`, also if it or its tokenizer cannot be read, its files are
            others by now, or an item is no string.
        MissingPackage: By `fit`, if transformers is not installed.
    """

    revision: ClassVar[int] = Torch.revision  # which trains it

    folder: str
    steps: int = 300
    batch: int = 16
    rate: float = 5e-5  # Devlin et al. 2019, the largest of theirs, with this batch
    decay: float = 1e-2
    schedule: Schedule = Cosine(rise=0.1)
    dropout: float = 0.1
    length: int = 128
    frozen: int = 0
    parts: tuple[Beside, ...] = ()
    device: str = "cpu"
    files: str = ""

    def __post_init__(self) -> None:
        if not self.length > 0:
            raise BadInput(f"HuggingFace(length={self.length}) reads nothing. Use a number of tokens above 0.")
        _ = self._recipe  # refuses what cannot be
        if not self.files:
            object.__setattr__(self, "files", fingerprint(Path(self.folder)))

    @property
    def gives(self) -> frozenset[str]:
        return self._recipe.gives - {"differentiable"}  # nothing flows through a string

    @property
    def gives_records(self) -> frozenset[str]:
        return self._recipe.gives_records

    def fit(self, lesson: Lesson) -> TextModel:
        reader = self._reader()
        tokens = reader(lesson.items)
        model = self._recipe.fit(replace(lesson, items=tokens))
        return self._reading(model, reader)

    def beside(self, part: Any) -> Learner:
        if not isinstance(part, Beside):
            return super().beside(part)
        return replace(self, parts=(*self.parts, part))

    def restore(self, weights: Mapping[str, Tensor], facts: Mapping[str, Any]) -> TextModel | None:
        if facts.get("files") != self.files:
            return None
        reader = self._reader()
        model = self._recipe.restore(weights, facts)
        return None if model is None else self._reading(model, reader)

    @property
    def _recipe(self) -> Torch:
        """What learns from tokens."""
        return Torch(
            Pretrained(self.folder, self.dropout, self.frozen),
            steps=self.steps,
            batch=self.batch,
            rate=self.rate,
            decay=self.decay,
            schedule=self.schedule,
            parts=self.parts,
            device=self.device,
        )

    def _reader(self) -> Reader:
        """What reads texts, if the folder is still what it was."""
        if fingerprint(Path(self.folder)) != self.files:
            raise BadInput(
                f"The files in {self.folder} are others than when this learner was made. Put the old ones back, or "
                f"go on with the new ones: hand in HuggingFace({self.folder!r}, ...) made anew."
            )
        return reader_of(self.folder, self.length)

    def _reading(self, model: TorchModel, reader: Reader) -> TextModel:
        facts = {**model.facts, "files": self.files}
        reader = replace(reader, width=facts["features"][1])
        return TextModel(model.network, model.layer, model.device, facts, model.records, model.beside, reader=reader)


@dataclass(frozen=True, eq=False)
class TextModel(TorchModel):
    """A network that is given texts, or their tokens.

    Args:
        reader: What makes tokens of texts.
    """

    reader: Reader = field(kw_only=True)

    def given(self, items: Any) -> Tensor:
        return super().given(items if isinstance(items, Tensor) else self.reader(items))


@dataclass(frozen=True)
class Pretrained:
    """Makes a network that begins with the weights of a folder; it reads items as `Reader` makes them.

    Args:
        folder: What ``save_pretrained()`` wrote.
        dropout: The share of the mean that a training step leaves out before the last layer.
        frozen: How many of the first layers stay as they are.
    """

    folder: str
    dropout: float
    frozen: int

    def __post_init__(self) -> None:
        if not 0 <= self.dropout < 1:
            raise BadInput(f"HuggingFace(dropout={self.dropout}) is no share. Use 0 or more, and less than 1.")
        if not self.frozen >= 0:
            raise BadInput(f"HuggingFace(frozen={self.frozen}) is no number of layers. Use 0 or more.")

    def __call__(self, features: tuple[int, int], width: int) -> PretrainedNetwork:
        """A network whose last layer alone has new weights.

        Args:
            features: The shape of an item, (2, tokens).
            width: The width of the scores.

        Raises:
            BadInput: If the folder lacks weights of the transformer, or it has fewer layers than should stay.
        """
        body, found = loaded(self.folder, "AutoModel", output_loading_info=True)
        lacking = sorted(name for name in found["missing_keys"] if "pooler" not in name)  # which nothing here reads
        if lacking:
            raise BadInput(
                f"The weights in {self.folder} lack {len(lacking)} arrays of a {type(body).__name__}, such as "
                f"{lacking[0]}, which would be drawn at random. Save the whole model anew."
            )
        body = body.float()
        if self.frozen:
            _freeze(body, self.frozen)
        return PretrainedNetwork(body, width, self.dropout)


class PretrainedNetwork(nn.Module):
    """A transformer, the mean of what it gives for the tokens of a text, and a linear layer."""

    def __init__(self, body: Any, width: int, dropout: float) -> None:
        super().__init__()
        self.body = body
        self.dropout: nn.Module = nn.Dropout(dropout) if dropout else nn.Identity()
        self.last = nn.Linear(body.config.hidden_size, width)

    def forward(self, items: Tensor) -> Tensor:
        """Scores (items, width) of ids and masks (items, 2, tokens), of any type that holds the ids exactly."""
        ids, mask = items.long().unbind(1)  # they come as float32, which is exact below 2**24; no vocabulary is larger
        hidden = self.body(input_ids=ids, attention_mask=mask, return_dict=True).last_hidden_state
        kept = mask.unsqueeze(2).to(hidden)
        found: Tensor = self.last(self.dropout((hidden * kept).sum(1) / kept.sum(1)))
        return found


def _freeze(body: nn.Module, count: int) -> None:
    """Keep the first layers of a transformer as they are, and what comes before them."""
    wanted = int(getattr(body.config, "num_hidden_layers", 0))
    lists = [part for part in body.modules() if isinstance(part, nn.ModuleList) and len(part) == wanted]
    if not lists or count > wanted:
        has = f"has {wanted} layers. Use {wanted} at most" if lists else "names no list of layers. Use frozen=0"
        raise BadInput(f"HuggingFace(frozen={count}): the {type(body).__name__} {has}.")
    learning = {id(array) for layer in lists[0][count:] for array in layer.parameters()}
    for array in body.parameters():  # in the order of the layers
        if id(array) in learning:
            return
        array.requires_grad_(False)
