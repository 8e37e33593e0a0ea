"""Tree ensembles, fastText, Flax and formats that are only recognised: what libraries wrote, and what breaks."""

import copy
import gzip
import json
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

from corpus.case import Case, accept, reject

WRITTEN = Path(__file__).parent / "tree_written"
SYSTEM = b"cposix\nsystem\n(S'touch marker'\ntR."
INDEX, STRUCTURE = "tree-index", "tree-structure"


def written(name: str) -> bytes:
    return (WRITTEN / name).read_bytes()


def xgboost(change: Callable[[dict[str, Any]], object]) -> bytes:
    """Return XGBoost's model in JSON after a change."""
    document = json.loads(written("xgboost.json"))
    change(document)
    return json.dumps(document).encode()


def gbtree(document: dict[str, Any]) -> dict[str, Any]:
    model: dict[str, Any] = document["learner"]["gradient_booster"]["model"]
    return model


def in_tree(key: str, value: object, at: int | None = None) -> bytes:
    def change(document: dict[str, Any]) -> None:
        tree = gbtree(document)["trees"][0]
        if at is None:
            tree[key] = value
        else:
            tree[key][at] = value

    return xgboost(change)


def in_model(key: str, value: object) -> bytes:
    return xgboost(lambda document: gbtree(document).update({key: value}))


def of_learner(key: str, value: str) -> bytes:
    return xgboost(lambda document: document["learner"]["learner_model_param"].update({key: value}))


def grown(document: dict[str, Any]) -> None:
    model = gbtree(document)
    model["trees"].append(copy.deepcopy(model["trees"][0]))
    model["gbtree_model_param"]["num_trees"] = "2"
    model["tree_info"].append(0)
    model["iteration_indptr"].append(2)


def ubj(value: object) -> bytes:
    """Return UBJSON as XGBoost writes it; bytes are taken as they are."""
    if isinstance(value, bytes):
        return value
    if isinstance(value, dict):
        return b"{" + b"".join(length(key) + ubj(item) for key, item in value.items()) + b"}"
    assert isinstance(value, str)
    return b"S" + length(value)


def catboost(*changes: tuple[bytes, bytes], name: str = "catboost.cbm") -> bytes:
    """Return CatBoost's model after changes that keep its length."""
    model = written(name)
    for old, new in changes:
        assert model.count(old) == 1, old
        assert len(old) == len(new)
        model = model.replace(old, new)
    return model


def vector(code: str, *values: int) -> bytes:
    """Return a list of a FlatBuffer: how many, and the numbers."""
    return struct.pack(f"<I{len(values)}{code}", len(values), *values)


def length(text: str) -> bytes:
    return b"L" + struct.pack(">q", len(text)) + text.encode()


def learner(weights: bytes) -> bytes:
    counts = {"num_feature": "1", "num_class": "0", "num_target": "1"}
    booster = {"name": "gblinear", "model": {"weights": weights}}
    return ubj({"learner": {"learner_model_param": counts, "gradient_booster": booster}})


def lightgbm(*changes: tuple[bytes, bytes]) -> bytes:
    """Return LightGBM's model after changes, with the size of its tree put right."""
    text = written("lightgbm.txt")
    for old, new in changes:
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    size = text.index(b"end of trees") - text.index(b"\n\n") - 2
    return (
        text
        if any(old.startswith(b"tree_sizes") for old, _ in changes)
        else text.replace(b"=407\n", b"=%d\n" % size)
    )


def flax(value: object) -> bytes:
    """Return MessagePack; bytes are taken as they are."""
    if isinstance(value, bytes):
        return value
    if isinstance(value, dict):
        return bytes([0x80 + len(value)]) + b"".join(flax(key) + flax(item) for key, item in value.items())
    if isinstance(value, list):
        return bytes([0x90 + len(value)]) + b"".join(map(flax, value))
    if isinstance(value, str):
        return bytes([0xA0 + len(value)]) + value.encode()
    assert isinstance(value, int)
    return b"\xcd" + struct.pack(">H", value)


def extension(code: int, body: bytes) -> bytes:
    return b"\xc8" + struct.pack(">HB", len(body), code) + body


