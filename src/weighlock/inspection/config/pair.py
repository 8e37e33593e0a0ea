"""What the keys of a configuration make its reader do, whatever syntax it is written in."""

import posixpath
import re
from collections.abc import Callable
from typing import Any, Final

from weighlock.core.jsontext import objects_of
from weighlock.core.text import shown
from weighlock.inspection.config.class_name import examine_class
from weighlock.inspection.report import Report

_FALSE: Final = (
    False,
    None,
    "",
    "false",
    "False",
    "FALSE",
    "no",
    "off",
    "0",
    0,
)  # others are true for somebody
_KERNELS: Final = frozenset({"_attn_implementation", "attn_implementation", "experts_implementation"})
_CODE_KEYS: Final = frozenset({"auto_map", "custom_pipelines", "custom_pipeline", "custom_generate"})
_RESOLVER: Final = re.compile(r"\$\{\s*([A-Za-z_][\w.]*)\s*:")
_READS_ENVIRONMENT: Final = "oc.env"
_RESOLVERS: Final = frozenset(
    {
        "oc.decode",
        "oc.select",
        "oc.deprecated",
        "oc.create",
        "oc.dict.keys",
        "oc.dict.values",
        "now",
        "hydra",
        "multiply",
        "add",
    }
)
_MLFLOW_LOADERS: Final = frozenset(
    f"mlflow.{name}"
    for name in ("catboost", "fastai", "h2o", "johnsnowlabs", "keras", "langchain", "lightgbm", "onnx", "openai", "paddle",
                 "pmdarima", "prophet", "pyfunc.model", "pytorch", "sentence_transformers", "sklearn", "spacy", "spark",
                 "statsmodels", "tensorflow", "transformers", "xgboost", "llama_index", "dspy")
)  # fmt: skip
_PARENT_LIBRARIES: Final = frozenset(
    {"transformers", "diffusers", "timm", "torch", "sentence_transformers", "peft"}
)
_REMOTE_CODE: Final = "config-remote-code"
MAX_SHARDS: Final = 5000  # of an index; the largest models have some hundred
MAX_SHARD_CHARACTERS: Final = 500  # of a shard's path that is held against the index
FEW_PAIRS: Final = 100  # more, and all of them numbers: one step over them all is quicker
_NUMBERS: Final = frozenset({int, float, bool, type(None)})
_TEMPLATE: Final = ("template", "templates")
_TALK: Final = (
    "chat",
    "prompt",
    "tool",
    "message",
    "system",
)  # in names of templates whose wording reaches a model
_TAGS: Final = ("{{", "{%", "{#")


def examine_document(report: Report, document: Any) -> None:
    """Add what every object of a JSON-like document means."""
    for item in objects_of(document):
        if len(item) > FEW_PAIRS and _NUMBERS.issuperset(map(type, item.values())):
            for key in item.keys() & _MEANT:  # a vocabulary: no name, no template and no path is a number
                _examine_pair(report, key, item[key])
            continue
        examine_class(report, item)
        for key, value in item.items():
            _examine_pair(report, key, value)


def leaves(path: str) -> bool:
    """Return whether a path that a configuration names is absolute or leaves the folder of the model."""
    plain = path.replace("\\", "/")
    return (
        plain.startswith(("/", "~")) or plain[1:3] == ":/" or posixpath.normpath(plain).split("/")[0] == ".."
    )


def _examine_pair(report: Report, key: str, value: Any) -> None:
    if key in _CODE_KEYS:
        _remote_code(report, key, value)
    elif key in _KERNELS and any("/" in text for text in texts_of(value)):
        report.find(_REMOTE_CODE, f"{key} names kernels to download, {shown(', '.join(texts_of(value)))}")
    elif key == "trust_remote_code" and value not in _FALSE:
        report.find("config-trust-remote-code", "trust_remote_code is set")
    elif key.lower().endswith(_TEMPLATE):
        _examine_templates(report, key, value)
    elif key in _NAMED:
        _NAMED[key](report, value)
    for text in value if isinstance(value, list) else [value]:
        if isinstance(text, str) and "${" in text:
            _examine_resolvers(report, key, text)


