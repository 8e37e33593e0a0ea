"""Pickles of arrays and models as libraries write them, and types whose bytes would become pointers."""

from typing import Any, Final

from corpus.case import Case, accept, reject
from pickle_maker import Built, Name, Persistent, call, instance, new, pickled

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
TEMPLATE: Final = """
def _parse_args(self, %(shapes)s %(taken)s):
    return (%(shapes)s), %(given)s

def _parse_args_rvs(self, %(shapes)s %(taken)s, size=None):
    return self._argcheck_rvs(%(shapes)s %(given)s, size=size)

def _parse_args_stats(self, %(shapes)s %(taken)s, moments='mv'):
    return (%(shapes)s), %(given)s, moments
"""


def dtype(code: str, state: tuple[Any, ...] | None = None) -> Any:
    """Return a type as NumPy writes it."""
    made = call("numpy", "dtype", code, False, True)
    return made if state is None else Built(made, (state,))


def plain(code: str) -> Any:
    return dtype(code, (3, "<", None, None, None, -1, -1, 0))


def objects() -> Any:
    return dtype("O8", (3, "|", None, None, None, -1, -1, 63))


def fields(size: int, flags: int, **made: tuple[Any, int]) -> Any:
    return dtype(f"V{size}", (3, "|", None, tuple(made), dict(made), size, 1, flags))


def array(kind: Any, data: Any, length: int = 1, *, subtype: Any = NDARRAY) -> Any:
    """Return an array as NumPy writes it."""
    return Built(call(MULTIARRAY, "_reconstruct", subtype, (0,), b"b"), ((1, (length,), kind, False, data),))


def arrays() -> list[Case]:
    """Return types and arrays whose bytes would become pointers, and sound ones."""
    eight = bytes(8)
    forged = {
        "object-without-flag": dtype("O8", (3, "|", None, None, None, -1, -1, 0)),
        "number-with-object-flag": dtype("f8", (3, "<", None, None, None, -1, -1, 63)),
        "fields-outside": fields(4, 16, a=(plain("f8"), 0)),
        "fields-below-zero": fields(8, 16, a=(plain("i4"), -4)),
        "fields-over-object": fields(8, 27, a=(objects(), 0), b=(plain("i8"), 0)),
        "fields-hide-object": fields(8, 16, a=(objects(), 0)),
        "fields-claim-object": fields(8, 27, a=(plain("i8"), 0)),
        "fields-of-number": dtype("f8", (3, "<", None, ("a",), {"a": (plain("i8"), 0)}, 8, 1, 16)),
        "subarray-hides-object": dtype("V8", (3, "|", (objects(), (1,)), None, None, 8, 1, 0)),
        "size": dtype("S4", (3, "|", None, None, None, 64, 1, 0)),
        "short": dtype("f8", (3, "<")),
    }
    found = [
        reject(
            f"pickle/dtype/{name}.pkl", pickled(value), f"a type that is not sound: {name}", PRESENT, STATE
        )
        for name, value in forged.items()
    ]
    wrong = {
        "object-from-bytes": (array(objects(), eight), STATE),
        "number-from-list": (array(plain("f8"), [1]), STATE),
        "type-of-others": (array(call("numpy", "ndarray"), eight), TRAP),
        "other-class": (array(plain("f8"), eight, subtype=Name("subprocess", "Popen")), TRAP),
        "scalar-object": (call(MULTIARRAY, "scalar", objects(), eight), TRAP),
        "frombuffer-object": (call("numpy._core.numeric", "_frombuffer", eight, objects(), (1,), "C"), TRAP),
        "frombuffer-of-others": (
            call("numpy._core.numeric", "_frombuffer", 4096, plain("f8"), (1,), "C"),
            TRAP,
        ),
        "shared-type": (
            Built(call("numpy", "dtype", "f8", False, False), ((3, "<", None, None, None, -1, -1, 0),)),
            TRAP,
        ),
        "comma-code": (call("numpy", "dtype", "O,i4", False, True), TRAP),
        "generator": (call("numpy.random._pickle", "__bit_generator_ctor", SYSTEM), TRAP),
        "generator-by-call": (call("numpy.random._pickle", "__generator_ctor", "MT19937", SYSTEM), TRAP),
    }
    more = {
        "other-class": (GRAVE,),
        "generator": (GRAVE,),
        "generator-by-call": (GRAVE,),
        "type-of-others": (STATE,),
    }
    found += [
        reject(
            f"pickle/array/{name}.pkl",
            pickled(value),
            f"an array that NumPy would not write: {name}",
            PRESENT,
            rule,
            *more.get(name, ()),
        )
        for name, (value, rule) in wrong.items()
    ]
    sound = {
        "float": array(plain("f8"), eight),
        "objects": array(objects(), [None]),
        "fields": array(fields(12, 16, a=(plain("i4"), 0), b=(plain("f8"), 4)), bytes(12)),
        "fields-with-object": array(fields(12, 27, a=(plain("i4"), 0), b=(objects(), 4)), [(1, None)]),
        "scalar": call(MULTIARRAY, "scalar", plain("f8"), eight),
        "generator": Built(
            call("numpy.random._pickle", "__randomstate_ctor", "MT19937"), ({"bit_generator": "MT19937"},)
        ),
    }
    for name, value in sound.items():
        for protocol in (0, 2, 4):
            found.append(
                accept(
                    f"pickle/array/{name}-{protocol}.pkl",
                    pickled(value, protocol),
                    f"as NumPy writes it: {name}",
                    PRESENT,
                )
            )
    return found


