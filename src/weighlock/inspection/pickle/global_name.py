"""Which names a pickle may import, and why.

The allow table is closed under everything a pickle can do with its entries: calling one
with any arguments, calling one inside another, BUILD on an instance. "Harmless" means: no
code runs that is not an entry itself, nothing outside the process is reached, no memory is
read or written that does not belong to the objects. It does not mean cheap: any pickle can
ask for memory, and loaders need limits.

Changing an imported object itself (BUILD, SETITEM, APPEND on a global) is a finding of its
own, so entries need not be immutable. Names with a dot are never entries: they walk attributes.
"""

import enum
from typing import Final

_CONTAINER: Final = (
    "a container of the language: copies or iterates its arguments, whose iterators are entries too"
)
_NUMBER: Final = "a number type: converts its arguments, calls none of them"
_STORAGE: Final = (
    "a torch storage class: allocates zeroed or copied memory, owned by it; from_file needs an attribute walk"
)
_DTYPE: Final = "a torch constant: not callable"
_TIME: Final = (
    "a value of the datetime module: checks ranges in C, calls only a tzinfo, which must be an entry"
)

ALLOWED: Final[dict[tuple[str, str], str]] = {
    ("collections", "OrderedDict"): "copies pairs; its setters are those of dict",
    ("collections", "defaultdict"): "keeps a factory and calls it without arguments; the factory must be an entry itself",
    ("collections", "deque"): _CONTAINER,
    **{
        (module, name): _CONTAINER
        for module in ("builtins", "__builtin__")
        for name in ("dict", "frozenset", "list", "object", "range", "set", "slice", "tuple")
    },
    **{(module, name): _NUMBER for module in ("builtins", "__builtin__") for name in ("bool", "complex", "float", "int")},
    **{("datetime", name): _TIME for name in ("date", "datetime", "time", "timedelta", "timezone")},
    ("torch._utils", "_rebuild_tensor_v2"): "sets a tensor on a given storage, which set_ grows to hold it (aten/native/Resize.h); hooks are stored, not called, and must be entries; torch's own restricted unpickler permits it",
    ("torch._utils", "_rebuild_parameter"): "wraps a tensor as Parameter; hooks are stored, not called, and must be entries",
    ("torch._utils", "_rebuild_tensor"): "as _rebuild_tensor_v2, without hooks; files from before torch 0.4 have it",
    ("torch", "Size"): "a tuple of integers",
    ("torch", "device"): "parses a device name",
    **{
        ("torch", f"{name}Storage"): _STORAGE
        for name in ("BFloat16", "Bool", "Byte", "Char", "ComplexDouble", "ComplexFloat", "Double", "Float", "Half", "Int", "Long", "Short")
    },
    ("torch.storage", "UntypedStorage"): _STORAGE,
    **{
        ("torch", name): _DTYPE
        for name in ("bfloat16", "bool", "complex128", "complex64", "float16", "float32", "float64", "int16", "int32", "int64", "int8", "uint8")
    },
}  # fmt: skip

# Names that other allow lists hold and that are not harmless; the reason was checked by experiment.
TRAPS: Final[dict[tuple[str, str], str]] = {
    **{
        (module, name): reason
        for module in ("numpy", "numpy.core.multiarray", "numpy._core.multiarray")
        for name, reason in {
            "dtype": "numpy.dtype takes its flags from the pickle: an object type without the object flag turns raw bytes into pointers (seen with NumPy 2.4)",
            "ndarray": "numpy.ndarray makes an array of objects over a buffer of raw bytes: forged pointers (seen with NumPy 2.4)",
            "_reconstruct": "rebuilds an array whose state may carry a forged type (see numpy.dtype)",
            "scalar": "reads a value from raw bytes by a type that may be forged (see numpy.dtype)",
        }.items()
    },
    **{
        (module, name): "with text and an encoding it runs any codec that is registered"
        for module in ("builtins", "__builtin__")
        for name in ("bytearray", "bytes", "str", "unicode")
    },
    ("_codecs", "encode"): "runs any codec that is registered, and imports encodings by name",
    ("copyreg", "_reconstructor"): "calls the __new__ and __init__ of any class given to it",
    ("copy_reg", "_reconstructor"): "calls the __new__ and __init__ of any class given to it",
    ("torch._utils", "_rebuild_parameter_with_state"): "sets attributes of any name on the parameter",
    ("torch.jit._pickle", "restore_type_tag"): "attaches a type that the reader looks up",
    ("functools", "partial"): "calls any callable with prepared arguments",
    ("collections", "Counter"): "calls update, which a subclass state may replace",
}  # fmt: skip