def _remote_code(report: Report, key: str, value: Any) -> None:
    if not value:
        return
    named = texts_of(value)
    report.find(_REMOTE_CODE, f"{key} names {shown(', '.join(named[:8]) or 'something that is not text')}")
    for text in named:
        repository, separator, rest = text.rpartition("--")
        module = rest.rpartition(".")[0]
        if separator:
            report.link("repository", repository)
        elif module and key == "auto_map":
            report.link("code", module.replace(".", "/") + ".py")


def texts_of(value: Any) -> list[str]:
    """Return a text, or those in a list or object, as deep as lists in objects."""
    items = value.values() if isinstance(value, dict) else value if isinstance(value, list) else [value]
    inner = [part for item in items for part in (item.values() if isinstance(item, dict) else [item])]
    return [
        text
        for item in inner
        for text in (item if isinstance(item, list) else [item])
        if isinstance(text, str)
    ]


def _examine_templates(report: Report, key: str, value: Any) -> None:
    """Examine a text and those in a list or by name; in {"name": …, "template": …} the key is met by itself."""
    from weighlock.inspection.template.examine import examine_template  # noqa: PLC0415  # few documents have one

    if isinstance(value, str):
        if _is_of_talk(key) or any(tag in value for tag in _TAGS):
            examine_template(report, key, value)
        return
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, text in items:
        # a text without a brace renders to itself, and other programs' keys end in "template" too
        if isinstance(text, str) and "{" in text and not str(name).lower().endswith(_TEMPLATE):
            examine_template(report, f"{key}.{name}", text)


def _is_of_talk(key: str) -> bool:
    """Return whether a key's text is a template, whatever it holds; addresses and file names have templates too."""
    name = key.lower()
    return name in _TEMPLATE or any(word in name for word in _TALK)


def _examine_resolvers(report: Report, key: str, value: str) -> None:
    for name in dict.fromkeys(_RESOLVER.findall(value)):
        if name == _READS_ENVIRONMENT:
            report.find(
                "config-environment", f"{shown(key)} takes its value from the environment of the reader"
            )
        elif name not in _RESOLVERS and not name.startswith("hydra"):
            report.find("config-resolver", f"{shown(key)} is computed by the resolver {shown(name)}")


def _target(report: Report, value: Any) -> None:
    if isinstance(value, str):
        from weighlock.inspection.config.named import examine_named  # noqa: PLC0415  # of hydra's files alone

        examine_named(report, value, "_target_")


def _factory(report: Report, value: Any) -> None:
    """logging.config.dictConfig imports what this key names, and calls it with the other keys."""
    if isinstance(value, str):
        from weighlock.inspection.config.named import examine_named  # noqa: PLC0415  # as above

        examine_named(report, value, "the key ()")


def _logging(report: Report, value: Any) -> None:
    """logging.config.dictConfig does the same with the class of a handler, a formatter or a filter."""
    for item in value.values() if isinstance(value, dict) else ():
        kind = item.get("class") if isinstance(item, dict) else None
        if isinstance(kind, str) and "." in kind and not kind.startswith("logging."):
            from weighlock.inspection.config.named import examine_named  # noqa: PLC0415  # as above

            examine_named(report, kind, "the class of a handler")


def _pickled(report: Report, value: Any) -> None:
    """Jsonpickle imports what these keys name, and makes or calls it (its tags.py)."""
    if isinstance(value, str):
        from weighlock.inspection.config.named import examine_named  # noqa: PLC0415  # as above

        examine_named(report, value, "jsonpickle's key")


