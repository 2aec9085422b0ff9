"""A transformer of a folder learns from texts: same lesson, same model; nothing of the folder is taken on trust."""

from __future__ import annotations

import json
import pickle
import shutil
import socket
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from askance.arrays import take
from askance.cli import main
from askance.describe import build, describe
from askance.errors import BadInput, MissingSignal
from askance.history import Answer, History
from askance.lab.datasets import Dataset
from askance.lab.grids import Grid
from askance.lab.identity import identity
from askance.lab.running import run_grid
from askance.learners import huggingface_folder
from askance.learners.base import Lesson, Outputs
from askance.learners.dropout import Dropout
from askance.learners.ensemble import Ensemble
from askance.learners.heads import LossPrediction, Wasserstein
from askance.learners.huggingface import HuggingFace, TextModel
from askance.learners.wrappers import blank
from askance.optional import MissingPackage
from askance.oracles.known import Known
from askance.pool import Pool
from askance.seeds import Dice
from askance.study.artifacts import FolderArtifacts
from askance.study.study import Study
from askance.task import Classes, Labels, Targets, Task

FOOD = ["bread", "butter", "cheese", "soup", "pepper", "onion", "garlic", "plate", "kitchen", "oven", "salt", "honey"]
SPACE = ["star", "planet", "moon", "comet", "orbit", "rocket", "galaxy", "probe", "crater", "lunar", "sun", "gravity"]
COMMON = ["the", "a", "of", "some", "and", "with", "one", "other", "very", "quite"]
TOPIC = [row % 2 for row in range(60)]


def sentence(row: int) -> str:
    """From three to eight words, about half of them of the topic, food or space by turns."""
    dice = np.random.default_rng(row)
    own = dice.choice((FOOD, SPACE)[row % 2], size=2 + row % 3)
    return " ".join(dice.permutation([*own, *dice.choice(COMMON, size=1 + row % 4)]))


TEXTS = [sentence(row) for row in range(60)]


def write(folder: Path, layers: int = 2, positions: int = 32, **more: Any) -> Path:
    """A transformer that was never trained, with a tokenizer of whole words."""
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import BertConfig, BertModel, PreTrainedTokenizerFast
    from transformers.utils import logging

    logging.disable_progress_bar()
    words = ["[PAD]", "[UNK]", *FOOD, *SPACE, *COMMON]
    inner = Tokenizer(models.WordLevel({word: place for place, word in enumerate(words)}, unk_token="[UNK]"))
    inner.pre_tokenizer = pre_tokenizers.Whitespace()
    special = {"unk_token": "[UNK]", "pad_token": "[PAD]", **more}
    PreTrainedTokenizerFast(tokenizer_object=inner, **special).save_pretrained(folder)
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=len(words),
        hidden_size=16,
        num_hidden_layers=layers,
        num_attention_heads=2,
        intermediate_size=32,
        max_position_embeddings=positions,
    )
    BertModel(config, add_pooling_layer=False).save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def bert(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write(tmp_path_factory.mktemp("bert"))


@pytest.fixture
def own(bert: Path, tmp_path: Path) -> Path:
    """A copy that a test may spoil."""
    return Path(shutil.copytree(bert, tmp_path / "own"))


@pytest.fixture(autouse=True)
def _no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any) -> None:
        raise AssertionError("something wants the network")

    monkeypatch.setattr(socket.socket, "connect", refuse)


def small(folder: Path, **more: Any) -> HuggingFace:
    return HuggingFace(str(folder), **{"steps": 4, "length": 16, **more})


def lesson(labels: int = 30, task: Task | None = None, texts: list[str] = TEXTS) -> Lesson:
    """The first texts are labeled with their topic."""
    task = task or Classes(("food", "space"))
    topics = torch.tensor(TOPIC[:labels], dtype=torch.int64)
    return Lesson(
        items=texts,
        keys=torch.arange(len(texts)) + 100,
        task=task,
        labeled=torch.arange(labels),
        targets=torch.eye(2, dtype=torch.float64)[topics][:, -task.width :],
        weights=torch.ones(labels, dtype=torch.float64),
        unlabeled=torch.arange(labels, len(texts)),
        dice=Dice(0, "fit"),
    )


