"""Pickles that misuse names which models need: arguments, states and attributes that no model has."""

from typing import Any, Final

from corpus.case import MARK, Case, reject
from corpus.pickle_model_case import TEMPLATE, array, plain
from pickle_maker import Built, Call, Name, Persistent, call, instance, new, pickled

PRESENT, GRAVE, TRAP, STATE, COMPUTED, UNKNOWN, CHANGED = (
    "pickle-present",
    "pickle-global-dangerous",
    "pickle-global-trap",
    "pickle-state",
    "pickle-computed-call",
    "pickle-global-unknown",
    "pickle-global-changed",
)
SYSTEM: Final = Name("os", "system")
OBJECT: Final = Name("builtins", "object")
NDARRAY: Final = Name("numpy", "ndarray")
GETATTR: Final = Name("builtins", "getattr")
MULTIARRAY: Final = "numpy._core.multiarray"
LINEAR: Final = ("sklearn.linear_model._base", "LinearRegression")


def calls() -> list[Case]:
    """Return calls of checked names with arguments that are not harmless."""
    code = "open('marker', 'w')"
    made: dict[str, tuple[Any, tuple[str, ...]]] = {
        "getattr-dunder": (Call(GETATTR, (Name(*LINEAR), "__init__")), (TRAP,)),
        "getattr-subclasses": (Call(GETATTR, (OBJECT, "__subclasses__")), (TRAP,)),
        "getattr-of-getattr": (
            Call(Call(GETATTR, (Call(GETATTR, (Name(*LINEAR), "fit")), "__globals__")), ()),
            (TRAP, COMPUTED),
        ),
        "getattr-called": (
            Call(Call(GETATTR, (Name("pandas", "DataFrame"), "to_pickle")), ("marker",)),
            (TRAP,),
        ),
        "getattr-module": (Call(GETATTR, (Name("os", "path"), "os")), (TRAP, GRAVE)),
        "getattr-tofile": (Call(GETATTR, (array(plain("f8"), bytes(8)), "tofile")), (TRAP,)),
        "getattr-computed": (Call(GETATTR, (Name(*LINEAR), call("builtins", "str", "fit"))), (TRAP,)),
        "partial-system": (call("functools", "partial", SYSTEM, MARK), (GRAVE,)),
        "partial-getattr": (call("functools", "partial", GETATTR), (TRAP,)),
        "partial-state": (
            Built(call("functools", "partial", Name("builtins", "len")), ((SYSTEM, (MARK,), None, None),)),
            (GRAVE,),
        ),
        "partial-called": (Call(call("functools", "partial", Name("builtins", "len")), ([],)), (COMPUTED,)),
        "attrgetter-walk": (call("operator", "attrgetter", "__class__.__base__"), (TRAP,)),
        "attrgetter-called": (Call(call("operator", "attrgetter", "a"), (1,)), (COMPUTED,)),
        "defaultdict-system": (call("collections", "defaultdict", SYSTEM), (GRAVE,)),
        "defaultdict-getattr": (call("collections", "defaultdict", GETATTR), (TRAP,)),
        "counter-computed": (call("collections", "Counter", instance(*LINEAR)), (TRAP,)),
        "encode-rot13": (call("_codecs", "encode", "a", "rot13"), (TRAP,)),
        "encode-computed": (call("_codecs", "encode", "a", call("builtins", "str", "latin1")), (TRAP,)),
        "str-codec": (call("builtins", "str", b"a", "punycode"), (TRAP,)),
        "type-makes-class": (call("builtins", "type", "X", (), {}), (TRAP,)),
        "type-of-class": (call("builtins", "type", OBJECT), (TRAP,)),
        "regex-long": (call("re", "_compile", "(a+)+" * 300, 0), (TRAP,)),
        "regex-computed": (call("re", "_compile", call("builtins", "str", "a"), 0), (TRAP,)),
        "reconstructor-base": (
            call("copyreg", "_reconstructor", Name(*LINEAR), Name("subprocess", "Popen"), MARK),
            (TRAP, GRAVE),
        ),
        "reconstructor-state": (call("copyreg", "_reconstructor", Name(*LINEAR), OBJECT, MARK), (TRAP,)),
        "reconstructor-function": (
            call("copyreg", "_reconstructor", Name("functools", "partial"), OBJECT, None),
            (TRAP,),
        ),
        "reconstructor-system": (
            call("copyreg", "_reconstructor", Name("subprocess", "Popen"), OBJECT, None),
            (GRAVE,),
        ),
        "reconstructor-2": (call("copy_reg", "_reconstructor", Name(*LINEAR), OBJECT, MARK), (TRAP,)),
        "newobj-system": (call("copyreg", "__newobj__", Name("subprocess", "Popen"), MARK), (GRAVE, TRAP)),
        "newobj-arguments": (new(*LINEAR, MARK), (TRAP,)),
        "newobj-function": (new("functools", "partial", SYSTEM), (GRAVE,)),
        "class-called": (call(*LINEAR, True), (TRAP,)),
        "class-called-bare": (call(*LINEAR), (TRAP,)),
        "new-object": (
            call("sklearn.metrics._dist_metrics", "newObj", Name("subprocess", "Popen")),
            (TRAP, GRAVE),
        ),
        "compiled-class": (
            call("sklearn._loss._loss", "__pyx_unpickle_CyHuberLoss", Name("functools", "partial"), 1, None),
            (TRAP,),
        ),
        "tree-of-code": (call("sklearn.tree._tree", "Tree", 1, call("os", "system", MARK), 1), (TRAP, GRAVE)),
        "index-of-others": (
            call("pandas.core.indexes.base", "_new_Index", Name("subprocess", "Popen"), {"args": MARK}),
            (TRAP, GRAVE),
        ),
        "index-private": (
            call("pandas.core.indexes.base", "_new_Index", Name("pandas", "Index"), {"_x": 1}),
            (TRAP,),
        ),
        "from-type": (
            call("torch._tensor", "_rebuild_from_type_v2", SYSTEM, Name("torch", "Tensor"), (MARK,), {}),
            (TRAP, GRAVE),
        ),
        "from-type-class": (
            call(
                "torch._tensor",
                "_rebuild_from_type_v2",
                Name("torch._utils", "_rebuild_tensor"),
                GETATTR,
                (),
                {},
            ),
            (TRAP,),
        ),
        "parameter-dunder": (
            call("torch._utils", "_rebuild_parameter_with_state", 1, True, {}, {"__class__": OBJECT}),
            (TRAP,),
        ),
        "parameter-data": (
            call("torch._utils", "_rebuild_parameter_with_state", 1, True, {}, {"data": 1}),
            (TRAP,),
        ),
        "ipaddress-computed": (call("ipaddress", "IPv4Address", instance(*LINEAR)), (TRAP,)),
        "keys-of-instance": (
            call("collections", "OrderedDict", instance(*LINEAR, keys=Name("builtins", "len"))),
            (TRAP,),
        ),
        "keys-of-dict": (call("builtins", "dict", instance(*LINEAR, keys=Name("builtins", "len"))), (TRAP,)),
        "keys-by-user-dict": (
            call("collections", "UserDict", instance(*LINEAR, keys=Name("builtins", "len"))),
            (TRAP,),
        ),
        "ratio-of-instance": (
            call("fractions", "Fraction", instance(*LINEAR, as_integer_ratio=Name("builtins", "len"))),
            (TRAP,),
        ),
        "detach-of-instance": (
            call(
                "torch._utils",
                "_rebuild_parameter",
                instance(*LINEAR, detach=Name("builtins", "len")),
                True,
                {},
            ),
            (TRAP,),
        ),
        "detach-of-dictionary": (
            call(
                "torch._utils",
                "_rebuild_parameter",
                Built(call("collections", "OrderedDict"), ({"detach": Name("builtins", "len")},)),
                True,
                {},
            ),
            (TRAP,),
        ),
        "table-of-others": (
            call(
                "pandas._libs.internals",
                "_unpickle_block",
                instance(*LINEAR, _typ="series"),
                call("builtins", "slice", 0, 1, 1),
                2,
            ),
            (TRAP,),
        ),
        "table-of-functions": (
            call(
                "pandas.core.indexes.base",
                "_new_Index",
                Name("pandas", "Index"),
                {"data": Name("builtins", "len")},
            ),
            (TRAP,),
        ),
        "carried-getattr": (instance(*LINEAR, a=GETATTR), (TRAP, STATE)),
        "carried-eval": (instance(*LINEAR, a=Name("builtins", "eval")), (GRAVE,)),
        "carried-unused": ([GETATTR], (TRAP,)),
        "dotted": (call("sklearn.linear_model._base", "LinearRegression.fit", code), (UNKNOWN,)),
        "unknown-class": (instance("innocent", "Model"), (UNKNOWN,)),
        "result-called": (Call(call("collections", "OrderedDict"), ()), (COMPUTED,)),
    }
    return [
        reject(
            f"pickle/call/{name}-{protocol}.pkl",
            pickled(value, protocol),
            f"{name.replace('-', ' ')} in protocol {protocol}",
            PRESENT,
            *rules,
        )
        for name, (value, rules) in made.items()
        for protocol in (2, 4)
    ]


