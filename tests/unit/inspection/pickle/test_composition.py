"""Allowed names put together so that a reader calls what the pickle chose: each part is harmless, the whole is not."""

from typing import Any, Final

import pytest

from corpus.pickle_model_case import array, plain
from model_file import examine, rules_of, zip_of
from pickle_maker import Built, Call, Name, Persistent, call, instance, new, pickled
from weighlock.core.outcome import Outcome

TRAP, STATE, PERSISTENT = "pickle-global-trap", "pickle-state", "pickle-persistent-id"
LATER: Final = Name("builtins", "print")  # what is called; a model may keep it
CODE: Final = "open('marker', 'w')\n"
ORDERED: Final = Name("collections", "OrderedDict")


def named(**attributes: Any) -> Built:
    """Return an object whose methods are the pickle's."""
    return instance("argparse", "Namespace", **attributes)


def ordered(items: dict[Any, Any], /, **attributes: Any) -> Built:
    return Built(Call(ORDERED), (attributes,) if attributes else (), items)


def storage(place: Any = "cpu", *more: Any) -> Persistent:
    return Persistent(("storage", Name("torch", "FloatStorage"), "0", place, 2, *more))


def tensor(held: Persistent) -> Call:
    return call("torch._utils", "_rebuild_tensor_v2", held, 0, (2,), (1,), False, Call(ORDERED))


def attribute(owner: Any, name: str) -> Call:
    return call("builtins", "getattr", owner, name)


NORMAL: Final = ("scipy.stats._continuous_distns", "norm_gen")
HOLDER: Final = instance("sklearn.utils._bunch", "Bunch", a=named(keys=LATER))


@pytest.mark.parametrize(
    ("value", "rule"),
    [
        # a state whose items are not seen
        (Built(new(*NORMAL), (ordered({"_parse_arg_template": CODE}),)), STATE),
        (Built(new(*NORMAL), (Call(ORDERED, ([["_parse_arg_template", CODE]],)),)), STATE),
        (Built(new("lightgbm.basic", "Booster"), (ordered({"handle": 7}),)), STATE),
        # objects that are asked for their keys
        (call("collections", "defaultdict", None, named(keys=LATER)), TRAP),
        (call("nltk.probability", "FreqDist", ordered({1: 2}, items=LATER)), TRAP),
        (
            call(
                "copyreg",
                "_reconstructor",
                Name("sklearn.utils._bunch", "Bunch"),
                Name("builtins", "dict"),
                named(keys=LATER),
            ),
            TRAP,
        ),
        (
            call(
                "copyreg",
                "_reconstructor",
                Name("torch.torch_version", "TorchVersion"),
                Name("builtins", "str"),
                [instance("sklearn.linear_model._base", "LinearRegression", n_jobs=named(get_params=LATER))],
            ),
            TRAP,
        ),
        (
            call(
                "sklearn._loss._loss",
                "__pyx_unpickle_CyHuberLoss",
                Name("sklearn._loss._loss", "CyHuberLoss"),
                1,
                (1, named(keys=LATER)),
            ),
            TRAP,
        ),
        # what hides what an object is
        (call("builtins", "dict", attribute(HOLDER, "a")), TRAP),
        (call("builtins", "dict", call("torch.storage", "_load_from_bytes", b"x")), TRAP),
        (Built(Call(ORDERED), ({"items": LATER},)), STATE),
        # attributes that lead on
        (attribute(array(plain("f8"), bytes(8)), "ctypes"), TRAP),
        (attribute(attribute(HOLDER, "a"), "b"), TRAP),
        (attribute(Name("transformers.models.bert.modeling_bert", "BertModel"), "from_pretrained"), TRAP),
        (attribute(Name("transformers.models.bert.modeling_bert", "BertModel"), "push_to_hub"), TRAP),
        # methods of attributes that a class calls when it gets them
        (instance("torch.optim.adam", "Adam", param_groups=[named(setdefault=LATER)], state={}), STATE),
        (instance("torch.optim.adam", "Adam", param_groups=[], state=named(get=LATER)), STATE),
        (
            instance(
                "sklearn.linear_model._base",
                "LinearRegression",
                _sklearn_version=instance("sklearn.svm._classes", "SVC", get_params=LATER),
            ),
            STATE,
        ),
        (
            instance(
                "sklearn.ensemble._hist_gradient_boosting.predictor",
                "TreePredictor",
                nodes=named(astype=LATER),
            ),
            STATE,
        ),
        # classes and methods that evaluate what they are given
        (
            call(
                "functools", "partial", Name("ultralytics.nn.tasks", "DetectionModel"), {"activation": CODE}
            ),
            TRAP,
        ),
        (
            Built(
                call("functools", "partial", LATER),
                ((Name("ultralytics.nn.tasks", "DetectionModel"), ({"activation": CODE},), {}, None),),
            ),
            STATE,
        ),
        (
            attribute(
                instance("gensim.models.ensemblelda", "EnsembleLda", topic_model_module_string="m"),
                "get_topic_model_class",
            ),
            TRAP,
        ),
        # torch
        (tensor(storage(named(startswith=LATER))), PERSISTENT),
        (tensor(storage("cpu", named(split=LATER))), PERSISTENT),
        (call("torch._utils", "_rebuild_parameter", tensor(storage()), True, named(items=LATER)), TRAP),
        (
            call(
                "torch._utils",
                "_rebuild_parameter_with_state",
                tensor(storage()),
                True,
                Call(ORDERED),
                ordered({"a": 1}, items=LATER),
            ),
            TRAP,
        ),
        (
            call(
                "torch._tensor",
                "_rebuild_from_type_v2",
                Name("torch._utils", "_rebuild_parameter_with_state"),
                Name("torch.nn.parameter", "Parameter"),
                (tensor(storage()), True, Call(ORDERED), {"__class__": Name("torch", "Tensor")}),
                None,
            ),
            TRAP,
        ),
        # items that are kept, and called later
        (
            [
                call("torch.storage", "_load_from_bytes", b"x"),
                ordered({0: Name("torch.storage", "_load_from_bytes")}),
            ],
            STATE,
        ),
        # NumPy asks for __array__, which a module has if it has a part of that name
        (
            Built(
                call(
                    "numpy.ma.core",
                    "_mareconstruct",
                    Name("numpy.ma", "MaskedArray"),
                    Name("numpy", "ndarray"),
                    (0,),
                    "b",
                ),
                (
                    (
                        1,
                        (1,),
                        plain("f8"),
                        False,
                        bytes(8),
                        bytes(1),
                        instance("torch.nn.modules.container", "Sequential", _modules={"__array__": LATER}),
                    ),
                ),
            ),
            STATE,
        ),
    ],
)
def test_what_a_reader_would_call_is_found(value: Any, rule: str) -> None:
    assert rule in rules_of(examine("a.pkl", pickled(value, 4)))
    assert rule in rules_of(examine("a.pkl", pickled(value, 2)))


