"""Pickles that call what must never be called: each family of sinks, each way to import and to call.

The names are those of public advisories and of the libraries' own sources; the arguments would at most make a
file named ``marker``.
"""

from typing import Any, Final

from corpus.case import MARK, Case, reject
from pickle_maker import HOW, Call, Name, call, pickled

GRAVE, PRESENT, UNKNOWN, TRAP = (
    "pickle-global-dangerous",
    "pickle-present",
    "pickle-global-unknown",
    "pickle-global-trap",
)
_PYTHON: Final = "open('marker', 'w')"
# module, name, arguments
SINKS: Final[list[tuple[str, str, tuple[Any, ...]]]] = [
    # processes
    ("os", "system", (MARK,)), ("os", "popen", (MARK,)), ("os", "execv", ("/bin/touch", ["touch", "marker"])),
    ("os", "spawnlp", (0, "touch", "touch", "marker")), ("os", "posix_spawn", ("/bin/touch", ["touch", "marker"], {})),
    ("posix", "system", (MARK,)), ("nt", "system", (MARK,)), ("subprocess", "call", (["touch", "marker"],)),
    ("subprocess", "check_output", (["touch", "marker"],)), ("subprocess", "Popen", (["touch", "marker"],)),
    ("subprocess", "getoutput", (MARK,)), ("commands", "getoutput", (MARK,)), ("pty", "spawn", (["touch", "marker"],)),
    ("multiprocessing.util", "spawnv_passfds", (b"/bin/touch", [b"touch", b"marker"], ())),
    ("asyncio.unix_events", "_UnixSubprocessTransport._start", (MARK,)), ("distutils.spawn", "spawn", (["touch", "marker"],)),
    ("distutils.file_util", "write_file", ("marker", ["x"])), ("_osx_support", "_read_output", (MARK,)),
    ("_aix_support", "_read_cmd_output", (MARK,)), ("_pyrepl.pager", "pipe_pager", ("x", MARK)), ("pydoc", "pipepager", ("x", MARK)),
    ("ensurepip", "_run_pip", (["--version"],)), ("pip", "main", (["--version"],)), ("pip._internal", "main", (["--version"],)),
    ("imaplib", "IMAP4_stream", (MARK,)), ("uuid", "_get_command_stdout", ("touch", "marker")),
    ("test.support.script_helper", "assert_python_ok", ("-c", _PYTHON)), ("torch.utils.collect_env", "run", (MARK,)),
    ("numpy.distutils.exec_command", "exec_command", (MARK,)), ("psutil", "Popen", (["touch", "marker"],)),
    ("webbrowser", "open", ("file:///marker",)), ("fastcore.xtras", "run", (MARK,)),
    # Python code
    ("builtins", "eval", (_PYTHON,)), ("builtins", "exec", (_PYTHON,)), ("__builtin__", "execfile", ("marker",)),
    ("builtins", "compile", (_PYTHON, "x", "exec")), ("code", "InteractiveInterpreter", ()), ("bdb", "Bdb.run", (_PYTHON,)),
    ("cProfile", "run", (_PYTHON,)), ("cProfile", "runctx", (_PYTHON, {}, {})), ("profile", "run", (_PYTHON,)),
    ("pdb", "run", (_PYTHON,)), ("trace", "Trace.run", (_PYTHON,)), ("timeit", "timeit", (_PYTHON,)),
    ("timeit", "main", (["-n", "1", _PYTHON],)), ("doctest", "debug_script", (_PYTHON,)), ("runpy", "run_path", ("marker.py",)),
    ("runpy", "_run_code", (_PYTHON, {})), ("numpy.testing._private.utils", "runstring", (_PYTHON, {})),
    ("numpy.testing", "runstring", (_PYTHON, {})), ("numpy.f2py.crackfortran", "getlincoef", (_PYTHON, [])),
    ("numpy.f2py.crackfortran", "myeval", (_PYTHON,)), ("numpy.f2py.crackfortran", "_eval_length", (_PYTHON, {})),
    ("idlelib.autocomplete", "AutoComplete.get_entity", (_PYTHON,)), ("idlelib.calltip", "get_entity", (_PYTHON,)),
    ("idlelib.run", "Executive.runcode", (_PYTHON,)), ("idlelib.pyshell", "ModifiedInterpreter.runcode", (_PYTHON,)),
    ("idlelib.debugobj", "ObjectTreeItem.SetText", (_PYTHON,)), ("lib2to3.pgen2.grammar", "Grammar.loads", (b"x",)),
    ("lib2to3.pgen2.pgen", "ParserGenerator.make_label", (_PYTHON,)), ("collections", "namedtuple", ("x", "a b")),
    ("dataclasses", "_create_fn", ("f", [], [_PYTHON])), ("typing", "ForwardRef", (_PYTHON,)), ("types", "FunctionType", ()),
    ("types", "CodeType", ()), ("pandas", "eval", (_PYTHON,)), ("pandas.core.computation.eval", "eval", (_PYTHON,)),
    ("numexpr", "evaluate", (_PYTHON,)), ("sympy", "sympify", (_PYTHON,)), ("sympy.parsing.sympy_parser", "parse_expr", (_PYTHON,)),
    ("patsy", "dmatrix", (_PYTHON,)), ("jinja2", "Template", ("{{ 1 }}",)), ("IPython.utils.capture", "capture_output", ()),
    ("scipy._lib._bunch", "_make_tuple_bunch", ("x", ["a"])), ("networkx.utils.decorators", "argmap.compile", ("x",)),
    ("torch._dynamo.guards", "GuardBuilder.get", (_PYTHON,)), ("torch.jit.unsupported_tensor_ops", "execWrapper", (_PYTHON, {}, {})),
    ("torch.fx.experimental.symbolic_shapes", "ShapeEnv.evaluate_guards_expression", (_PYTHON, [])),
    ("torch.fx.graph_module", "reduce_graph_module", ({"_code": _PYTHON}, "")), ("torch.utils.bottleneck.__main__", "run_cprofile", (_PYTHON, {})),
    ("torch.utils._config_module", "ConfigModule.load_config", (b"x",)), ("torch._inductor.codecache", "compile_file", ("a", "b", "c")),
    ("torch.utils.cpp_extension", "load_inline", ("x", "y")), ("torch.utils.data.datapipes.utils.decoder", "basichandlers", ("pickle", b"x")),
    ("keras.src.saving.pickle_utils", "deserialize_model_from_bytecode", (b"x",)), ("PIL.ImageMath", "eval", (_PYTHON,)),
    # modules
    ("builtins", "__import__", ("antigravity",)), ("importlib", "import_module", ("antigravity",)), ("imp", "load_source", ("x", "marker.py")),
    ("pydoc", "locate", ("os.system",)), ("pkgutil", "resolve_name", ("os:system",)), ("unittest.mock", "_importer", ("os.system",)),
    ("hydra.utils", "instantiate", ({"_target_": "os.system"},)), ("torch._utils", "_import_dotted_name", ("os.system",)),
    ("six.moves", "reload_module", (None,)), ("sentence_transformers.util", "import_from_string", ("os.system",)),
    # files and network
    ("builtins", "open", ("marker", "w")), ("io", "open", ("marker", "w")), ("_io", "FileIO", ("marker", "w")),
    ("shutil", "rmtree", ("marker",)), ("os", "remove", ("marker",)), ("pathlib", "Path.write_text", ("marker", "x")),
    ("linecache", "getlines", ("/etc/passwd",)), ("fileinput", "input", ("/etc/passwd",)), ("logging", "FileHandler", ("marker",)),
    ("logging.config", "listen", (9999,)), ("tempfile", "mkstemp", ()), ("zipfile", "ZipFile", ("marker", "w")),
    ("sqlite3", "connect", ("marker",)), ("mmap", "mmap", (-1, 16)), ("numpy", "fromfile", ("/etc/passwd",)), ("numpy", "save", ("marker", 1)),
    ("numpy", "loadtxt", ("/etc/passwd",)), ("pandas", "read_csv", ("/etc/passwd",)), ("torch", "save", (1, "marker")),
    ("torch.storage", "UntypedStorage.from_file", ("marker", True, 1)), ("socket", "create_connection", (("127.0.0.1", 9),)),
    ("urllib.request", "urlopen", ("http://127.0.0.1:9/",)), ("requests", "get", ("http://127.0.0.1:9/",)),
    ("aiohttp.client", "ClientSession", ()), ("httpx", "get", ("http://127.0.0.1:9/",)), ("xmlrpc.client", "ServerProxy", ("http://127.0.0.1:9/",)),
    ("smtplib", "SMTP", ("127.0.0.1",)), ("ftplib", "FTP", ("127.0.0.1",)), ("ssl", "get_server_certificate", (("127.0.0.1", 9),)),
    ("torch.hub", "load", ("a/b", "c")), ("huggingface_hub", "hf_hub_download", ("a/b", "c")), ("nltk.downloader", "download", ("x",)),
    # native code
    ("ctypes", "CDLL", ("libc.so.6",)), ("ctypes.util", "find_library", ("c",)), ("_ctypes", "dlopen", ("libc.so.6", 0)), ("cffi", "FFI", ()),
    ("torch.ops", "load_library", ("marker.so",)), ("torch._ops", "_Ops.load_library", ("marker.so",)), ("scipy", "LowLevelCallable", (1,)),
    ("numpy.ctypeslib", "load_library", ("marker", ".")), ("tensorflow", "load_op_library", ("marker.so",)), ("numpy.lib.stride_tricks", "as_strided", (1,)),
    # pickles in pickles
    ("pickle", "loads", (b"N.",)), ("_pickle", "loads", (b"N.",)), ("cPickle", "loads", ("N.",)), ("marshal", "loads", (b"N",)), ("shelve", "open", ("marker",)),
    ("joblib", "load", ("marker",)), ("joblib.numpy_pickle", "load", ("marker",)), ("torch", "load", ("marker",)), ("torch.serialization", "load", ("marker",)),
    ("torch.jit", "load", ("marker",)), ("numpy", "load", ("marker",)), ("pandas", "read_pickle", ("marker",)), ("dill", "loads", (b"N.",)),
    ("cloudpickle", "loads", (b"N.",)), ("yaml", "unsafe_load", ("a",)), ("jsonpickle", "decode", ("{}",)), ("sklearn.externals.joblib", "load", ("marker",)),
    ("multiprocessing.connection", "_ForkingPickler.loads", (b"N.",)), ("skops.io", "load", ("marker",)),
    # the interpreter
    ("builtins", "setattr", (1, "a", 2)), ("builtins", "globals", ()), ("builtins", "vars", ()), ("sys", "exit", ()), ("sys", "settrace", (None,)),
    ("gc", "get_objects", ()), ("inspect", "currentframe", ()), ("threading", "Thread", ()), ("_thread", "start_new_thread", ()), ("signal", "alarm", (1,)),
    ("atexit", "register", (1,)), ("weakref", "finalize", (1,)), ("copyreg", "add_extension", ("os", "system", 1)), ("codecs", "open", ("marker", "w")),
    ("warnings", "showwarning", ()), ("operator", "methodcaller", ("system", MARK)), ("_operator", "methodcaller", ("system", MARK)),
    ("operator", "call", (1,)), ("functools", "reduce", (1, [])), ("itertools", "starmap", (1, [])), ("contextlib", "ExitStack", ()), ("types", "new_class", ("x",)),
    # carriers of code
    ("dill._dill", "_create_function", ()), ("dill._dill", "_create_code", ()), ("dill._dill", "_load_type", ("CodeType",)), ("dill._dill", "_import_module", ("os",)),
    ("dill._dill", "_create_type", ()), ("dill._dill", "_get_attr", (1, "system")), ("cloudpickle.cloudpickle", "_make_function", ()),
    ("cloudpickle.cloudpickle", "_builtin_type", ("CodeType",)), ("cloudpickle.cloudpickle", "subimport", ("os",)), ("cloudpickle.cloudpickle", "_make_skeleton_class", ()),
    ("cloudpickle.cloudpickle_fast", "_make_function", ()), ("joblib.externals.cloudpickle.cloudpickle", "_make_function", ()),
]  # fmt: skip
# calls of what is harmless only if nobody calls it
CALLED: Final[list[tuple[str, str, tuple[Any, ...]]]] = [
    ("builtins", "map", (Name("builtins", "len"), ["a"])), ("builtins", "filter", (None, [1])), ("builtins", "sorted", ([1],)), ("numpy", "log1p", (1.0,)),
    ("sklearn.metrics._classification", "accuracy_score", ([1], [1])), ("torch.nn.functional", "relu", (1,)), ("numpy", "ndarray", ((2,), "O", b"x" * 16)),
    ("sklearn.linear_model._logistic", "LogisticRegression", ("l1",)), ("torch.nn.modules.linear", "Linear", (1, 1)), ("builtins", "sum", ([1],)),
    ("joblib.numpy_pickle_compat", "NDArrayWrapper", ("/etc/passwd", None)), ("enum", "Enum", ("x", "a b")), ("json", "loads", ("1",)), ("torch", "from_numpy", (1,)),
]  # fmt: skip


