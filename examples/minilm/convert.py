"""Convert a BERT sentence-embedding model from its Hugging Face folder to one GGUF file.

Deterministic: the same folder gives the same bytes, on every machine and every Python,
so the conversion can be recorded as a derivation and repeated by whoever doubts it. The
tensors stay float32 and are copied byte for byte; only their names and order change.
Standard library only, no network; nothing of the model is executed.

Layout of the file: ggml-org/ggml, docs/gguf.md (version 3). Keys and tensor names: those
that llama.cpp looks up for the architecture "bert".

    python convert.py FOLDER OUTPUT.gguf      prints the SHA-256 of what was written
"""

import argparse
import hashlib
import json
import struct
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any, Final, NamedTuple, Self, TypeVar

from weights import Tensor, WeightsError, read_index
from wordpiece import read_vocabulary

MAGIC: Final = b"GGUF"
VERSION: Final = 3
ALIGNMENT: Final = 32  # bytes; the format's default, so no key has to say it
COPY_BYTES: Final = 1 << 20
FLOAT32: Final = 0  # a tensor's type, and the file's
POOLING_MEAN: Final = 1
NORMAL_TOKEN: Final = 1
CONTROL_TOKEN: Final = 3
WORD_START: Final = "\u2581"  # llama.cpp marks the start of a word; BERT marks its continuation

BLOCK_NAMES: Final = {
    "attention.self.query": "attn_q",
    "attention.self.key": "attn_k",
    "attention.self.value": "attn_v",
    "attention.output.dense": "attn_output",
    "attention.output.LayerNorm": "attn_output_norm",
    "intermediate.dense": "ffn_up",
    "output.dense": "ffn_down",
    "output.LayerNorm": "layer_output_norm",
}
EMBEDDING_NAMES: Final = {
    "embeddings.word_embeddings.weight": "token_embd.weight",
    "embeddings.token_type_embeddings.weight": "token_types.weight",
    "embeddings.position_embeddings.weight": "position_embd.weight",
    "embeddings.LayerNorm.weight": "token_embd_norm.weight",
    "embeddings.LayerNorm.bias": "token_embd_norm.bias",
}
# mean pooling uses neither the pooler nor the stored list 0…511 of positions
UNUSED_NAMES: Final = {"pooler.dense.weight", "pooler.dense.bias", "embeddings.position_ids"}


Plain = TypeVar("Plain", str, int, float, bool)


class Value(NamedTuple):
    """A metadata value: its GGUF type number and its encoding."""

    kind: int
    data: bytes


class Placed(NamedTuple):
    """A tensor under its GGUF name, and where it lies in the safetensors file."""

    name: str
    tensor: Tensor


class Settings(NamedTuple):
    """A JSON file of the model, and what is in it."""

    file: str
    values: dict[str, Any]

    @classmethod
    def read(cls, path: Path) -> Self:
        """Return the settings in ``path``; raises WeightsError if it is no JSON object."""
        try:
            values = json.loads(path.read_bytes())
        except (ValueError, RecursionError) as error:
            raise WeightsError(f"{path.name} is not JSON: {error}") from error
        if not isinstance(values, dict):
            raise WeightsError(f"{path.name} is not a JSON object")
        return cls(path.name, values)

    def get(self, key: str, kind: type[Plain]) -> Plain:
        """Return the setting ``key``; raises WeightsError unless it is there and a ``kind``."""
        value = self.values.get(key)
        if not isinstance(value, kind) or type(value) is not kind:  # True is an int to Python
            raise WeightsError(f"{key!r} in {self.file} is not of type {kind.__name__}")
        return value


def text(value: str) -> Value:
    """Return ``value`` as a GGUF string."""
    return Value(8, _counted(value.encode()))


def number(value: int) -> Value:
    """Return ``value`` as a GGUF uint32; raises WeightsError if it is none."""
    if not 0 <= value < 1 << 32:
        raise WeightsError(f"{value} is not an unsigned number of 32 bits")
    return Value(4, struct.pack("<I", value))


