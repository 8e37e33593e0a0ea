"""Models of skops: one that it wrote, and schemas whose nodes are not what they say."""

import json
from pathlib import Path
from typing import Any

from corpus.case import MARK, Case, accept, reject
from model_file import npy, zip_of

WRITTEN = Path(__file__).parent / "tree_written"
SYSTEM = b"\x80\x02cposix\nsystem\nX\x0c\x00\x00\x00touch marker\x85R."
Node = dict[str, Any]


def node(kind: str, name: str = "builtins.dict", **parts: object) -> Node:
    module, _, label = name.rpartition(".")
    return {"__class__": label, "__module__": module, "__loader__": kind, **parts}


def constant(value: object) -> Node:
    return node("JsonNode", "builtins.str", content=json.dumps(value), is_json=True)


def items(*content: object, kind: str = "list") -> Node:
    return node(f"{kind.capitalize()}Node", f"builtins.{kind}", content=list(content))


def table(content: dict[str, Node], *key_types: Node, name: str = "builtins.dict") -> Node:
    kinds = key_types or (node("TypeNode", "builtins.str"),) * len(content)
    return node("DictNode", name, content=content, key_types=items(*kinds))


def model(state: Node, name: str = "sklearn.linear_model._base.LinearRegression") -> Node:
    return node("ObjectNode", name, content=state)


def archive(root: Node, **members: bytes) -> bytes:
    schema = {**root, "protocol": 2, "_skops_version": "0.13.0"}
    return zip_of({**members, "schema.json": json.dumps(schema).encode()})


def with_state(key: str, value: Node) -> bytes:
    return archive(model(table({key: value})))