def sinks() -> list[Case]:
    """Return a case for each sink; the way to import and to call it changes from one to the next."""
    found = []
    for number, (module, name, arguments) in enumerate(SINKS):
        protocol = (0, 2, 4)[number % 3]
        how = "reduce" if protocol != 4 or number % 2 else "newobj"
        data = pickled(Call(Name(module, name), arguments, how), protocol)
        path = f"pickle/sink/{module}.{name}.pkl"
        rules = [PRESENT, GRAVE, *_TOO.get((module, name), ())]
        found.append(reject(path, data, f"calls {module}.{name}", *rules))
    return found


_TOO: Final[dict[tuple[str, str], tuple[str, ...]]] = {}


def ways() -> list[Case]:
    """Return a case for each protocol and each way to call, with one sink."""
    found = []
    for protocol in range(6):
        for how in HOW:
            if how.startswith("newobj") and protocol < 2:
                continue
            data = pickled(Call(Name("os", "system"), (MARK,), how), protocol)
            found.append(
                reject(
                    f"pickle/way/{how}-{protocol}.pkl", data, f"{how} in protocol {protocol}", PRESENT, GRAVE
                )
            )
    memo = pickled(Call(Name("os", "system", memo=True), (MARK,)), 4)
    found.append(reject("pickle/way/memo.pkl", memo, "both texts come from the memo", PRESENT, GRAVE))
    return found