def array(shape: list[int], kind: str, data: bytes, code: int = 1) -> bytes:
    return extension(code, flax([shape, kind, b"\xc4" + bytes([len(data)]) + data]))


def fasttext(
    *,
    words: int = 1,
    labels: int = 1,
    width: int = 2,
    rows: int = 3,
    entries: bytes | None = None,
    tail: bytes = b"",
    pruned: int = -1,
    model: int = 3,
    rest: bytes | None = None,
) -> bytes:
    """Return a model of one word and one label, two dimensions and two buckets."""
    settings = struct.pack("<12id", width, 5, 5, 1, 5, 1, 3, model, 2, 0, 0, 100, 1e-4)
    known = b"a\0" + struct.pack("<qb", 3, 0) + b"__label__b\0" + struct.pack("<qb", 3, 1)
    dictionary = struct.pack("<iiiqq", words + labels, words, labels, 6, pruned) + (
        known if entries is None else entries
    )
    if rest is None:
        rest = matrix(rows, width) + matrix(1, width)
    return struct.pack("<ii", 793712314, 12) + settings + dictionary + rest + tail


def matrix(rows: int, width: int) -> bytes:
    return b"\0" + struct.pack("<qq", rows, width) + bytes(4 * rows * width)


def quantized(
    rows: int, width: int, *, codes: int | None = None, step: int = 2, norms: bool = False
) -> bytes:
    count = rows if codes is None else codes
    centroids = struct.pack("<iiii", width, 1, step, step) + bytes(4 * width * 256)
    more = bytes(rows) + struct.pack("<iiii", 1, 1, 1, 1) + bytes(1024) if norms else b""
    return b"\1" + struct.pack("<?qqi", norms, rows, width, count) + bytes(count) + centroids + more


def cases() -> list[Case]:
    return [*_xgboost(), *_ubjson(), *_lightgbm(), *_catboost(), *_fasttext(), *_flax(), *_recognised()]


def _xgboost() -> list[Case]:
    return [
        accept("xgboost/model.json", written("xgboost.json"), "a model that XGBoost wrote, with categories"),
        accept("xgboost/model.ubj", written("xgboost.ubj"), "the same in UBJSON"),
        accept("xgboost/linear.ubj", written("linear.ubj"), "a linear model"),
        accept("xgboost/several.ubj", written("several.ubj"), "trees with several outputs in a leaf"),
        accept("xgboost/other.json", b'{"learner": "me"}', "JSON that has a learner and is no model"),
        reject("xgboost/child.json", in_tree("left_children", 900, 0), "a child that is not there", INDEX),
        reject("xgboost/child-negative.json", in_tree("left_children", -7, 0), "a child below zero", INDEX),
        reject("xgboost/loop.json", in_tree("left_children", 0, 1), "a node that is its own grandchild", INDEX),
        reject("xgboost/same.json", in_tree("right_children", 1, 0), "both children are one node", INDEX),
        reject("xgboost/half.json", in_tree("right_children", -1, 0), "a node with one child", INDEX),
        reject("xgboost/parent.json", in_tree("parents", 77, 1), "a parent that is not there: loading follows it", INDEX),
        reject("xgboost/feature.json", in_tree("split_indices", 2, 0), "a feature that is not there", INDEX),
        reject("xgboost/feature-negative.json", in_tree("split_indices", -1, 0), "a feature below zero", INDEX),
        reject("xgboost/output.json", in_model("tree_info", [3]), "an output that is not there", INDEX),
        reject("xgboost/rounds.json", in_model("iteration_indptr", [0, 5]), "a round of trees that are not there", INDEX),
        reject("xgboost/segment.json", in_tree("categories_segments", 99, 0), "categories that are not there", INDEX),
        reject("xgboost/category.json", in_tree("categories", 2**31 - 2, 0), "a category that takes 256 MB", INDEX),
        reject("xgboost/number.json", in_tree("id", 1), "a tree with another number", INDEX),
        reject("xgboost/length.json", in_tree("parents", [0]), "fewer parents than nodes", STRUCTURE, not_examined="parents"),
        reject("xgboost/fraction.json", in_tree("left_children", 0.5, 0), "half a child", STRUCTURE, not_examined="whole numbers"),
        reject("xgboost/no-nodes.json", in_tree("tree_param", {"num_nodes": "0"}), "a tree without nodes", STRUCTURE, not_examined="no nodes"),
        reject("xgboost/trees.json", in_model("trees", []), "fewer trees than it says", STRUCTURE, not_examined="lists another number"),
        reject("xgboost/tree-text.json", in_model("trees", ["a"]), "a tree that is text", STRUCTURE, not_examined="no tree"),
        reject("xgboost/features.json", of_learner("num_feature", "-1"), "a negative count", STRUCTURE, not_examined="num_feature"),
        reject("xgboost/empty.json", b'{"learner": {}}', "no parameters", STRUCTURE, not_examined="learner_model_param"),
        reject("xgboost/second.json", xgboost(grown), "two trees of the same number", INDEX),
        reject("xgboost/loop.ubj", written("xgboost.ubj").replace(length("left_children") + b"[$l#L" + struct.pack(">qi", 7, 1), length("left_children") + b"[$l#L" + struct.pack(">qi", 7, 0)), "a root that is its own child, in UBJSON", INDEX),
        reject("xgboost/old.model", b"binf" + bytes(140), "the binary format of before 3.1", not_examined="no parser for xgboost-binary"),
    ]  # fmt: skip