def states() -> list[Case]:
    """Return states and items that change what an object is, or that its class does not have."""
    linear = new(*LINEAR)
    template = {"shapes": "", "taken": "loc=0, scale=1", "given": "loc, scale"}
    code = TEMPLATE % template + "open('marker', 'w')\n"
    made: dict[str, tuple[Any, tuple[str, ...]]] = {
        "class": (Built(linear, ({"__class__": OBJECT},)), (STATE,)),
        "setstate": (Built(linear, ({"__setstate__": Name("builtins", "len")}, [])), (STATE,)),
        "reduce": (Built(linear, ({"__reduce_ex__": 1},)), (STATE,)),
        "array-interface": (Built(linear, ({"__array_interface__": {"data": (4096, False)}},)), (STATE,)),
        "slots": (Built(linear, ((None, {"a": 1}),)), (STATE,)),
        "not-a-dictionary": (Built(linear, ([1],)), (STATE,)),
        "number-of-attribute": (Built(linear, ({(1,): 1},)), (STATE,)),
        "many-attributes": (Built(linear, ({f"a{number}": 1 for number in range(600)},)), (STATE,)),
        "second-state": (Built(linear, ({"a": 1}, {"__dict__": 1})), (STATE,)),
        "state-again": (Built(linear, ({"a": 1}, {"b": 1})), (STATE,)),
        "isotonic": (
            instance(
                "sklearn.isotonic",
                "IsotonicRegression",
                _build_f=Name("builtins", "len"),
                X_thresholds_=1,
                y_thresholds_=1,
            ),
            (STATE,),
        ),
        "optimizer": (
            instance("torch.optim.sgd", "SGD", _patch_step_function=Name("builtins", "len")),
            (STATE,),
        ),
        "configuration": (
            instance(
                "transformers.models.bert.configuration_bert",
                "BertConfig",
                attribute_map={"__setstate__": "a"},
            ),
            (STATE,),
        ),
        "distribution": (
            instance("scipy.stats._continuous_distns", "uniform_gen", _parse_arg_template=code),
            (STATE,),
        ),
        "distribution-method": (
            instance(
                "scipy.stats._continuous_distns", "uniform_gen", _attach_methods=Name("builtins", "len")
            ),
            (STATE,),
        ),
        "booster-address": (instance("lightgbm.basic", "Booster", _handle=4096), (STATE,)),
        "booster-xgboost": (instance("xgboost.core", "Booster", handle=4096), (STATE,)),
        "table": (instance("pandas", "DataFrame", _typ="dataframe", copy=Name("builtins", "len")), (STATE,)),
        "array-attributes": (
            Built(call(MULTIARRAY, "_reconstruct", NDARRAY, (0,), b"b"), ({"a": 1},)),
            (STATE,),
        ),
        "function": (Built(call("operator", "itemgetter", 1), ({"a": 1},)), (STATE,)),
        "items": (Built(linear, (), {"a": 1}), (STATE,)),
        "appended": (Built(linear, (), [1]), (STATE,)),
        "class-changed": (Built(Name(*LINEAR), ({"fit": 1},)), (CHANGED,)),
        "class-items": (Built(Name(*LINEAR), (), {"fit": 1}), (CHANGED,)),
        "persistent-pair": (Persistent(("storage", SYSTEM, "0", "cpu", 1)), (GRAVE,)),
        "persistent-function": (Persistent(("module", SYSTEM, "a", "b")), ("pickle-persistent-id", GRAVE)),
        "persistent-short": (Persistent(("storage",)), ("pickle-persistent-id",)),
    }
    return [
        reject(
            f"pickle/state/{name}-{protocol}.pkl",
            pickled(value, protocol),
            f"{name.replace('-', ' ')} in protocol {protocol}",
            PRESENT,
            *rules,
        )
        for name, (value, rules) in made.items()
        for protocol in (2, 4)
    ]