def cases() -> list[Case]:
    array = {"1.npy": npy("'<f8'", "(1,)", bytes(8))}
    objects = {"1.npy": npy("'|O'", "(1,)", SYSTEM)}
    coefficients = node("NdArrayNode", "numpy.ndarray", type="numpy", file="1.npy")
    command = items(constant(MARK), kind="tuple")
    getter = node("OperatorFuncNode", "operator.methodcaller", attrs=items(constant("fit"), kind="tuple"))
    owner = model(table({}))
    method = node(
        "MethodNode", "sklearn.linear_model._base.LinearRegression", content={"func": "fit", "obj": owner}
    )
    generator = node(
        "RandomGeneratorNode",
        "numpy.random._generator.Generator",
        content={"bit_generator": table({"bit_generator": constant("PCG64")}), "seed_seq": table({})},
    )
    run = "posix.system"
    reduced = node("ConstructorFromReduceNode", "builtins.complex", content=items(constant(1), kind="tuple"))
    first = {**node("TypeNode", "builtins.str"), "__id__": 7}
    second = {**node("FunctionNode", "numpy.abs"), "__id__": 7}
    danger, unknown, loader = "skops-type-dangerous", "skops-type-unknown", "skops-loader"
    inner = node("FunctionNode", "builtins.str", content={"module_path": "os", "function": "system"})
    return [
        accept("skops/pipeline.skops", (WRITTEN / "pipeline.skops").read_bytes(), "a pipeline that skops wrote"),
        accept("skops/array.skops", archive(model(table({"coef_": coefficients})), **array), "an estimator with an array"),
        accept("skops/bytes.skops", archive(node("BytesNode", "builtins.bytes", file="1.bin"), **{"1.bin": b"abc"}), "bytes, which are data"),
        accept("skops/generator.skops", archive(generator), "a generator of random numbers"),
        accept("skops/getter.skops", with_state("f", getter), "a getter by name"),
        accept("skops/other.zip", zip_of({"schema.json": b'{"type": "object"}'}), "a schema of something else"),
        reject("skops/system.skops", with_state("f", node("FunctionNode", run)), "a function that runs commands", danger),
        reject("skops/type.skops", with_state("f", node("TypeNode", "builtins.eval")), "a built-in function as a type", danger),
        reject("skops/object.skops", archive(model(table({}), "subprocess.Popen")), "an object of a class that runs commands", danger),
        reject("skops/list.skops", archive(node("ListNode", "subprocess.Popen", content=[constant(MARK)])), "a list whose class is called with its items", danger, loader),
        reject("skops/reduce.skops", archive(node("ConstructorFromReduceNode", run, content=command)), "a call", danger),
        reject("skops/reduce-class.skops", archive(node("ConstructorFromReduceNode", "sklearn.pipeline.Pipeline", content=command)), "an estimator that is called", loader),
        reject("skops/array-class.skops", archive(items(reduced, node("NdArrayNode", run, type="numpy", file="1.npy")), **array), "an array whose class is called with it", danger, loader),
        reject("skops/old-function.skops", archive(inner), "a function named as protocol 0 did, behind another name", danger),
        reject("skops/partial.skops", archive(node("PartialNode", "functools.partial", content={"func": node("FunctionNode", run), "args": command, "kwds": table({}), "namespace": table({})})), "a partial call", danger),
        reject("skops/default.skops", archive(node("DefaultDictNode", "collections.defaultdict", content={"main": table({}), "default_factory": node("FunctionNode", run)})), "a factory of missing items", danger),
        reject("skops/unknown.skops", archive(model(table({}), "mypackage.model.Model")), "a class of nobody's", unknown),
        reject("skops/operator.skops", archive(node("OperatorFuncNode", "sklearn.call", attrs=command)), "a function of operator behind another module's name", loader, unknown),
        reject("skops/operator-call.skops", archive(node("OperatorFuncNode", "operator.call", attrs=command)), "operator.call", danger, loader),
        reject("skops/method.skops", with_state("f", method), "a method as a value", "skops-method"),
        reject("skops/method-other.skops", with_state("f", {**method, "__class__": "Ridge", "__module__": "sklearn.linear_model._ridge"}), "a method of another class than it says", loader),
        reject("skops/method-inner.skops", with_state("f", {**method, "content": {"func": "__reduce__", "obj": owner}}), "a method that leads inside", loader),
        reject("skops/method-none.skops", with_state("f", {**method, "content": {"func": "fit"}}), "a method of nothing", "skops-structure"),
        reject("skops/key.skops", archive(table({"a": constant(1)}, node("TypeNode", "sklearn.pipeline.Pipeline"))), "the type of a key is called with it", loader),
        reject("skops/key-function.skops", archive(table({"a": constant(1)}, getter)), "a key goes to a getter", loader),
        reject("skops/key-none.skops", archive({**table({}), "key_types": constant(1)}), "no types of keys", "skops-structure"),
        reject("skops/identity.skops", archive(items(second, table({"a": constant(1)}, first))), "a number for a function and a type", "skops-identity"),
        reject("skops/state.skops", with_state("__class__", constant(1)), "a state that changes the class", "skops-state"),
        reject("skops/loss.skops", archive(node("LossNode", "sklearn.pipeline.Pipeline", __reduce__={"args": command}, content=table({}))), "a loss that is called and is none", loader),
        reject("skops/loader.skops", archive(node("OtherNode", "builtins.dict")), "a kind that skops does not have", loader),
        reject("skops/random.skops", archive(node("RandomGeneratorNode", "numpy.random._generator.Generator", content={"bit_generator": table({"bit_generator": constant("test")}), "seed_seq": table({})})), "a bit generator that is none", loader),
        reject("skops/nameless.skops", archive({"__class__": 1, "__module__": None, "__loader__": "ListNode"}), "a node without names", "skops-structure"),
        reject("skops/objects.skops", archive(model(table({"coef_": coefficients})), **objects), "an array of objects beside the schema", "npy-object-array", "pickle-global-dangerous", "pickle-present"),
        reject("skops/pickle.skops", archive(node("BytesNode", "builtins.bytes", file="1.bin"), **{"1.bin": SYSTEM}), "bytes that are a pickle", "pickle-global-dangerous", "pickle-present"),
        reject("skops/joblib.skops", SYSTEM, "a pickle, which Card.get_model loaded until 0.13", "name-mismatch", "pickle-global-dangerous", "pickle-present"),
        reject("skops/twice.skops", zip_of({"schema.json": b'{"__loader__": "ListNode", "__loader__": "DictNode"}'}), "a key twice", "json-invalid", not_examined="occurs twice"),
        reject("skops/schema.json", json.dumps(node("FunctionNode", run)).encode(), "a schema outside its archive", danger),
        reject("skops/torch.skops", zip_of({"a/data.pkl": b"\x80\x02}.", "a/version": b"3\n", "schema.json": json.dumps(node("FunctionNode", run)).encode()}), "a schema in an archive of torch", danger, "pickle-present"),
    ]  # fmt: skip