def arrays(outputs: Outputs) -> list[Tensor]:
    assert outputs.scores is not None and outputs.embeddings is not None
    samples = [] if outputs.samples is None else [outputs.samples]
    return [outputs.scores, outputs.embeddings, *samples, *outputs.extras.values()]


def same(one: Outputs, other: Outputs) -> bool:
    return all(torch.equal(mine, its) for mine, its in zip(arrays(one), arrays(other), strict=True))


def near(one: Outputs, other: Outputs) -> bool:
    return all(torch.allclose(mine, its, atol=1e-5) for mine, its in zip(arrays(one), arrays(other), strict=True))


def test_two_topics_are_learned_from_thirty_texts(bert: Path) -> None:
    found = small(bert, steps=100, rate=5e-3).fit(lesson()).outputs(TEXTS)
    assert found.scores is not None and found.scores.shape == (60, 2)
    right = found.scores[30:].argmax(1) == torch.tensor(TOPIC[30:])
    assert float(right.double().mean()) > 0.8


@pytest.mark.parametrize(
    "task", [Labels(("food", "space")), Targets(), Targets(2), Classes(("food", "space"))], ids=str
)
@pytest.mark.parametrize("labels", [0, 1, 30])
def test_every_task_and_any_number_of_labels_gives_finite_rows(bert: Path, task: Task | None, labels: int) -> None:
    given = lesson(labels, task)
    found = small(bert, steps=2).fit(given).outputs(TEXTS)
    assert found.scores is not None and found.scores.shape == (60, given.task.width)
    assert all(bool(torch.isfinite(array).all()) for array in arrays(found))
    assert bool(found.scores.any()) == (labels > 0)


def test_the_same_lesson_gives_the_same_model_and_throws_no_dice(bert: Path) -> None:
    recipe, found = small(bert), []
    for seed in (1, 2):
        torch.manual_seed(seed)
        np.random.seed(seed)
        before = torch.get_rng_state(), np.random.get_state()[1].tolist()  # type: ignore[index, union-attr]
        model = recipe.fit(lesson())
        found.append((model.outputs(TEXTS), model.weights() or {}))
        assert torch.equal(torch.get_rng_state(), before[0])
        assert np.random.get_state()[1].tolist() == before[1]  # type: ignore[index, union-attr]
    assert same(found[0][0], found[1][0])
    assert all(torch.equal(array, found[1][1][name]) for name, array in found[0][1].items())
    other = recipe.fit(replace(lesson(), dice=Dice(1, "fit")))
    assert not same(found[0][0], other.outputs(TEXTS))


def test_a_fit_begins_with_the_weights_of_the_folder_and_trains_them(bert: Path) -> None:
    from safetensors.torch import load_file

    stored = load_file(bert / "model.safetensors")
    untrained, trained = (small(bert).fit(given).weights() or {} for given in (lesson(0), lesson()))
    assert len(stored) > 20 and all(torch.equal(array, untrained[f"body.{name}"]) for name, array in stored.items())
    moved = [name for name, array in stored.items() if not torch.equal(array, trained[f"body.{name}"])]
    assert {name.split(".")[0] for name in moved} == {"embeddings", "encoder"}


def test_embeddings_are_the_mean_over_the_tokens_of_a_text(bert: Path) -> None:
    model = small(bert).fit(lesson(0))
    ids = torch.tensor([[2, 3, 14]])  # bread, butter, star
    with torch.no_grad():
        hidden = model.network.body(input_ids=ids, attention_mask=torch.ones_like(ids)).last_hidden_state
    found = model.outputs(["bread butter star"]).embeddings
    assert found is not None and torch.allclose(found, hidden.mean(1), atol=1e-6)


