"""A BERT model of the real one's shape, and a millionth of its size."""

import json
from pathlib import Path

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float32]

HIDDEN, INNER, HEADS, LAYERS, POSITIONS = 8, 16, 2, 2, 16
VOCABULARY = [
    "[PAD]",
    "[UNK]",
    "[CLS]",
    "[SEP]",
    "[MASK]",
    "cat",
    "kit",
    "##ten",
    "the",
    "!",
    "cafe",
    "\u4eac",
]


def list_shapes() -> dict[str, tuple[int, ...]]:
    shapes: dict[str, tuple[int, ...]] = {
        "embeddings.word_embeddings.weight": (len(VOCABULARY), HIDDEN),
        "embeddings.position_embeddings.weight": (POSITIONS, HIDDEN),
        "embeddings.token_type_embeddings.weight": (2, HIDDEN),
        "embeddings.LayerNorm.weight": (HIDDEN,),
        "embeddings.LayerNorm.bias": (HIDDEN,),
        "pooler.dense.weight": (HIDDEN, HIDDEN),
        "pooler.dense.bias": (HIDDEN,),
    }
    for layer in range(LAYERS):
        for name, shape in {
            "attention.self.query": (HIDDEN, HIDDEN),
            "attention.self.key": (HIDDEN, HIDDEN),
            "attention.self.value": (HIDDEN, HIDDEN),
            "attention.output.dense": (HIDDEN, HIDDEN),
            "attention.output.LayerNorm": (HIDDEN,),
            "intermediate.dense": (INNER, HIDDEN),
            "output.dense": (HIDDEN, INNER),
            "output.LayerNorm": (HIDDEN,),
        }.items():
            shapes[f"encoder.layer.{layer}.{name}.weight"] = shape
            shapes[f"encoder.layer.{layer}.{name}.bias"] = shape[:1]
    return shapes


def make_weights() -> dict[str, Array]:
    """The same numbers on every machine: no random generator, no function that rounds."""
    weights = {}
    for place, (name, shape) in enumerate(list_shapes().items()):
        count = int(np.prod(shape))
        steps = (np.arange(count) ** 2 * 7 + np.arange(count) * 5 + place * 11) % 101 - 50
        centre = 1 if name.endswith("LayerNorm.weight") else 0
        size = 8 if name.endswith("bias") else 1
        weights[name] = (centre + steps / (64 * size)).astype("<f4").reshape(shape)
    return weights


def write_safetensors(path: Path, weights: dict[str, Array]) -> None:
    header, offset = {}, 0
    for name, array in weights.items():
        header[name] = {
            "dtype": "F32",
            "shape": list(array.shape),
            "data_offsets": [offset, offset + array.nbytes],
        }
        offset += array.nbytes
    head = json.dumps(header).encode()
    data = b"".join(array.tobytes() for array in weights.values())
    path.write_bytes(len(head).to_bytes(8, "little") + head + data)


def write_json(path: Path, **values: object) -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(values), "utf-8")


def write_model(folder: Path) -> None:
    write_json(
        folder / "config.json",
        model_type="bert",
        hidden_act="gelu",
        hidden_size=HIDDEN,
        intermediate_size=INNER,
        num_attention_heads=HEADS,
        num_hidden_layers=LAYERS,
        max_position_embeddings=POSITIONS,
        type_vocab_size=2,
        layer_norm_eps=1e-12,
    )
    write_json(
        folder / "tokenizer_config.json",
        do_lower_case=True,
        strip_accents=None,
        unk_token="[UNK]",
        sep_token="[SEP]",
        pad_token="[PAD]",
        cls_token="[CLS]",
        mask_token="[MASK]",
    )
    write_json(folder / "1_Pooling" / "config.json", pooling_mode_mean_tokens=True)
    (folder / "vocab.txt").write_text("\n".join(VOCABULARY) + "\n", "utf-8")
    write_safetensors(folder / "model.safetensors", make_weights())