# Every name of these modules is grave: they run code or commands, or reach files, network or interpreter.
DANGEROUS_MODULES: Final = frozenset(
    {
        "__builtin__", "_aix_support", "_bootsubprocess", "_ctypes", "_frozen_importlib",
        "_frozen_importlib_external", "_imp", "_io", "_operator", "_osx_support", "_pickle",
        "_posixsubprocess", "_pyrepl", "_socket", "_sqlite3", "_ssl", "_testcapi", "_thread", "_winapi",
        "_xxsubinterpreters", "aiohttp", "ast", "asyncio", "bdb", "builtins", "cProfile", "cffi", "cgi",
        "cloudpickle", "code", "codeop", "commands", "concurrent.futures", "ctypes", "dbm", "dill",
        "distutils", "doctest", "ensurepip", "fileinput", "ftplib", "gc", "getpass", "glob", "http",
        "httplib", "httpx", "idlelib", "imaplib", "imp", "importlib", "inspect", "io", "lib2to3",
        "linecache", "logging.config", "mailbox", "marshal", "mmap", "modulefinder", "multiprocessing",
        "netrc", "nntplib", "nt", "ntpath", "numpy.distutils", "numpy.f2py", "numpy.testing", "operator",
        "os", "os.path", "paramiko", "pdb", "pexpect", "pickle", "pickletools", "pip", "pipes",
        "pkg_resources", "pkgutil", "platform", "popen2", "poplib", "posix", "posixpath", "profile",
        "psutil", "pty", "py_compile", "pydoc", "pyximport", "requests", "resource", "runpy", "sched",
        "select", "selectors", "setuptools", "shelve", "shutil", "signal", "site", "smtplib", "socket",
        "socketserver", "sqlite3", "ssl", "subprocess", "sys", "sysconfig", "tarfile", "telnetlib",
        "tempfile", "test.support", "threading", "timeit", "tkinter", "tokenize", "torch.hub",
        "torch.utils._config_module", "torch.utils.cpp_extension", "trace", "traceback", "turtle", "types",
        "unittest", "urllib", "urllib2", "urllib3", "uu", "venv", "webbrowser", "winreg", "wsgiref", "xml",
        "xmlrpc", "xmlrpclib", "yaml", "zipapp", "zipfile", "zipimport",
    }
)  # fmt: skip

DANGEROUS_NAMES: Final = frozenset(
    {
        ("joblib", "load"),
        ("joblib.numpy_pickle", "load"),
        ("torch", "load"),
        ("torch.serialization", "load"),
        ("torch.storage", "_load_from_bytes"),
        ("torch.jit", "load"),
        ("torch._inductor.codecache", "compile_file"),
        ("torch._dynamo.guards", "GuardBuilder"),
        ("numpy", "load"),
        ("numpy", "fromfile"),
        ("numpy", "memmap"),
        ("pandas", "read_pickle"),
        ("pandas.io.pickle", "read_pickle"),
        ("sklearn.externals.joblib", "load"),
    }
)


class Verdict(enum.Enum):
    """What the tables say of an imported name."""

    ALLOWED = enum.auto()
    TRAP = enum.auto()
    UNKNOWN = enum.auto()
    DANGEROUS = enum.auto()


def judge(module: str, name: str) -> tuple[Verdict, str]:
    """Return the verdict on an import, and the reason as a clause for people."""
    if (module, name) in ALLOWED:
        return Verdict.ALLOWED, ALLOWED[module, name]
    if (module, name) in TRAPS:
        return Verdict.TRAP, TRAPS[module, name]
    if (module, name) in DANGEROUS_NAMES or _in_dangerous_module(module):
        return Verdict.DANGEROUS, "it runs code or commands, or reaches files, the network or the interpreter"
    if _walks_to_danger(name):
        return Verdict.DANGEROUS, "the name walks from one object to the interpreter's own"
    if "." in name:
        return Verdict.UNKNOWN, "a dotted name walks attributes, which can lead anywhere"
    return Verdict.UNKNOWN, "nobody has shown that it is harmless with any arguments"


def _in_dangerous_module(module: str) -> bool:
    parts = module.split(".")
    return any(".".join(parts[: count + 1]) in DANGEROUS_MODULES for count in range(len(parts)))


def _walks_to_danger(name: str) -> bool:
    parts = name.split(".")
    if len(parts) == 1:
        return False
    return any(part.startswith("__") or part in DANGEROUS_MODULES for part in parts)