def test_a_row_depends_on_no_neighbor_and_a_model_on_no_order_of_the_pool(bert: Path) -> None:
    given = lesson()
    model = small(bert).fit(given)
    whole = model.outputs(TEXTS)
    backward = model.outputs(TEXTS[::-1])
    assert all(torch.allclose(a.flip(0), b, atol=1e-5) for a, b in zip(arrays(backward), arrays(whole), strict=True))
    alone = model.outputs(TEXTS[:1])
    assert all(torch.allclose(a[:1], b, atol=1e-5) for a, b in zip(arrays(whole), arrays(alone), strict=True))
    order = torch.from_numpy(np.random.default_rng(0).permutation(60))
    place = order.argsort()[given.labeled]
    rows = place.argsort()
    other = replace(
        given,
        items=take(TEXTS, order),
        keys=given.keys[order],
        labeled=place[rows],
        targets=given.targets[rows],
        unlabeled=order.argsort()[given.unlabeled].sort().values,
    )
    assert near(whole, small(bert).fit(other).outputs(TEXTS))


def test_texts_are_cut_and_an_empty_one_is_a_text(bert: Path) -> None:
    model = small(bert, length=4).fit(lesson())
    long, cut = "bread star moon soup galaxy oven", "bread star moon soup"
    assert same(model.outputs([long]), model.outputs([cut]))
    assert not same(model.outputs([long]), model.outputs(["bread star moon"]))
    assert model.facts["features"] == [2, 4]
    assert small(bert).fit(lesson()).facts["features"] == [2, max(len(text.split()) for text in TEXTS)]
    odd = model.outputs(["", "bread \ud800 star", "?!"])
    assert all(bool(torch.isfinite(array).all()) for array in arrays(odd))
    assert small(bert).fit(lesson(0, texts=["", ""])).outputs(["", "bread"]).scores.shape == (2, 2)  # type: ignore[union-attr]


def test_layers_that_are_frozen_stay_as_they_are(bert: Path) -> None:
    before = small(bert).fit(lesson(0)).weights() or {}
    for frozen, moves in ((0, {"embeddings", "0", "1", "last"}), (1, {"1", "last"}), (2, {"last"})):
        after = small(bert, frozen=frozen).fit(lesson()).weights() or {}
        moved = {name for name, array in after.items() if not torch.equal(array, before[name])}
        assert {n.split(".")[3] if ".layer." in n else n.split(".")[-3 if "body" in n else 0] for n in moved} == moves


def test_a_model_comes_back_from_disk_bit_by_bit_and_from_its_description(bert: Path, tmp_path: Path) -> None:
    recipe = small(bert)
    model = recipe.fit(lesson())
    FolderArtifacts(tmp_path).save("key", model.weights() or {}, dict(model.facts))
    stored = FolderArtifacts(tmp_path).load("key")
    assert stored is not None
    described = json.loads(json.dumps(describe(recipe)))
    for learner in (recipe, build(described), pickle.loads(pickle.dumps(recipe))):
        assert learner == recipe and describe(learner) == described
        again = learner.restore(*stored)
        assert isinstance(again, TextModel) and again.facts == model.facts
        assert same(model.outputs(TEXTS), again.outputs(TEXTS))
    weights, facts = stored
    assert recipe.restore(weights, {**facts, "files": "other"}) is None
    assert recipe.restore({name: weights[name] for name in list(weights)[1:]}, facts) is None


def test_other_files_in_the_folder_are_another_learner_and_the_old_one_refuses_them(own: Path) -> None:
    before = small(own)
    model = before.fit(lesson())
    write(own, layers=1)
    after = small(own)
    assert before != after and identity(before) != identity(after)
    assert replace(before, steps=9).files == before.files
    for act in (lambda: before.fit(lesson()), lambda: before.restore(model.weights() or {}, model.facts)):
        with pytest.raises(BadInput, match=r"are others than when this learner was made.*HuggingFace\(.*made anew"):
            act()
    (own / "README.md").write_text("notes decide nothing")
    assert small(own) == after