def _ubjson() -> list[Case]:
    two = b"[$d#l" + struct.pack(">i", 2) + bytes(8)
    named = ubj({"learner": b"Z"})
    return [
        accept("xgboost/two.ubj", learner(two), "the least linear model"),
        reject("xgboost/weights.ubj", learner(b"[$d#i\x01" + bytes(4)), "fewer weights than features", INDEX),
        reject("xgboost/beyond.ubj", learner(b"[$d#l\x7f\xff\xff\xff"), "an array that reaches beyond the file", STRUCTURE, not_examined="beyond the file"),
        reject("xgboost/constants.ubj", learner(b"[$Z#l\x7f\xff\xff\xff"), "two thousand million nothings in no bytes", STRUCTURE, not_examined="takes no bytes"),
        reject("xgboost/negative.ubj", learner(b"[$d#l\xff\xff\xff\xff"), "a negative count", STRUCTURE, not_examined="negative"),
        reject("xgboost/uncounted.ubj", learner(b"[$d]"), "a type without a count", STRUCTURE, not_examined="no count"),
        reject("xgboost/marker.ubj", learner(b"?"), "a marker that UBJSON does not have", STRUCTURE, not_examined="begins no value"),
        reject("xgboost/deep.ubj", learner(b"[" * 100), "nested too deep", STRUCTURE, not_examined="nest deeper"),
        reject("xgboost/twice.ubj", ubj({"learner": b"Z"})[:-1] + length("learner") + b"Z}", "a key twice", STRUCTURE, not_examined="occurs twice"),
        reject("xgboost/cut.ubj", written("xgboost.ubj")[:900], "cut", STRUCTURE, not_examined="beyond the file"),
        reject("xgboost/behind.ubj", learner(two) + SYSTEM, "a pickle behind the model", STRUCTURE, "pickle-global-dangerous", "pickle-present"),
        reject("xgboost/none.ubj", named, "no learner", not_examined="no model of XGBoost"),
        reject("xgboost/named.ubj", b"{}", "JSON called UBJSON", "name-mismatch"),
    ]  # fmt: skip