def nested() -> list[Case]:
    """Return pickles inside the constants of pickles."""
    payload = pickled(call("os", "system", MARK))
    return [
        reject(
            "pickle/nested/loaded.pkl",
            pickled(call("torch.storage", "_load_from_bytes", payload), 4),
            "a payload that a function loads",
            PRESENT,
            GRAVE,
        ),
        reject(
            "pickle/nested/loaded-2.pkl",
            pickled(call("torch.storage", "_load_from_bytes", payload), 2),
            "the same, with bytes as protocol 2 writes them",
            PRESENT,
            GRAVE,
        ),
        reject(
            "pickle/nested/in-state.pkl",
            pickled(instance(*LINEAR, a=payload), 4),
            "a payload that an attribute keeps",
            PRESENT,
            GRAVE,
        ),
        reject(
            "pickle/nested/computed.pkl",
            pickled(call("torch.storage", "_load_from_bytes", call("builtins", "bytes", [1]))),
            "a file that is computed",
            PRESENT,
            TRAP,
            not_examined="bytes that it computes",
        ),
        reject(
            "pickle/nested/array.pkl",
            pickled(instance("joblib.numpy_pickle", "NumpyArrayWrapper", subclass=SYSTEM)),
            "an array of another class",
            PRESENT,
            STATE,
            GRAVE,
            not_examined="cannot be followed",
        ),
    ]


def cases() -> list[Case]:
    return [*calls(), *states(), *nested()]
