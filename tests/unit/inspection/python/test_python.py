"""Python source: limits, names, constants and levels beyond what the corpus holds."""

import ast
import marshal
import py_compile
from pathlib import Path

import pytest

from model_file import examine, rules_of
from weighlock.core.finding import Severity
from weighlock.core.outcome import Outcome
from weighlock.inspection.python.source import MAX_LINES, MAX_SOURCE_BYTES, decoded, encoding_of
from weighlock.inspection.python.walk import Walk


def grave(code: str) -> set[str]:
    examined = examine("x.py", code.encode())
    return {finding.rule for finding in examined.findings if finding.severity > Severity.INFO}


@pytest.mark.parametrize(
    ("code", "effect"),
    [
        ("import os\n(os.system,)[0]('x')", "process"),
        ("import os\n[print, os.system][i]('x')", "process"),
        ("import os\n(None or os.system)('x')", "process"),
        ("import os\nif (f := os.system): f('x')", "process"),
        ("import os\nglobals()['f'] = os.system\nf('x')", "process"),
        ("import os.path\nos.system('x')", "process"),
        ("import os\nclass A:\n    f = os.system\n    def g(self):\n        self.f('x')\nA().g()", "process"),
        ("import os\nclass A:\n    def __init__(self):\n        self.f = os.system\n    def g(self):\n        self.f('x')\nA().g()", "process"),
        ("import os\ndef f(a=os.system):\n    a('x')\nf()", "process"),
        ("import os\ndef f():\n    global g\n    g = os.system\nf()\ng('x')", "process"),
        ("import asyncio\nasync def m():\n    await asyncio.create_subprocess_shell('x')\nasyncio.run(m())", "process"),
        ("__loader__.load_module('os').system('x')", "process"),
        ("__builtins__.__dict__['exec']('import os;os.system(1)')", "process"),
        ("import os\nos.__dict__['system']('x')", "process"),
        ("import os\nos.__getattribute__('system')('x')", "process"),
        ("import sys\nsys.modules.get('os').system('x')", "process"),
        ("from subprocess import *\nPopen('x')", "process"),
        ("import os\nmatch 1:\n    case 1:\n        os.system('x')", "process"),
        ("import os\ntry:\n    pass\nfinally:\n    os.system('x')", "process"),
        ("import os\nfor n in ['system']:\n    getattr(os, n)('x')", "process"),
        ("import code\ncode.interact()", "code"),
        ("@exec\n@input\nclass X:\n    pass", "code"),
        ("import io\nio.open('x', mode='a')", "file"),
        ("import builtins\nbuiltins.open('x', 'w')", "file"),
        ("import numpy as np\nnp.load('x', allow_pickle=True)", "unpickle"),
        ("import yaml\nyaml.load('x', Loader=yaml.Loader)", "unpickle"),
    ],
)  # fmt: skip
def test_what_importing_does(code: str, effect: str) -> None:
    assert f"python-import-{effect}" in grave(code)


@pytest.mark.parametrize(
    "code",
    [
        "'%s%s' % ('sys', 'tem')",
        "'{}{}'.format('sys', 'tem')",
        "f\"sys{'tem'}\"",
        "'SYSTEM'.lower()",
        "'sysXtem'.replace('X', '')",
        "bytes.fromhex('73797374656d').decode()",
        "__import__('base64').b64decode('c3lzdGVt').decode()",
        "''.join(reversed('metsys'))",
        "''.join(['s', 'y', 's', 't', 'e', 'm'])",
        "'xsystemx'[1:-1]",
        "__import__('codecs').decode('flfgrz', 'rot13')",
    ],
)
def test_a_name_that_is_put_together_is_read_and_reported(code: str) -> None:
    assert grave(f"import os\ngetattr(os, {code})('x')") == {"python-import-process", "python-hidden-call"}


def test_a_function_runs_when_the_one_that_calls_it_does() -> None:
    body = "import os\ndef a():\n    b()\ndef b():\n    os.system('x')\n"
    assert grave(body) == {"python-call-process"}
    assert grave(body + "a()\n") == {"python-import-process"}
    assert grave(body + "class M:\n    def forward(self):\n        a()\n") == {"python-load-process"}
    assert grave(body + "register(a)\n") == {"python-load-process"}


def test_a_constant_pickle_is_examined() -> None:
    examined = examine("x.py", b"import pickle\npickle.loads(b'cos\\nsystem\\n(S\"x\"\\ntR.')\n")
    assert "pickle-present" in rules_of(examined)
    assert any("line 2" in finding.location for finding in examined.findings)


def test_too_long_a_source_is_not_examined() -> None:
    for text in ("x = 1  # " + "x" * MAX_SOURCE_BYTES, "\n" * (MAX_LINES + 1)):
        examined = examine("x.py", text.encode())
        assert examined.outcome is Outcome.UNDECIDED
        assert "over the limit" in str(examined.not_examined)


@pytest.mark.parametrize(
    "code",
    ["(" * 5000, "-" * 50_000 + "1", "x = a" + ".b" * 3000, "x = f" + "()" * 3000, "lambda: " * 150 + "1"],
    ids=["brackets", "signs", "attributes", "calls", "lambdas"],
)
def test_deep_source_ends(code: str) -> None:
    assert examine("x.py", code.encode()).format == "python"


def test_code_that_runs_itself_ends() -> None:
    assert examine("x.py", b"s = 'exec(s)'\nexec(s)\n").outcome is Outcome.UNDECIDED


def test_constants_are_bounded() -> None:
    walk = Walk()
    walk.run(ast.parse("a = 'x' * 200000\n" + "b = a + a\n" * 500))
    assert walk.evaluator.folded < 80 << 20


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (b"# -*- coding: latin-1 -*-\n", "latin-1"),
        (b"#!/bin/x\n# vim: set fileencoding=UTF_8 :\n", "utf-8"),
        (b"x = 1\n# coding: utf-7\n", "utf-8"),
        (b"\xef\xbb\xbf# coding: gbk\n", "gbk"),
        (b"", "utf-8"),
    ],
)
def test_encodings_as_in_pep_263(raw: bytes, expected: str) -> None:
    assert encoding_of(raw) == expected


def test_bytes_that_are_not_of_their_encoding_are_not_text() -> None:
    assert decoded(b"x = '\xff'\n") is None
    assert decoded(b"# coding: latin-1\nx = '\xff'\n") == "# coding: latin-1\nx = '\xff'\n"


def test_compiled_python_of_this_version_is_read_to_its_end(tmp_path: Path) -> None:
    source = tmp_path / "x.py"
    source.write_text(
        "import os\nclass A:\n    def f(self, *a, k=(1, 2.5, 3j, {1}, b'x', 2**70)):\n        return os.getcwd()\n"
    )
    compiled = Path(py_compile.compile(str(source), str(tmp_path / "x.pyc")) or "")
    examined = examine("x.pyc", compiled.read_bytes())
    assert rules_of(examined) == {"python-bytecode"}
    assert "getcwd" in dict(examined.facts)["names"]
    assert [link.target for link in examined.links if link.kind == "bytecode"] == ["x.py"]


def test_marshal_that_is_no_code_is_read_too() -> None:
    head = (3495).to_bytes(2, "little") + b"\r\n" + bytes(12)
    held = marshal.dumps([{"a": (1, 2.0, None)}, frozenset({"x"}), "ü", 1 << 200])
    assert rules_of(examine("x.pyc", head + held)) == {"python-bytecode"}