def _lightgbm() -> list[Case]:
    categorical = (
        (b"decision_type=2 2", b"decision_type=2 1"),
        (b"threshold=-0.33247560652073721 0.95371587874698915", b"threshold=0.5 0"),
    )
    ranges = (
        (b"num_cat=0", b"num_cat=1"),
        (b"is_linear=0", b"cat_boundaries=0 1\ncat_threshold=3\nis_linear=0"),
    )
    bad_ranges = ranges[0], (b"is_linear=0", b"cat_boundaries=0 9\ncat_threshold=3\nis_linear=0")
    linear = b"is_linear=1\nleaf_const=1 2 3\nnum_features=1 0 0\nleaf_features=%d\nleaf_coeff=0.5"
    return [
        accept("lightgbm/model.txt", lightgbm(), "a model that LightGBM wrote"),
        accept("lightgbm/categories.txt", lightgbm(*categorical, *ranges), "a split by categories"),
        accept("lightgbm/linear.txt", lightgbm((b"is_linear=0", linear % 1)), "a linear leaf"),
        reject("lightgbm/child.txt", lightgbm((b"left_child=-1 -2", b"left_child=-1 77")), "a child that is not there", INDEX),
        reject("lightgbm/leaf.txt", lightgbm((b"left_child=-1 -2", b"left_child=-1 -99")), "a leaf that is not there", INDEX),
        reject("lightgbm/loop.txt", lightgbm((b"right_child=1 -3", b"right_child=1 0")), "a node that is its own child", INDEX),
        reject("lightgbm/feature.txt", lightgbm((b"split_feature=0 0", b"split_feature=0 9")), "a feature that is not there", INDEX),
        reject("lightgbm/linear-feature.txt", lightgbm((b"is_linear=0", linear % 9)), "a leaf with a feature that is not there", INDEX),
        reject("lightgbm/linear-count.txt", lightgbm((b"is_linear=0", (linear % 1).replace(b"=1 0 0", b"=9 0 0"))), "more features than a leaf names", INDEX),
        reject("lightgbm/range.txt", lightgbm(*categorical), "categories of a range that is not there", INDEX),
        reject("lightgbm/bits.txt", lightgbm(*categorical, *bad_ranges), "a range beyond its numbers", INDEX),
        reject("lightgbm/length.txt", lightgbm((b"leaf_value=-0.046112020026582018 ", b"leaf_value=")), "fewer values than leaves", STRUCTURE, not_examined="leaf_value"),
        reject("lightgbm/leaves.txt", lightgbm((b"num_leaves=3", b"num_leaves=300000000")), "far more leaves than there are", STRUCTURE, not_examined="300000000 leaves"),
        reject("lightgbm/size.txt", lightgbm((b"tree_sizes=407", b"tree_sizes=999999")), "a tree beyond the file", STRUCTURE, not_examined="beyond the file"),
        reject("lightgbm/hidden.txt", lightgbm((b"tree_sizes=407", b"tree_sizes=")), "trees that the sizes leave out", STRUCTURE, not_examined="do not end"),
        reject("lightgbm/more.txt", lightgbm((b"end of trees\n", b"end of trees\n\nTree=1\nnum_leaves=1\n")), "a tree behind the end of the trees", STRUCTURE, not_examined="more trees"),
        reject("lightgbm/settings.txt", written("lightgbm.txt").partition(b"[metric")[0], "cut in the settings", STRUCTURE, not_examined="settings"),
        reject("lightgbm/names.txt", lightgbm((b"feature_names=a c", b"feature_names=a c d")), "more names than features", STRUCTURE, not_examined="names"),
        reject("lightgbm/twice.txt", lightgbm((b"num_leaves=3", b"num_leaves=3\nnum_leaves=2")), "a count twice", STRUCTURE, not_examined="twice"),
        reject("lightgbm/number.txt", lightgbm((b"Tree=0", b"Tree=5")), "a tree with another number", STRUCTURE, not_examined="does not begin"),
        reject("lightgbm/text.txt", lightgbm((b"split_feature=0 0", b"split_feature=a 0")), "text for a number", STRUCTURE, not_examined="whole numbers"),
        reject("lightgbm/pandas.txt", written("lightgbm.txt").replace(b"pandas_categorical:", b"pandas_categorical:{"), "categories that are no JSON", STRUCTURE, not_examined="cannot be read"),
        reject("lightgbm/pandas-object.txt", written("lightgbm.txt").rpartition(b"pandas_categorical:")[0] + b'pandas_categorical:{"a": 1}', "categories that are an object", STRUCTURE),
        reject("lightgbm/old.txt", b"tree\nnum_class=1\nmax_feature_idx=1\nfeature_names=a c\n\nTree=0\n", "a model of before there were sizes", not_examined="until 2017"),
    ]  # fmt: skip


