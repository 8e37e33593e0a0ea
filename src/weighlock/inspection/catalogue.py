"""Every format that is recognised, and which examination it gets.

An examination is ``module:function`` within this package, imported when the first file of the
format comes: most runs need few. A format without one is recognised and "not examined".
"""

from collections.abc import Callable
from importlib import import_module
from typing import Final

from weighlock.inspection.file import File
from weighlock.inspection.span import Reading, Unexamined

EXAMINATIONS: Final[dict[str, str | None]] = {
    "7z": "archive.sevenzip:examine_sevenzip",
    "bzip2": "archive.compressed:examine_bzip2",
    "catboost": "tree.catboost:examine_catboost",
    "coreml": "coreml.examine:examine_coreml",
    "coreml-weights": "coreml.weight:examine_weights",
    "ctranslate2": None,
    "elf": "package.native:examine_native",
    "empty": "text.examine:examine_empty",
    "executorch": "torch.executorch:examine_executorch",
    "executorch-tensors": "torch.executorch:examine_executorch_tensors",
    "fasttext": "tree.fasttext:examine_fasttext",
    "ggml": None,
    "gguf": "gguf.examine:examine_gguf",
    "gzip": "archive.compressed:examine_gzip",
    "hdf5": "hdf5.examine:examine_hdf5",
    "image": None,
    "ini": "config.table:examine_ini",
    "joblib": "pickle.examine:examine_pickle_file",
    "json": "config.examine:examine_json_file",
    "json-lines": "config.examine:examine_json_lines",
    "keras-metadata": "tensorflow.examine:examine_keras_metadata",
    "lightgbm": "tree.lightgbm:examine_lightgbm",
    "lz4": "archive.compressed:examine_lz4",
    "lzma": "archive.compressed:examine_lzma",
    "mach-o": "package.native:examine_native",
    "markup": "text.script:examine_markup",
    "msgpack": "msgpack.examine:examine_msgpack",
    "mxnet-params": None,
    "mxnet-symbol": None,
    "npy": "numpy.examine:examine_npy",
    "onnx": "onnx.examine:examine_onnx",
    "openvino": "openvino.examine:examine_openvino",
    "ort": None,
    "paddle": None,
    "paddle-params": None,
    "parquet": None,
    "pdf": None,
    "pe": "package.native:examine_native",
    "pickle": "pickle.examine:examine_pickle_file",
    "pmml": None,
    "pyc": "python.bytecode:examine_bytecode",
    "python": "python.examine:examine_python",
    "r-data": None,
    "rar": None,
    "rknn": None,
    "safetensors": "safetensors.examine:examine_safetensors",
    "script": "text.script:examine_script",
    "sentencepiece": "sentencepiece.examine:examine_sentencepiece",
    "source": "text.script:examine_native_source",
    "tar": "archive.examine_tar:examine_tar_file",
    "tensorrt": None,
    "text": "text.examine:examine_text_file",
    "tf-checkpoint": "tensorflow.bundle:examine_bundle",
    "tf-fingerprint": "tensorflow.examine:examine_fingerprint",
    "tf-graph": "tensorflow.examine:examine_graph",
    "tf-meta-graph": "tensorflow.examine:examine_meta_graph",
    "tf-saved-model": "tensorflow.examine:examine_saved_model",
    "tflite": "tensorflow.tflite:examine_tflite",
    "toml": "config.table:examine_toml",
    "torch7": None,
    "torch-legacy": "torch.legacy:examine_legacy_torch",
    "unknown": "onnx.data_file:examine_unknown",
    "xz": "archive.compressed:examine_xz",
    "xgboost-binary": None,
    "xgboost-ubj": "tree.xgboost:examine_ubjson",
    "yaml": "config.yaml_file:examine_yaml",
    "zip": "archive.examine:examine_zip_file",
    "zlib": "archive.compressed:examine_zlib",
    "zstd": None,
}


def examination_of(format_name: str) -> Callable[[File], Reading[None]]:
    """Return the examination of a format; raises Unexamined if there is none."""
    named = EXAMINATIONS.get(format_name)
    if named is None:
        raise Unexamined(f"there is no parser for {format_name}")
    module, function = named.split(":")
    found: Callable[[File], Reading[None]] = getattr(import_module(f"{__package__}.{module}"), function)
    return found
