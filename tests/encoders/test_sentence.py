"""Sentence transformers in folders: none of a folder's code is run, whichever version of the library is installed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from askance.encoders.sentence import SentenceTransformer
from askance.errors import BadInput

POOLING = {"idx": 0, "name": "0", "path": "", "type": "sentence_transformers.models.Pooling"}
DENSE = {"idx": 0, "name": "0", "path": "dense", "type": "sentence_transformers.models.Dense"}


def folder(place: Path, *modules: dict[str, Any], function: str = "torch.nn.Tanh") -> SentenceTransformer:
    """A folder whose own code leaves a trace when it is run."""
    (place / "dense").mkdir()
    (place / "dense" / "config.json").write_text(json.dumps({"activation_function": function}))
    (place / "mine.py").write_text(f"open({str(place / 'ran')!r}, 'w')\nclass Mine: pass\n")
    (place / "modules.json").write_text(json.dumps(modules))
    return SentenceTransformer(str(place))


@pytest.mark.parametrize(
    ("module", "message"),
    [
        ({**POOLING, "type": "mine.Mine"}, "module 0 is a mine.Mine, and no code of a folder is run here"),
        ({**POOLING, "type": "os.system"}, "module 0 is a os.system"),
        ({**POOLING, "type": "sentence_transformers.models.WordEmbeddings"}, "module 0 is a .*WordEmbeddings"),
        ({**POOLING, "path": "../other"}, r"module 0 lies in \.\./other, elsewhere"),
    ],
)
def test_a_module_that_is_not_the_librarys_or_lies_elsewhere_is_refused_before_it_is_loaded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, module: dict[str, Any], message: str
) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(BadInput, match=message):
        folder(tmp_path, module).fit([])
    assert not (tmp_path / "ran").exists()


def test_an_activation_function_of_the_folders_own_is_refused_not_replaced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(BadInput, match="its activation function is mine.Mine, and no code of a folder is run"):
        folder(tmp_path, DENSE, function="mine.Mine").fit([])
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize("text", ["{", "5", '["a"]'])
def test_a_list_of_modules_that_is_none_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "modules.json").write_text(text)
    with pytest.raises(BadInput, match=r"modules\.json (cannot be read|is no list of modules).*anew"):
        SentenceTransformer(str(tmp_path)).fit([])
