import json
from typing import Any

import pytest

from model_file import examine, rules_of


def found(value: Any, name: str = "config.json") -> set[str]:
    return rules_of(examine(name, json.dumps(value).encode())) - {"json-present"}


@pytest.mark.parametrize(
    ("value", "rule"),
    [
        ({"py/object": "subprocess.Popen", "args": ["touch", "marker"]}, "config-target-dangerous"),
        (
            {"py/reduce": [{"py/type": "os.system"}, {"py/tuple": ["touch marker"]}]},
            "config-target-dangerous",
        ),
        ({"py/function": "someone.run"}, "config-target"),
        ({"class_path": "subprocess.Popen", "init_args": {}}, "config-target-dangerous"),
        ({"auto_mapping": {"parent_library": "marker", "base_model_class": "X"}}, "config-target"),
        ({"model_file_base_name": "../../marker"}, "config-path"),
        ({"model": {"serializedFile": "/srv/marker.pt"}}, "config-path"),
        ({"tokenizer_file": "../../../etc/passwd"}, "config-path"),
        ({"vocab_file": "a/../../../etc/passwd"}, "config-path"),
    ],
)
def test_keys_that_name_code_or_files_elsewhere(value: Any, rule: str) -> None:
    assert rule in found(value)


@pytest.mark.parametrize(
    "value",
    [
        {"class_path": "lightning.pytorch.callbacks.ModelCheckpoint", "init_args": {"monitor": "loss"}},
        {"class_path": "src.models.Net"},
        {
            "auto_mapping": {
                "parent_library": "transformers.models.bert.modeling_bert",
                "base_model_class": "BertModel",
            }
        },
        {"auto_mapping": None},
        {"model_file_base_name": "model"},
        {"tokenizer_file": "/root/.cache/huggingface/tokenizer.json", "vocab_file": "vocab.txt"},
        {"vocab_file": None, "merges_file": "merges.txt"},
    ],
)
def test_the_same_keys_as_ordinary_models_have_them(value: Any) -> None:
    assert found(value) == set()