def _catboost() -> list[Case]:
    splits, sizes, starts = vector("i", 3, 2, 0, 1), vector("i", 2, 2), vector("i", 0, 2)
    repacked = vector("I", 33554433, 16777217, 16777216, 33554432)
    ids = vector("I", 0, 2**32 - 1, 1, 2, 3, 2**32 - 1, 4, 5)
    steps = vector("I", 1, 131073, 0, 0, 65536, 131073, 0, 0)

    def other(old: bytes, new: bytes) -> bytes:
        return catboost((old, new), name="lossguide.cbm")

    whole = catboost()
    return [
        accept("catboost/model.cbm", whole, "a model that CatBoost wrote"),
        accept("catboost/lossguide.cbm", catboost(name="lossguide.cbm"), "trees that are not symmetric"),
        accept("catboost/statistics.cbm", catboost(name="statistics.cbm"), "a table of counts of categories"),
        reject("catboost/row.cbm", catboost((b"\xb9\x9a\x33\x2d\2\0\0\0", b"\xb9\x9a\x33\x2d\3\0\0\0"), name="statistics.cbm"), "a category whose row of counts is not there", INDEX),
        reject("catboost/table.cbm", catboost((b"\1\0\0\0\xd8\0\0\0", b"\1\0\0\0\xd8\0\1\0"), name="statistics.cbm"), "a table beyond the file", STRUCTURE, not_examined="beyond the file"),
        reject("catboost/tables.cbm", catboost((b"\1\0\0\0\xd8\0\0\0", b"\7\0\0\0\xd8\0\0\0"), name="statistics.cbm"), "fewer tables than it says", STRUCTURE, not_examined="cut off"),
        accept("catboost/categories.cbm", catboost(name="categories.cbm"), "a feature of categories"),
        reject("catboost/split.cbm", catboost((splits, vector("i", 3, 2, 0, 900))), "a split that is not there", INDEX),
        reject("catboost/start.cbm", catboost((starts, vector("i", 0, 900))), "a tree that begins elsewhere", INDEX),
        reject("catboost/deep.cbm", catboost((starts + sizes, vector("i", 0, 1) + vector("i", 1, 3))), "leaf values for other trees", INDEX),
        reject("catboost/sizes.cbm", catboost((starts + sizes, starts + vector("i", 2, 900))), "more splits than there are", STRUCTURE, not_examined="do not fit"),
        reject("catboost/repacked.cbm", catboost((repacked, vector("I", 33554433, 16777217, 16777216, 33619967))), "a byte of the features beyond them", INDEX),
        reject("catboost/step.cbm", other(steps, vector("I", 1, 131073, 0, 0, 65536, 131073, 0, 7)), "a child beyond the tree", INDEX),
        reject("catboost/leaf.cbm", other(ids, vector("I", 0, 2**32 - 1, 1, 2, 3, 2**32 - 1, 4, 77)), "a leaf that is not there", INDEX),
        reject("catboost/core.cbm", whole[:4] + struct.pack("<I", 9_999_999) + whole[8:], "a core beyond the file", STRUCTURE, not_examined="beyond the file"),
        reject("catboost/behind.cbm", whole + SYSTEM, "a pickle behind the model", STRUCTURE, "pickle-global-dangerous", "pickle-present"),
        reject("catboost/version.cbm", catboost((b"FlabuffersModel_v1", b"FlabuffersModel_v7")), "another version", not_examined="is not known"),
        reject("catboost/hole.cbm", whole[:4] + struct.pack("<I", len(whole) - 8 + 64) + whole[8:] + bytes(64), "bytes of no part", STRUCTURE, not_examined="belong to no part"),
        reject("catboost/pickle.bin", b"CBM1" + bytes(64) + b"0" + SYSTEM, "a pickle that begins as a model does", "pickle-global-dangerous", "pickle-present"),
        reject("catboost/cut.cbm", b"CBM1\0", "cut", STRUCTURE, not_examined="in its head"),
    ]  # fmt: skip