def real(value: float) -> Value:
    """Return ``value`` as a GGUF float32."""
    return Value(6, struct.pack("<f", value))


def flag(value: bool) -> Value:  # noqa: FBT001 - the value itself, not a switch
    """Return ``value`` as a GGUF bool."""
    return Value(7, struct.pack("<?", value))


def array(values: list[Value]) -> Value:
    """Return ``values``, all of one type, as a GGUF array."""
    head = struct.pack("<IQ", values[0].kind, len(values))
    return Value(9, head + b"".join(value.data for value in values))


def _counted(data: bytes) -> bytes:
    return struct.pack("<Q", len(data)) + data


def describe_model(folder: Path) -> dict[str, Value]:
    """Return the metadata of the architecture, from ``config.json``."""
    config = Settings.read(folder / "config.json")
    if config.get("model_type", str) != "bert" or config.get("hidden_act", str) != "gelu":
        raise WeightsError("this converter knows BERT with GELU, and nothing else")
    pooling = Settings.read(folder / "1_Pooling" / "config.json")
    if not pooling.get("pooling_mode_mean_tokens", bool):
        raise WeightsError("this converter knows mean pooling, and nothing else")
    return {
        "general.architecture": text("bert"),
        "general.file_type": number(FLOAT32),
        "bert.block_count": number(config.get("num_hidden_layers", int)),
        "bert.context_length": number(config.get("max_position_embeddings", int)),
        "bert.embedding_length": number(config.get("hidden_size", int)),
        "bert.feed_forward_length": number(config.get("intermediate_size", int)),
        "bert.attention.head_count": number(config.get("num_attention_heads", int)),
        "bert.attention.layer_norm_epsilon": real(config.get("layer_norm_eps", float)),
        "bert.attention.causal": flag(False),
        "bert.pooling_type": number(POOLING_MEAN),
        "tokenizer.ggml.token_type_count": number(config.get("type_vocab_size", int)),
    }


def describe_vocabulary(folder: Path) -> dict[str, Value]:
    """Return the metadata of the WordPiece tokenizer, from ``vocab.txt`` and its settings."""
    settings = Settings.read(folder / "tokenizer_config.json")
    tokens = read_vocabulary(folder)
    special = [settings.get(f"{key}_token", str) for key in ("cls", "sep", "unk", "pad", "mask")]
    if not set(special) <= set(tokens):
        raise WeightsError("the vocabulary lacks a special token of tokenizer_config.json")
    cls, sep, unk, pad, mask = (number(tokens.index(token)) for token in special)
    kinds = [CONTROL_TOKEN if token in special else NORMAL_TOKEN for token in tokens]
    lowercase = settings.get("do_lower_case", bool)
    # BERT's rule: accents go when the setting says so, or is silent and case goes too
    silent = settings.values.get("strip_accents") is None
    accents = lowercase if silent else settings.get("strip_accents", bool)
    return {
        "tokenizer.ggml.model": text("bert"),
        "tokenizer.ggml.tokens": array([text(rename_token(token)) for token in tokens]),
        "tokenizer.ggml.token_type": array([_signed(kind) for kind in kinds]),
        "tokenizer.ggml.bos_token_id": cls,
        "tokenizer.ggml.eos_token_id": sep,
        "tokenizer.ggml.unknown_token_id": unk,
        "tokenizer.ggml.seperator_token_id": sep,  # the format's own spelling
        "tokenizer.ggml.padding_token_id": pad,
        "tokenizer.ggml.cls_token_id": cls,
        "tokenizer.ggml.mask_token_id": mask,
        "tokenizer.ggml.normalizer.lowercase": flag(lowercase),
        "tokenizer.ggml.normalizer.strip_accents": flag(accents),
    }


def _signed(value: int) -> Value:
    return Value(5, struct.pack("<i", value))


def rename_token(token: str) -> str:
    """Return ``token`` of a BERT vocabulary as llama.cpp spells it."""
    if token.startswith("[") and token.endswith("]"):
        return token
    return token[2:] if token.startswith("##") else WORD_START + token