def called() -> list[Case]:
    """Return a case for each name that may be carried and is called."""
    return [
        reject(
            f"pickle/called/{module}.{name}.pkl",
            pickled(call(module, name, *arguments)),
            f"calls {module}.{name}",
            PRESENT,
            TRAP,
        )
        for module, name, arguments in CALLED
    ]


def padded() -> list[Case]:
    """Return payloads among many harmless names."""
    harmless = [
        Name("collections", "OrderedDict"),
        Name("torch._utils", "_rebuild_tensor_v2"),
        Name("torch", "FloatStorage"),
    ]
    models = [Name("sklearn.linear_model._logistic", "LogisticRegression"), Name("numpy", "dtype")]
    payload = call("os", "system", MARK)
    return [
        reject(
            "pickle/padded/before.pkl",
            pickled([*harmless * 100, payload]),
            "harmless names before the payload",
            PRESENT,
            GRAVE,
        ),
        reject(
            "pickle/padded/after.pkl",
            pickled([payload, *harmless * 100]),
            "harmless names after the payload",
            PRESENT,
            GRAVE,
        ),
        reject(
            "pickle/padded/models.pkl",
            pickled([*models, payload, *models], 4),
            "names of models around it",
            PRESENT,
            GRAVE,
        ),
    ]


def cases() -> list[Case]:
    return [*sinks(), *ways(), *called(), *padded()]