def _class_path(report: Report, value: Any) -> None:
    """Jsonargparse makes an object of the class; most are of the author's own package, which is here to be read."""
    if isinstance(value, str):
        from weighlock.inspection.config.named import examine_dangerous  # noqa: PLC0415  # as above

        examine_dangerous(report, value, "class_path")


def _auto_mapping(report: Report, value: Any) -> None:
    """PEFT imports the module that parent_library names, to find the class of the base model in it."""
    library = value.get("parent_library") if isinstance(value, dict) else None
    if isinstance(library, str) and library.split(".")[0] not in _PARENT_LIBRARIES:
        report.find(
            "config-target", f"parent_library names {shown(library)}, which is imported with the adapter"
        )


def _beside(report: Report, value: Any) -> None:
    """A file that the loader joins to the model's folder, and reads."""
    if isinstance(value, str) and leaves(value):
        report.find("config-path", f"the file {shown(value)} lies outside the model")


def _upward(report: Report, value: Any) -> None:
    """A tokenizer's file; libraries have long left the absolute path of the author's own cache there."""
    if isinstance(value, str) and leaves(value) and ".." in value:
        report.find("config-path", f"the tokenizer's file {shown(value)} lies outside the model")


def _loader_module(report: Report, value: Any) -> None:
    if isinstance(value, str) and value not in _MLFLOW_LOADERS:
        from weighlock.inspection.config.named import examine_named  # noqa: PLC0415  # as above

        examine_named(report, value, "loader_module")


def _base_model(report: Report, value: Any) -> None:
    if isinstance(value, str) and value:
        report.fact("base model", value)
        report.link("base-model", value)
        if "://" in value or ".." in value.split("/"):  # an absolute path is where the adapter was trained
            report.find("config-path", f"the base model {shown(value)} lies outside the model")


def _weight_map(report: Report, value: Any) -> None:
    safetensors = report.path.endswith(".safetensors.index.json")
    for shard in dict.fromkeys(texts_of(value)):
        if "://" in shard:
            report.find("config-path", f"the shard {shown(shard)} lies on the network")
        elif safetensors and not shard.endswith(".safetensors"):
            report.find("config-path", f"the shard {shown(shard)} is no safetensors file")
        else:
            _named_path(report, shard, "shard")
    if isinstance(value, dict) and safetensors:
        _place_tensors(report, value)


def _place_tensors(report: Report, weight_map: dict[str, Any]) -> None:
    """Note which tensors an index places in which shard."""
    from weighlock.inspection.summary import TENSOR_NAMES, add_summary  # noqa: PLC0415  # of indexes alone

    placed: dict[str, list[str]] = {}
    for name, shard in weight_map.items():
        if isinstance(shard, str) and len(shard) <= MAX_SHARD_CHARACTERS:
            placed.setdefault(shard, []).append(name)
    if len(placed) > MAX_SHARDS:
        report.not_examined(f"an index of more than {MAX_SHARDS} shards is not held against them")
        return
    for shard, names in placed.items():
        add_summary(report, TENSOR_NAMES, names, shard)


def _named_path(report: Report, path: str, kind: str) -> None:
    if leaves(path):
        report.find("config-path", f"the {kind} {shown(path)} lies outside the model")
    else:
        report.link(kind, path)


_NAMED: Final[dict[str, Callable[[Report, Any], None]]] = {
    "_target_": _target,
    "()": _factory,
    "handlers": _logging,
    "formatters": _logging,
    "filters": _logging,
    "py/object": _pickled,
    "py/type": _pickled,
    "py/function": _pickled,
    "class_path": _class_path,
    "auto_mapping": _auto_mapping,
    "model_file_base_name": _beside,
    "serializedFile": _beside,
    "modelFile": _beside,
    "tokenizer_file": _upward,
    "vocab_file": _upward,
    "merges_file": _upward,
    "loader_module": _loader_module,
    "base_model_name_or_path": _base_model,
    "weight_map": _weight_map,
}
_MEANT: Final = _CODE_KEYS | {"trust_remote_code"} | _NAMED.keys()