def pool() -> Pool:
    return Pool.from_arrays(TEXTS, ids=[f"text-{row}" for row in range(60)])


def test_a_study_of_texts_is_audited_and_goes_on_after_a_crash(bert: Path, tmp_path: Path) -> None:
    truth = {f"text-{row}": ("food", "space")[TOPIC[row]] for row in range(60)}
    options: dict[str, Any] = {"classes": ("food", "space"), "learner": small(bert), "strategy": "margin", "seed": 4}
    unbroken = Study(pool(), **options)
    unbroken.run(Known(truth), budget=24, batch=8)
    study = Study(pool(), **options, storage=tmp_path / "x.db")
    study.run(Known(truth), budget=24, batch=8)
    study.close()
    shutil.rmtree(tmp_path / "x.db.models")
    study = Study(pool(), storage=tmp_path / "x.db")  # the journal alone says what learns
    assert study.learner == options["learner"]
    assert study.ask(8).ids == unbroken.ask(8).ids
    rows = study.audit(refit=True)
    assert len(rows) == 4 and all(row.ok for row in rows)
    assert study.predict(["bread and salt", "the moon"]).shape == (2, 2)
    assert study.score(["bread and salt", "the moon"], ["food", "space"]).items == 2
    study.close()


def test_what_history_and_the_model_before_say_is_not_read(bert: Path) -> None:
    given, found = lesson(), []
    for told in ("food", "space"):
        answers = MappingProxyType({row: (Answer(told),) for row in range(30, 60)})
        before = small(bert).fit(lesson(4 if told == "food" else 8))
        other = replace(given, history=History((), answers), previous=before, model=before)
        found.append(small(bert).fit(other).outputs(TEXTS))
    assert same(found[0], found[1])


def test_dropout_makes_samples_of_it_and_an_ensemble_members(bert: Path) -> None:
    learner = Dropout(small(bert), passes=3)
    model = learner.fit(lesson())
    found = model.outputs(TEXTS)
    assert found.samples is not None and found.samples.shape == (60, 3, 2)
    assert bool((found.samples.std(1) > 0).all())
    again = learner.restore(model.weights() or {}, model.facts)
    assert again is not None and same(found, again.outputs(TEXTS))
    few = model.outputs(TEXTS[3:5])
    assert few.samples is not None and torch.allclose(few.samples, found.samples[3:5], atol=1e-5)
    both = Ensemble(small(bert), members=2).fit(lesson()).outputs(TEXTS)
    assert both.samples is not None and not torch.equal(both.samples[:, 0], both.samples[:, 1])


def test_heads_and_critics_are_trained_beside_it_and_the_pool_is_recorded(bert: Path) -> None:
    recipe = small(bert).beside(LossPrediction(width=4)).beside(Wasserstein(hidden=4))
    assert recipe.gives == {"scores", "embeddings", "layer", "predicted_loss", "critic"}
    model = recipe.fit(replace(lesson(), record=recipe.gives_records))
    found = model.outputs(TEXTS)
    assert found.extras["predicted_loss"].shape == (60,) and bool(found.extras["critic"].any())
    assert model.records["probabilities"].shape == (60, 4, 2)
    again = recipe.restore(model.weights() or {}, model.facts)
    assert again is not None and same(found, again.outputs(TEXTS))
    with pytest.raises(MissingSignal, match="HuggingFace trains nothing beside its own loss, so int"):
        recipe.beside(3)