def models() -> list[Case]:
    """Return models as libraries write them, by hand and small."""
    weights = array(plain("f8"), bytes(8))
    linear = instance(*LINEAR, coef_=weights, intercept_=0.0, n_features_in_=1, _sklearn_version="1.9.1")
    tree = Built(
        call("sklearn.tree._tree", "Tree", 1, array(plain("i8"), bytes(8)), 1),
        ({"max_depth": 1, "node_count": 1},),
    )
    template = {"shapes": "low, high, ", "taken": "loc=0", "given": "loc, 1"}
    tensor = call(
        "torch._utils",
        "_rebuild_tensor_v2",
        Persistent(("storage", Name("torch", "FloatStorage"), "0", "cpu", 2)),
        0,
        (2,),
        (1,),
        False,
        call("collections", "OrderedDict"),
    )
    module = instance(
        "torch.nn.modules.linear",
        "Linear",
        _parameters=Built(call("collections", "OrderedDict"), (), {"weight": tensor}),
        training=False,
    )
    made = {
        "linear": linear,
        "pipeline": instance(
            "sklearn.pipeline",
            "Pipeline",
            steps=[
                ("scale", instance("sklearn.preprocessing._data", "StandardScaler", mean_=weights)),
                ("model", linear),
            ],
        ),
        "forest": instance(
            "sklearn.ensemble._forest",
            "RandomForestClassifier",
            estimators_=[instance("sklearn.tree._classes", "DecisionTreeClassifier", tree_=tree)],
        ),
        "old-forest": instance("sklearn.ensemble.forest", "RandomForestClassifier", estimators_=[]),
        "old-style": Built(
            call("copy_reg", "_reconstructor", Name(*LINEAR), Name("__builtin__", "object"), None),
            ({"coef_": weights},),
        ),
        "function": instance(
            "sklearn.preprocessing._function_transformer", "FunctionTransformer", func=Name("numpy", "log1p")
        ),
        "text": instance(
            "sklearn.feature_extraction.text",
            "TfidfVectorizer",
            vocabulary_={"a": 1},
            token_pattern=r"\w+",
            dtype=Name("numpy", "float64"),
        ),
        "search": instance(
            "scipy.stats._discrete_distns",
            "randint_gen",
            _parse_arg_template=TEMPLATE % template,
            _random_state=None,
        ),
        "xgboost": instance(
            "xgboost.sklearn",
            "XGBClassifier",
            _Booster=instance("xgboost.core", "Booster", handle=call("builtins", "bytearray", b"{L\0")),
        ),
        "lightgbm": instance(
            "lightgbm.sklearn",
            "LGBMClassifier",
            _Booster=instance("lightgbm.basic", "Booster", _handle="tree\n", params={}),
        ),
        "bunch": Built(new("sklearn.utils._bunch", "Bunch"), (), {"data": weights}),
        "state-dict": Built(call("collections", "OrderedDict"), (), {"weight": tensor}),
        "module": module,
        "training": {
            "epoch": 1,
            "rng": call("numpy", "dtype", "f8", False, True),
            "path": call("pathlib", "PosixPath", "a", "b"),
            "counts": Built(call("collections", "defaultdict", Name("builtins", "int")), (), {"a": 1}),
        },
        "arguments": Built(new("argparse", "Namespace"), ({"lr": 0.1},)),
        "partial": Built(
            call("functools", "partial", Name("torch.nn.functional", "relu")),
            ((Name("torch.nn.functional", "relu"), (), {"inplace": True}, None),),
        ),
    }
    return [
        accept(
            f"pickle/model/{name}-{protocol}.pkl",
            pickled(value, protocol),
            f"as libraries write it: {name}",
            PRESENT,
        )
        for name, value in made.items()
        for protocol in (0, 2, 4)
    ]


def cases() -> list[Case]:
    return [*arrays(), *models()]