def _fasttext() -> list[Case]:
    entry = b"a\0" + struct.pack("<qb", 3, 0)
    return [
        accept("fasttext/model.bin", fasttext(), "a model of one word and one label"),
        accept("fasttext/vectors.bin", fasttext(model=2, labels=0, entries=entry), "vectors of words"),
        accept("fasttext/quantized.ftz", fasttext(width=2, rest=quantized(3, 2, norms=True) + quantized(1, 2)), "a quantized model"),
        accept("fasttext/pruned.ftz", fasttext(pruned=1, entries=fasttext()[92:123] + struct.pack("<ii", 0, 0), rest=quantized(2, 2) + matrix(1, 2)), "a pruned model"),
        reject("fasttext/rows.bin", fasttext(rows=2), "fewer rows than words and buckets", STRUCTURE, not_examined="should be 3 by 2"),
        reject("fasttext/cut.bin", fasttext()[:-4], "cut", STRUCTURE, not_examined="beyond the file"),
        reject("fasttext/behind.bin", fasttext(tail=SYSTEM), "a pickle behind the model", STRUCTURE, "pickle-global-dangerous", "pickle-present"),
        reject("fasttext/words.bin", fasttext(words=900), "more words than there are", STRUCTURE, not_examined="impossible"),
        reject("fasttext/entries.bin", fasttext(words=2, labels=0), "a label for a word", STRUCTURE, not_examined="other numbers"),
        reject("fasttext/sum.bin", fasttext()[:68] + struct.pack("<i", 9) + fasttext()[72:], "a number of entries that is no sum", STRUCTURE, not_examined="are not"),
        reject("fasttext/endless.bin", fasttext(entries=b"a" * 5000), "a word that does not end", STRUCTURE, not_examined="does not end"),
        reject("fasttext/settings.bin", fasttext(model=9), "a kind of model that there is not", STRUCTURE, not_examined="settings"),
        reject("fasttext/codes.ftz", fasttext(rest=quantized(3, 2, codes=1) + matrix(1, 2)), "fewer codes than rows", STRUCTURE, not_examined="codes"),
        reject("fasttext/step.ftz", fasttext(rest=quantized(3, 2, step=9) + matrix(1, 2)), "parts larger than the whole", STRUCTURE, not_examined="parts of"),
        reject("fasttext/flag.bin", fasttext(rest=b"\2" + bytes(40)), "a matrix of a third kind", STRUCTURE, not_examined="neither"),
        reject("fasttext/version.bin", struct.pack("<ii", 793712314, 11) + b"\0", "cut in the settings", STRUCTURE, not_examined="beyond the file"),
    ]  # fmt: skip