class Kept:
    """Keeps a training after its second step, as a killed process would leave it."""

    def __init__(self) -> None:
        self.found: tuple[dict[str, Tensor], dict[str, Any]] | None = None
        self.steps = 0

    def load(self) -> tuple[dict[str, Tensor], dict[str, Any]] | None:
        return self.found

    def due(self) -> bool:
        self.steps += 1
        return self.steps == 2

    def save(self, tensors: dict[str, Tensor], facts: dict[str, Any]) -> None:
        self.found = tensors, facts


def test_a_killed_fit_goes_on_as_it_would_have_gone_on(bert: Path) -> None:
    kept = Kept()
    whole = small(bert).fit(replace(lesson(), resume=kept))
    assert kept.found is not None and kept.found[1]["number"] == 2 and kept.steps == 4
    rest = small(bert).fit(replace(lesson(), resume=kept))
    assert kept.steps == 6 and same(whole.outputs(TEXTS), rest.outputs(TEXTS))


@pytest.mark.parametrize(
    ("more", "says"),
    [
        ({"length": 0}, r"length=0\) reads nothing"),
        ({"steps": 0}, r"\(steps=0\) trains nothing"),
        ({"dropout": 1.0}, r"HuggingFace\(dropout=1.0\) is no share"),
        ({"frozen": -1}, r"HuggingFace\(frozen=-1\) is no number of layers"),
        ({"frozen": 3}, r"frozen=3\): the BertModel has 2 layers. Use 2 at most"),
        ({"length": 33}, r"length=33: the model in .* reads 1 to 32 tokens"),
    ],
)
def test_what_cannot_be_is_refused(bert: Path, more: dict[str, Any], says: str) -> None:
    with pytest.raises(BadInput, match=says):
        small(bert, **more).fit(lesson())


@pytest.mark.parametrize(
    ("items", "says"),
    [
        ([*TEXTS[:59], 7.0], r"learns from texts, and item 59 is 7.0, a float. Hand in strings"),
        (torch.zeros(60, 3), r"learns from texts, and the pool holds numbers of shape \(60, 3\)"),
    ],
)
def test_items_that_are_no_texts_are_refused(bert: Path, items: Any, says: str) -> None:
    with pytest.raises(BadInput, match=says):
        small(bert).fit(replace(lesson(), items=items))


def _unknown_arrays(folder: Path) -> None:
    from safetensors.torch import load_file, save_file

    arrays = load_file(folder / "model.safetensors")
    arrays.pop("encoder.layer.1.output.dense.weight")
    save_file(arrays, folder / "model.safetensors", metadata={"format": "pt"})


def _own_code(folder: Path) -> None:
    (folder / "mine.py").write_text(f"open({str(folder / 'ran')!r}, 'w')\n")
    config = json.loads((folder / "config.json").read_text())
    config |= {"model_type": "mine", "auto_map": {"AutoModel": "mine.Mine", "AutoConfig": "mine.Config"}}
    (folder / "config.json").write_text(json.dumps(config))


def _no_tokenizer(folder: Path) -> None:
    (folder / "tokenizer.json").unlink()
    (folder / "tokenizer_config.json").unlink()


def _cut(folder: Path) -> None:
    file = folder / "model.safetensors"
    file.write_bytes(file.read_bytes()[:-100])


def _no_pad(folder: Path) -> None:
    write(folder, pad_token=None)