def place_tensors(index: dict[str, Tensor], layers: int) -> list[Placed]:
    """Return the tensors in the order they are written, under their GGUF names.

    Raises WeightsError if one that the architecture needs is missing, is not float32, or
    if the file has one that this converter does not know.
    """
    if layers > len(index):
        raise WeightsError(f"there are fewer tensors than the {layers} layers of config.json")
    names = dict(EMBEDDING_NAMES)
    for layer in range(layers):
        for old, new in BLOCK_NAMES.items():
            for part in ("weight", "bias"):
                names[f"encoder.layer.{layer}.{old}.{part}"] = f"blk.{layer}.{new}.{part}"
    missing, unknown = names.keys() - index.keys(), index.keys() - names.keys() - UNUSED_NAMES
    if missing or unknown:
        raise WeightsError(f"tensors missing: {sorted(missing)}, unknown: {sorted(unknown)}")
    placed = [Placed(new, index[old]) for old, new in names.items()]
    if any(entry.tensor.dtype != "F32" for entry in placed):
        raise WeightsError("a tensor is not float32")
    return placed


def encode_head(metadata: dict[str, Value], tensors: list[Placed]) -> bytes:
    """Return everything before the tensor data, padded to where the data begins."""
    parts = [MAGIC, struct.pack("<IQQ", VERSION, len(tensors), len(metadata))]
    for key, value in metadata.items():
        parts += [_counted(key.encode()), struct.pack("<I", value.kind), value.data]
    offset = 0
    for name, tensor in tensors:
        shape = tensor.shape[::-1]  # GGUF lists the innermost dimension first
        parts.append(_counted(name.encode()))
        parts.append(struct.pack(f"<I{len(shape)}Q", len(shape), *shape))
        parts.append(struct.pack("<IQ", FLOAT32, offset))
        offset += tensor.size_bytes + _padding(tensor.size_bytes)
    head = b"".join(parts)
    return head + bytes(_padding(len(head)))


def _padding(size_bytes: int) -> int:
    return -size_bytes % ALIGNMENT


def encode(folder: Path) -> Iterator[bytes]:
    """Yield the bytes of the GGUF file made from the Hugging Face files in ``folder``."""
    source = folder / "model.safetensors"
    layers = Settings.read(folder / "config.json").get("num_hidden_layers", int)
    tensors = place_tensors(read_index(source), layers)
    yield encode_head(describe_model(folder) | describe_vocabulary(folder), tensors)
    with source.open("rb") as file:
        for _, tensor in tensors:
            yield from _copy(file, tensor)
            yield bytes(_padding(tensor.size_bytes))


def _copy(file: IO[bytes], tensor: Tensor) -> Iterator[bytes]:
    file.seek(tensor.offset)
    left = tensor.size_bytes
    while left:
        chunk = file.read(min(left, COPY_BYTES))
        if not chunk:
            raise WeightsError("the safetensors file became shorter while it was read")
        left -= len(chunk)
        yield chunk


def convert(folder: Path, output: Path) -> str:
    """Write ``output`` and return the SHA-256 of its bytes, in hexadecimal.

    The file appears under its name only when it is complete. Raises WeightsError if the
    folder is not a model that this converter knows, OSError if a file cannot be used.
    """
    digest = hashlib.sha256()
    partial = output.with_name(output.name + ".partial")
    try:
        with partial.open("wb") as file:
            for chunk in encode(folder):
                digest.update(chunk)
                file.write(chunk)
        partial.replace(output)
    finally:
        partial.unlink(missing_ok=True)
    return digest.hexdigest()


def main() -> int:
    """Convert as the command line says; return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("folder", type=Path, help="config.json, vocab.txt, model.safetensors, …")
    parser.add_argument("output", type=Path, help="the GGUF file to write")
    arguments = parser.parse_args()
    try:
        digest = convert(arguments.folder, arguments.output)
    except (ValueError, OSError) as error:
        print(f"convert: {error}", file=sys.stderr)
        return 1
    print(f"sha256:{digest}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