def _flax() -> list[Case]:
    good = array([2], "float32", bytes(8))
    chunks = {"__msgpack_chunked_array__": b"\xc3", "shape": {"0": 2}, "chunks": {"0": good}}
    broken, wrong = "flax-structure", "flax-array"
    return [
        accept("flax/written.msgpack", written("flax.msgpack"), "a checkpoint that Flax wrote"),
        accept("flax/written-chunked.msgpack", written("chunked.msgpack"), "an array that Flax cut in chunks"),
        accept("flax/params.msgpack", flax({"params": {"w": good, "b": array([], "bfloat16", bytes(2), 3)}}), "parameters"),
        accept("flax/complex.msgpack", flax({"params": {"c": extension(2, b"\x92\xca" + bytes(4) + b"\x01")}}), "a complex number"),
        accept("flax/chunked.msgpack", flax({"params": chunks}), "an array in chunks"),
        accept("flax/checkpoint_1", flax({"step": 1, "opt_state": {}, "params": {"w": good}}), "a checkpoint without a suffix"),
        reject("flax/shape.msgpack", flax({"params": {"w": array([3], "float32", bytes(8))}}), "a shape larger than its bytes", wrong, not_examined="needs 12 bytes"),
        reject("flax/object.msgpack", flax({"params": {"w": array([1], "object", bytes(8))}}), "an array of objects", wrong, not_examined="of the type object"),
        reject("flax/negative.msgpack", flax({"params": {"w": extension(1, b"\x93\x91\xff\xa7float32\xc4\0")}}), "a negative extent", wrong, not_examined="negative"),
        reject("flax/parts.msgpack", flax({"params": {"w": extension(1, b"\x92\x91\x01\xa7float32")}}), "an array of two parts", wrong, not_examined="three parts"),
        reject("flax/longer.msgpack", flax({"params": {"c": extension(2, b"\x92\x01\x01" + SYSTEM)}}), "bytes behind a complex number", wrong, not_examined="another length"),
        reject("flax/complex-text.msgpack", flax({"params": {"c": extension(2, b"\x92\xa1a\x01")}}), "a complex number of text", wrong, not_examined="no number"),
        reject("flax/extension.msgpack", flax({"params": {"x": extension(42, SYSTEM)}}), "an extension that Flax does not have", "flax-extension"),
        reject("flax/twice.msgpack", b"\x82" + flax("w") + good + flax("w") + good, "a key twice", broken, not_examined="occurs twice"),
        reject("flax/deep.msgpack", flax({"params": b"\x91" * 200}), "nested too deep", broken, not_examined="nest deeper"),
        reject("flax/count.msgpack", flax({"params": b"\xdd\x7f\xff\xff\xff"}), "two thousand million items", broken, not_examined="beyond the file"),
        reject("flax/beyond.msgpack", flax({"params": b"\xc6\x7f\xff\xff\xff"}), "bytes beyond the file", broken, not_examined="beyond the file"),
        reject("flax/key.msgpack", flax({"params": b"\x81\x01\x01"}), "a key that is a number", broken, not_examined="no text"),
        reject("flax/byte.msgpack", flax({"params": b"\xc1"}), "a byte that begins nothing", broken, not_examined="begins no value"),
        reject("flax/behind.msgpack", flax({"params": good}) + SYSTEM, "a pickle behind the checkpoint", broken, "pickle-global-dangerous", "pickle-present"),
    ]  # fmt: skip


def _recognised() -> list[Case]:
    """Formats without a parser: named, and never clean."""
    pmml = b'<?xml version="1.0"?>\n<PMML version="4.4" xmlns="http://www.dmg.org/PMML-4_4"></PMML>'
    symbol = json.dumps(
        {"nodes": [{"op": "null", "name": "data", "inputs": []}], "arg_nodes": [0], "heads": [[0, 0, 0]]}
    )
    found = [
        ("tensorrt.engine", b"ftrt" + bytes(64), "tensorrt"),
        ("named.plan", b"\x01\x02\x03\xff" * 16, "tensorrt"),
        ("model.pdiparams", bytes(16) + b"\x06\0\0\0\x08\x05\x10\x02\x10\x03" + bytes(24), "paddle-params"),
        ("named.pdmodel", b"\xff\x02\x03\xff" * 16, "paddle"),
        ("mxnet-symbol.json", symbol.encode(), "mxnet-symbol"),
        ("mxnet-0000.params", struct.pack("<QQQ", 0x112, 0, 1) + bytes(40), "mxnet-params"),
        ("model.pmml", pmml, "pmml"),
        ("model.xml", pmml, "pmml"),
        ("model.rda", b"RDX3\nX\n\0\0\0\3\0\4\2\1" + bytes(20), "r-data"),
        ("packed.rds", gzip.compress(b"X\n\0\0\0\3\0\4\2\1\0\3\5\0" + bytes(20), mtime=0), "r-data"),
        (
            "model.t7",
            struct.pack("<iii", 4, 1, 3) + b"V 1" + struct.pack("<i", 16) + b"torch.FloatTensor",
            "torch7",
        ),
        ("text.t7", b"4\n1\n3\nV 1\n16\nnn.SequentialAbcd\n", "torch7"),
        ("ctranslate2.bin", b"\x06\0\0\0\x10\0TransformerSpec\0" + bytes(40), "ctranslate2"),
        ("ggml.bin", b"lmgg" + bytes(64), "ggml"),
        ("ggmf.bin", b"fmgg\x01\0\0\0" + bytes(64), "ggml"),
        ("model.rknn", b"RKNN" + bytes(64), "rknn"),
    ]
    return [
        reject(f"recognised/{name}", data, "a format without a parser", not_examined=f"no parser for {kind}") for name, data, kind in found
    ]  # fmt: skip