def _foreign_words(folder: Path) -> None:
    found = json.loads((folder / "tokenizer.json").read_text())
    found["model"]["vocab"]["star"] = 900
    (folder / "tokenizer.json").write_text(json.dumps(found))


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (shutil.rmtree, "own holds no model: there is no such folder. Name the folder that save_pretrained"),
        (lambda folder: (folder / "config.json").unlink(), "own holds no model: there is no config.json in it"),
        (lambda folder: (folder / "model.safetensors").unlink(), "cannot be read as a Hugging Face model: OSError"),
        (_cut, "cannot be read as a Hugging Face model: .*Check that the folder is whole"),
        (_no_tokenizer, r"own holds no tokenizer, none of .*tokenizer\.json"),
        (_no_pad, "has no pad token.*tokenizer.pad_token = tokenizer.eos_token"),
        (_unknown_arrays, r"lack 1 arrays of a BertModel, such as encoder\.layer\.1\.output\.dense\.weight"),
        (_own_code, "cannot be read as a Hugging Face model"),
        (_foreign_words, "gives the id 900, and the model knows 36 of them"),
    ],
)
def test_a_folder_that_is_not_whole_is_refused(own: Path, spoil: Callable[[Path], Any], says: str) -> None:
    spoil(own)
    with pytest.raises(BadInput, match=says):
        small(own).fit(lesson())
    assert not (own / "ran").exists()


def test_a_missing_package_is_named(bert: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("askance.optional.import_module", _missing)
    with pytest.raises(MissingPackage, match=r"A Hugging Face model needs the package 'transformers'.*askance\[text\]"):
        small(bert).fit(lesson())


def _missing(name: str) -> None:
    raise ImportError(name)


def test_the_library_is_as_talkative_as_before(bert: Path) -> None:
    from transformers.utils import logging

    before = logging.get_verbosity(), logging.is_progress_bar_enabled()
    with huggingface_folder._quiet(logging):
        assert not logging.is_progress_bar_enabled()
    assert (logging.get_verbosity(), logging.is_progress_bar_enabled()) == before


def test_blank_lessons_give_the_same_features_whatever_is_labeled(bert: Path) -> None:
    one, other = (small(bert).fit(blank(lesson(labels))).outputs(TEXTS) for labels in (5, 30))
    assert same(one, other)


def test_the_command_line_compares_strategies_on_texts_with_a_folder(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bert = write(tmp_path / "bert", 1, 128)
    rows = [f"{text},{('food', 'space')[TOPIC[row]]}" for row, text in enumerate(TEXTS)]
    (tmp_path / "texts.csv").write_text("text,topic\n" + "\n".join(rows) + "\n")
    asked = ["run", str(tmp_path / "texts.csv"), "--label", "topic", "--learner", str(bert), "--out", str(tmp_path)]
    sizes = ["--strategy", "margin", "--seeds", "1", "--initial", "8", "--batch", "8", "--budget", "16", "--test", "20"]
    assert main([*asked, *sizes, "--steps", "3"]) == 2
    assert "Name it with --text" in capsys.readouterr().err
    assert main([*asked, *sizes, "--text", "text", "--steps", "3", "--workers", "1"]) == 0
    told = json.loads((tmp_path / "results.json").read_text())
    assert [run["labels"] for run in told["runs"]] == [[8, 16]] * 2
    assert told["settings"]["learner"]["steps"] == 3 and "HuggingFace" in told["settings"]["learner"]["part"]
    assert main(["run", str(tmp_path / "texts.csv"), "--label", "topic", "--text", "text", "--steps", "3"]) == 2
    assert "Linear is not" in capsys.readouterr().err


def test_a_grid_of_texts_is_run_and_goes_on(tmp_path: Path) -> None:
    bert = write(tmp_path / "bert", 1, 32)
    data = Dataset("texts", pool(), tuple(("food", "space")[topic] for topic in TOPIC))
    tuned = {"learner": HuggingFace(str(bert), steps=2, length=8), "name": "fine-tuned"}
    grid = Grid(
        (data,), ("random", "margin"), learners=(tuned,), initial=(8,), batch=(8,), budget=16, test=20, seeds=(0,)
    )
    (first,) = run_grid(grid, tmp_path / "grid")
    (again,) = run_grid(grid, tmp_path / "grid")
    assert [run.labels for run in first.runs] == [[8, 16]] * 2
    assert [(run.strategy, run.scores, run.picks) for run in again.runs] == [
        (run.strategy, run.scores, run.picks) for run in first.runs
    ]