@pytest.mark.parametrize(
    "value",
    [
        tensor(storage()),
        tensor(storage("cpu", None)),
        tensor(storage("cpu", ("1", 0, 2))),
        call("torch._utils", "_rebuild_parameter", tensor(storage()), True, Call(ORDERED)),
        call(
            "torch._utils", "_rebuild_parameter_with_state", tensor(storage()), True, Call(ORDERED), {"a": 1}
        ),
        ordered({"a": 1}, _metadata=Call(ORDERED)),
        call("nltk.probability", "FreqDist", {"a": 1}),
        call("collections", "defaultdict", Name("builtins", "list"), {"a": []}),
        attribute(instance("scipy.interpolate._interpolate", "interp1d", x=1), "_call_linear_np"),
        instance(
            "torch.optim.adam", "Adam", param_groups=[{"params": [tensor(storage())], "lr": 0.1}], state={}
        ),
        call("functools", "partial", Name("torch.nn.modules.normalization", "LayerNorm"), 64),
    ],
)
def test_what_models_have_is_clean(value: Any) -> None:
    found = examine("a.pkl", pickled(value, 4))
    assert found.outcome is Outcome.CLEAN, found.findings


def test_a_part_of_a_table_may_not_hide_behind_many_others() -> None:
    filler: list[Any] = [[] for _ in range(1100)]
    index = Name("pandas.core.indexes.base", "Index")
    for axes in ([*filler, named(_typ="index")], [filler, [*filler, [named(_typ="index")]]]):
        value = call("pandas.core.indexes.base", "_new_Index", index, {"data": axes})
        assert TRAP in rules_of(examine("a.pkl", pickled(value, 4)))
    value = call("pandas.core.indexes.base", "_new_Index", index, {"data": filler})
    assert examine("a.pkl", pickled(value, 4)).outcome is Outcome.CLEAN


def test_many_parts_of_one_kind_are_no_hiding_place() -> None:
    block = array(plain("f8"), bytes(8))
    index = Name("pandas.core.indexes.base", "Index")
    value = call("pandas.core.indexes.base", "_new_Index", index, {"data": [block] * 1500})
    assert examine("a.pkl", pickled(value, 4)).outcome is Outcome.CLEAN


def test_the_place_of_a_storage_is_text_in_an_archive_too() -> None:
    value = {"w": tensor(storage(named(startswith=LATER)))}
    data = zip_of({"a/data.pkl": pickled(value), "a/byteorder": b"little", "a/data/0": bytes(8)})
    assert PERSISTENT in rules_of(examine("a.pt", data))
