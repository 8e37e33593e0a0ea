"""Python that reaches a shell by ways that a reader of calls does not see: kept, yielded, handed on, looked up."""

import pytest

from model_file import examine
from weighlock.core.finding import Severity

WAYS = {
    "format": "f'{1:{os.system(1)}}'",
    "reduce": "import functools\nfunctools.reduce(lambda a, b: a(b), [os.system, 'x'])",
    "returned": "def g(): return os.system\ng()('x')",
    "returned-module": "def g(): return os\ng().system('x')",
    "yielded": "def g(): yield os.system\nnext(g())('x')",
    "handed": "def g(m): m.system('x')\ng(os)",
    "nonlocal": "def f():\n  g = None\n  def h():\n    nonlocal g\n    g = os.system\n  h()\n  g('x')\nf()",
    "stored": "d = {}\nd['a'] = os.system\nd['a']('x')",
    "dictionary": "d = {'a': os.system}\nd.popitem()[1]('x')",
    "popped": "[os.system].pop()('x')",
    "zipped": "for f, a in zip([os.system], ['x']): f(a)",
    "items": "for k, v in vars(os).items():\n  if k[:4] == 'syst': v('x')",
    "object": "object.__getattribute__(os, 'system')('x')",
    "members": "import inspect\ndict(inspect.getmembers(os))['system']('x')",
    "resolved": "import pkgutil\npkgutil.resolve_name('os:system')('x')",
    "located": "import pydoc\npydoc.locate('os.system')('x')",
    "run-string": "from numpy.testing import runstring\nrunstring('x', {})",
    "dunder": "os.system.__call__('x')",
}


@pytest.mark.parametrize("way", WAYS)
def test_a_way_to_a_shell(way: str) -> None:
    examined = examine("modeling_x.py", f"import os\n{WAYS[way]}\n".encode())
    assert any(finding.severity >= Severity.MEDIUM for finding in examined.findings)


ORDINARY = """
import os, subprocess
from pathlib import Path

FORMS = {"a": str, "b": int, "c": Path}
WIDTHS = [f"{1:{2}}", f"{3!r:>10}"]

def parts():
    yield from os.path.split(os.getcwd())
    return os.sep

def outer():
    count = 0
    def inner():
        nonlocal count
        count += 1
        return count
    return inner, os.path.join

errors = (OSError, subprocess.CalledProcessError)
"""


def test_a_text_after_an_empty_line_is_no_message_of_keras() -> None:
    examined = examine("__init__.py", b'\n"""\nExternal, bundled dependencies.\n\n"""\n')
    assert examined.format == "python"


def test_ordinary_code_says_nothing_of_that() -> None:
    examined = examine("modeling_x.py", ORDINARY.encode())
    assert {finding.severity for finding in examined.findings} == {Severity.INFO}
