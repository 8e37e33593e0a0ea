"""Python source, compiled Python and notebooks: what runs at import, and how code hides it."""

import json
import struct

from corpus.case import Case, accept, reject

SOURCE = "python-source"
REACH = "python-reach"

MODEL = '''"""Layers of our own."""
import math
import os
from typing import Optional

import torch
from torch import nn
from transformers import PreTrainedModel
from transformers.utils import logging

from .configuration_x import XConfig

logger = logging.get_logger(__name__)
if os.environ.get("X_FUSED", "0") == "1":
    torch.backends.cuda.matmul.allow_tf32 = True


class XBlock(nn.Module):
    def __init__(self, config: XConfig, scale: Optional[float] = None):
        super().__init__()
        self.act = getattr(nn, config.act)()
        self.scale = scale or 1 / math.sqrt(config.hidden_size)

    def forward(self, x):
        return self.act(x) * self.scale


class XModel(PreTrainedModel):
    config_class = XConfig

    def __init__(self, config):
        super().__init__(config)
        self.layers = nn.ModuleList([XBlock(config) for _ in range(config.layers)])
        self.post_init()

    def eval(self):
        return super().eval()


XModel.register_for_auto_class("AutoModel")
'''
TOKENIZER = """import json
import regex as re
from functools import lru_cache


@lru_cache()
def bytes_to_unicode():
    return {b: chr(b) for b in range(256)}


class XTokenizer:
    def __init__(self, vocab_file):
        with open(vocab_file, encoding="utf-8") as handle:
            self.encoder = json.load(handle)
        self.pat = re.compile(r"\\p{L}+|\\p{N}+")

    def save_vocabulary(self, folder):
        with open(folder + "/vocab.json", "w", encoding="utf-8") as handle:
            json.dump(self.encoder, handle)
"""
HANDLER = """from transformers import pipeline


class EndpointHandler:
    def __init__(self, path=""):
        self.pipe = pipeline("text-generation", model=path)

    def __call__(self, data):
        return self.pipe(data["inputs"])
"""
BUILD = """import sys
from setuptools import setup

if sys.version_info < (3, 9):
    raise SystemExit("too old")

setup(name="x", version="1")
"""


def bad(name: str, code: str, why: str, *rules: str) -> Case:
    return reject(f"python/{name}.py", code.encode(), why, SOURCE, *rules)


def good(name: str, code: str, why: str, *rules: str) -> Case:
    return accept(f"python/{name}.py", code.encode(), why, SOURCE, *rules)


def ordinary() -> list[Case]:
    return [
        good("modeling_x", MODEL, "a model as people write it"),
        good("tokenization_x", TOKENIZER, "a tokenizer that writes its vocabulary when asked", REACH),
        good("handler", HANDLER, "a handler of an inference server"),
        good("setup", BUILD, "a build script that does nothing else"),
        good("lazy", "import importlib\n\ndef load(name):\n    return importlib.import_module('.' + name, __name__)\n", "a module that imports its neighbours late"),
        good("registry", "LAYERS = {}\n\ndef register(cls):\n    LAYERS[cls.__name__] = cls\n    return cls\n\n@register\nclass A:\n    pass\n", "a registry of classes"),
        good("greek", "def loss(\u03c3, \u03bc):\n    return \u03c3 * \u03bc\n", "Greek letters as names"),
        good("evaluates", "class M:\n    def run(self, model):\n        model.eval()\n        return model.compile()\n", "methods that are named as builtins are"),
        good("safe_load", "import torch\n\ndef load(path):\n    return torch.load(path, weights_only=True)\n", "torch.load of weights only"),
        good("yaml_load", "import yaml\nOPTIONS = yaml.load('a: 1', Loader=yaml.SafeLoader)\n", "a safe loader"),
        good("numpy_load", "import numpy as np\nTABLE = np.load('table.npy')\n", "an array without objects"),
        good("guarded", "if __name__ == '__main__':\n    print('x')\n", "a program that prints"),
        good("comment", "# os.system('touch marker')\nTEXT = 'exec(x)'\n", "code in a comment and in a text"),
        good("trailing", "x = [\n    1,                                                                                                             # far\n]\n", "a comment far to the right"),
        good("environment", "import os\nos.environ['TOKENIZERS_PARALLELISM'] = 'false'\nTOKEN = os.environ.get('HF_TOKEN')\n", "a setting, and one variable"),
        good("train", "import wandb\nimport os\n\ndef main():\n    os.makedirs('out', exist_ok=True)\n    wandb.init()\n\nif __name__ == '__main__':\n    main()\n", "a training script"),
        good("weights", "import torch\n\ndef convert(path):\n    return torch.load(path)\n", "a converter that a person calls", REACH),
        good("constant", "exec('x = 1')\n", "a constant text that is harmless"),
    ]  # fmt: skip


def at_import() -> list[Case]:
    process = "python-import-process"
    hidden = "python-hidden-call"
    return [
        bad("system", "import os\nos.system('touch marker')\n", "a command at module level", process),
        bad("from_alias", "from subprocess import run as r\nr(['touch', 'marker'])\n", "another name", process),
        bad("assigned", "import os as o\nf = o.popen\nf('touch marker')\n", "another name by assignment", process),
        bad("class_body", "import os\nclass A:\n    x = os.system('touch marker')\n", "in a class body", process),
        bad("decorator", "import os\ndef d(f):\n    os.system('touch marker')\n    return f\n@d\ndef g():\n    pass\n", "in a decorator of its own", process),
        bad("default", "import os\ndef g(a=os.system('touch marker')):\n    pass\n", "in a default value", process),
        bad("annotation", "import os\ndef g(a: os.system('touch marker')):\n    pass\n", "in an annotation", process),
        bad("metaclass", "import os\nclass M(type):\n    def __new__(c, *a):\n        os.system('touch marker')\n        return type.__new__(c, *a)\nclass B(metaclass=M):\n    pass\n", "in a metaclass", process),
        bad("subclass_hook", "import os\nclass M:\n    def __init_subclass__(c):\n        os.system('touch marker')\nclass B(M):\n    pass\n", "when it is inherited from", process),
        bad("module_hook", "import os\ndef __getattr__(n):\n    os.system('touch marker')\n", "PEP 562: when a name is imported from it", process),
        bad("called_function", "import os\ndef f():\n    os.system('touch marker')\nf()\n", "in a function that is called", process),
        bad("called_method", "import os\nclass A:\n    def __init__(self):\n        self.r()\n    def r(self):\n        os.system('touch marker')\nA()\n", "in a method of a class that is made", process),
        bad("inherited", "import os\nclass A:\n    def r(self):\n        os.system('touch marker')\nclass B(A):\n    pass\nB().r()\n", "in an inherited method", process),
        bad("property", "import os\nclass A:\n    @property\n    def x(self):\n        os.system('touch marker')\nA().x\n", "in a property", process),
        bad("lambda", "import os\n(lambda: os.system('touch marker'))()\n", "in a lambda", process),
        bad("comprehension", "import os\n[os.system(c) for c in ['touch marker']]\n", "in a comprehension", process),
        bad("map", "import os\nlist(map(os.system, ['touch marker']))\n", "handed to map", process),
        bad("partial", "import functools, os\nfunctools.partial(os.system, 'touch marker')()\n", "handed to partial", process),
        bad("thread", "import os, threading\nthreading.Thread(target=os.system, args=('touch marker',)).start()\n", "handed to a thread", process, "python-import-thread"),
        bad("atexit", "import atexit, os\natexit.register(os.system, 'touch marker')\n", "when the process ends", process, "python-import-interpreter"),
        bad("star", "from os import *\nsystem('touch marker')\n", "everything imported", process),
        bad("dispatch", "import os\nd = {'a': os.system}\nd['a']('touch marker')\n", "in a table", process),
        bad("operator", "import os\nclass A:\n    __class_getitem__ = os.system\nA['touch marker']\n", "as an operator", process),
        bad("reduce", "import os\nclass A:\n    def __reduce__(self):\n        return (os.system, ('touch marker',))\n", "what unpickling would call", "python-load-process"),
        bad("carried", "import torch\ntorch.os.system('touch marker')\n", "through another module's import", process),
        bad("modules", "import sys\nsys.modules['os'].system('touch marker')\n", "through sys.modules", process),
        bad("dunder_import", "__import__('os').system('touch marker')\n", "through __import__", process),
        bad("globals", "import os\nglobals()['os'].system('touch marker')\n", "through globals", process),
        bad("vars", "import os\nvars(os)['system']('touch marker')\n", "through vars", process),
        bad("getattr_plain", "import os\ngetattr(os, 'system')('touch marker')\n", "through getattr", process),
        bad("attrgetter", "import operator, os\noperator.attrgetter('system')(os)('touch marker')\n", "through operator", process),
        bad("methodcaller", "import operator, os\noperator.methodcaller('system', 'touch marker')(os)\n", "through operator", process),
        bad("exec_constant", "exec('import os\\nos.system(\"touch marker\")')\n", "a constant text that is run is read as code", process),
        bad("eval_constant", "eval(\"__import__('os').system('touch marker')\")\n", "as above", process),
        bad("joined", "import os\ngetattr(os, 'sys' + 'tem')('touch marker')\n", "a name in pieces", process, hidden),
        bad("reversed", "import os\ngetattr(os, 'metsys'[::-1])('touch marker')\n", "a name backwards", process, hidden),
        bad("numbers", "import os\ngetattr(os, ''.join(chr(c) for c in (115, 121, 115, 116, 101, 109)))('touch marker')\n", "a name in numbers", process, hidden),
        bad("mapped", "import os\ngetattr(os, ''.join(map(chr, [115, 121, 115, 116, 101, 109])))('touch marker')\n", "as above", process, hidden),
        bad("bytes_name", "import os\ngetattr(os, bytes([115, 121, 115, 116, 101, 109]).decode())('touch marker')\n", "as above", process, hidden),
        bad("import_pieces", "import importlib\nimportlib.import_module('o' + 's').popen('touch marker')\n", "a module in pieces", process, hidden),
        bad("by_argument", "import os, sys\ngetattr(os, sys.argv[1])('touch marker')\n", "a name from outside", hidden),
        bad("loop_name", "import os\ns = ''\nfor c in 'metsys':\n    s = c + s\ngetattr(os, s)('touch marker')\n", "a name from a loop", hidden),
        bad("either", "import os\nf = print\nif True:\n    f = os.system\nf('touch marker')\n", "one of two functions", process),
        bad("script_level", "import subprocess\nif __name__ == '__main__':\n    subprocess.run(['touch', 'marker'])\n", "only as a program", "python-call-process"),
        bad("fake_main", "import os\n__name__ = '__main__'\nif __name__ == '__main__':\n    os.system('touch marker')\n", "a module that names itself so", process),
    ]  # fmt: skip


def effects() -> list[Case]:
    decoded = "python-decoded-code"
    code = "python-import-code"
    return [
        bad("exec_unknown", "exec(open('x').read())\n", "text of a file as code", code),
        bad("hub_load", "import torch\ntorch.hub.load('a/b', 'c')\n", "code of a repository", code),
        bad("spec", "import importlib.util\ns = importlib.util.spec_from_file_location('a', 'b')\nm = importlib.util.module_from_spec(s)\ns.loader.exec_module(m)\n", "a file as a module", code),
        bad("base64", "import base64\nexec(base64.b64decode('cHJpbnQoMSk='))\n", "code in base64", decoded),
        bad("base64_process", "import base64\nexec(base64.b64decode('aW1wb3J0IG9zCm9zLnN5c3RlbSgndG91Y2ggbWFya2VyJyk='))\n", "the decoded code is read too", decoded, "python-import-process"),
        bad("rot13", "import codecs\nexec(codecs.decode('cevag(1)', 'rot13'))\n", "code in another alphabet", decoded),
        bad("marshal", "import marshal\nexec(marshal.loads(b'x'))\n", "a code object in bytes", decoded, code),
        bad("decoded_in_function", "import base64\ndef f(x):\n    exec(base64.b64decode(x))\n", "in a function that nobody calls", decoded, "python-call-code"),
        bad("downloaded", "import urllib.request\nexec(urllib.request.urlopen('http://localhost/x').read())\n", "code from the network", decoded, code, "python-import-network"),
        bad("compiled", "import requests\nexec(compile(requests.get('http://localhost').text, 'x', 'exec'))\n", "as above, compiled first", decoded, code, "python-import-network"),
        bad("network", "import socket\ns = socket.socket()\ns.connect(('localhost', 1))\n", "a connection at import", "python-import-network"),
        bad("network_load", "import requests\nclass M:\n    def __init__(self):\n        requests.get('http://localhost')\n", "a connection when a class is made", "python-load-network"),
        bad("exfiltration", "import os, requests\nrequests.post('http://localhost', json=dict(os.environ))\n", "the environment goes out", "python-exfiltration", "python-import-network"),
        bad("secret", "open('/root/.ssh/id_rsa').read()\n", "a private key is read", "python-import-secret"),
        bad("secret_load", "class M:\n    def __init__(self):\n        open('/root/.aws/credentials').read()\n", "when a class is made", "python-load-secret"),
        bad("secret_call", "def f():\n    return open('/root/.netrc').read()\n", "when somebody calls it", "python-call-secret"),
        bad("files", "import shutil\nshutil.rmtree('/nothing')\n", "a folder is deleted", "python-import-file"),
        bad("writes", "open('marker', 'w').write('x')\n", "a file is written", "python-import-file"),
        bad("path_writes", "from pathlib import Path\nPath('marker').write_text('x')\n", "as above", "python-import-file"),
        bad("extracts", "import tarfile\nwith tarfile.open('x') as t:\n    t.extractall()\n", "an archive is unpacked", "python-import-file"),
        bad("pickle", "import pickle\npickle.load(open('x', 'rb'))\n", "a pickle at import", "python-import-unpickle"),
        bad("pickle_load", "import torch\nclass M:\n    def __init__(self, path):\n        self.w = torch.load(path)\n", "a pickle when a class is made", "python-load-unpickle"),
        bad("native", "import ctypes\nctypes.CDLL('./x.so')\n", "a library is loaded", "python-import-native"),
        bad("native_load", "from torch.utils.cpp_extension import load\nclass M:\n    def forward(self, x):\n        load(name='k', sources=['k.cu'])\n", "a library is built when the model runs", "python-load-native"),
        bad("import_path", "import sys\nsys.path.insert(0, '/nothing')\n", "where imports come from", "python-import-interpreter"),
        bad("preload", "import os\nos.environ['LD_PRELOAD'] = './x.so'\n", "what later programs load", "python-import-interpreter"),
        bad("patch", "import torch\ntorch.load = lambda *a: None\n", "a function of torch is replaced", "python-import-patch"),
        bad("patch_setattr", "import torch\ndef f():\n    pass\nsetattr(torch, 'load', f)\n", "as above", "python-import-patch"),
        bad("download", "from huggingface_hub import hf_hub_download\nhf_hub_download('a/b', 'c')\n", "a file from a hub", "python-import-download"),
        bad("remote", "from transformers import AutoModel\nM = AutoModel.from_pretrained('a/b', trust_remote_code=True)\n", "code of another repository", "python-import-remote"),
        bad("remote_load", "from transformers import AutoModel\nclass M:\n    def __init__(self):\n        self.m = AutoModel.from_pretrained('a/b', trust_remote_code=True)\n", "when a class is made", "python-load-remote"),
        bad("forward", "import subprocess\nclass M:\n    def forward(self, x):\n        subprocess.run(['touch', 'marker'])\n", "a command when the model runs", "python-load-process"),
        bad("eval_load", "class M:\n    def forward(self, x):\n        return eval(x)\n", "text as code when the model runs", "python-load-code"),
        bad("eval_call", "def f(x):\n    return eval(x)\n", "text as code when somebody calls it", "python-call-code"),
        bad("function", "import subprocess\ndef f():\n    subprocess.run(['touch', 'marker'])\n", "a command when somebody calls it", "python-call-process"),
        bad("subclasses", "().__class__.__base__.__subclasses__()[100]('x')\n", "a walk to every class", "python-internals"),
    ]  # fmt: skip


def hidden() -> list[Case]:
    return [
        bad("bidi", "x = '\u202e'\n", "CVE-2021-42574", "python-hidden-text"),
        bad("invisible", "x = '" + "\u200b\u200c" * 20 + "'\n", "a message in characters that nobody sees", "python-hidden-text"),
        bad("carriage", "x = 1  # harmless\rimport this\n", "a line that most editors do not end", "python-hidden-text"),
        bad("terminal", "x = 1  # \x1b[2K harmless\n", "a line that a terminal erases", "python-hidden-text"),
        bad("fullwidth", "import os\n\uff4fs.system('touch marker')\n", "letters that Python takes for others", "python-hidden-text", "python-import-process"),
        bad("cyrillic", "def s\u0443stem():\n    pass\n", "CVE-2021-42694: a letter of another alphabet", "python-look-alike"),
        bad("far_right", "x = 1;" + " " * 200 + "y = 2\n", "code out of the window", "python-hidden-layout"),
        bad("far_down", "x = 1\n" + "\n" * 400 + "y = 2\n", "as above, downwards", "python-hidden-layout"),
        reject("python/utf7.py", b"# coding: utf-7\nx = 1\n", "a comment may be code in this encoding", SOURCE, "python-encoding", not_examined="ASCII"),
        reject("python/old.py", b"print 'x'\n", "Python 2", SOURCE, "python-unparsed", not_examined="does not parse"),
        reject("python/run", b"#!/usr/bin/env python3\nimport os\nos.system('touch marker')\n", "Python source without the name", SOURCE, "python-import-process"),
    ]  # fmt: skip


def code_of(*names: str) -> bytes:
    """Return a code object of Python 3.11 that does nothing and uses these names."""
    used = b"".join(b"z" + bytes([len(name)]) + name.encode() for name in names)
    return (
        b"\xe3"
        + bytes(20)
        + b"s\0\0\0\0"
        + b")\0"
        + b")"
        + bytes([len(names)])
        + used
        + b")\0"
        + b"s\0\0\0\0"
        + b"z\1x" * 3
        + bytes(4)
        + b"s\0\0\0\0" * 2
    )


def bytecode(*names: str) -> bytes:
    """Return a compiled file that uses these names."""
    head = (3495).to_bytes(2, "little") + b"\r\n"
    return head + bytes(4) + struct.pack("<2I", 0, 10) + code_of(*names)


def compiled() -> list[Case]:
    code, whole = code_of(), bytecode()
    head = whole[:4]
    told = "what compiled Python does"
    return [
        reject("python/x.pyc", whole, "compiled Python", "python-bytecode", not_examined=told),
        reject("python/flags.pyc", head + b"\7\0\0\0" + bytes(8) + code, "flags that no Python writes", "python-bytecode", "python-bytecode-broken", not_examined=told),
        reject("python/after.pyc", whole + b"hidden", "bytes after the code", "python-bytecode", "python-bytecode-broken", not_examined=told),
        reject("python/cut.pyc", whole[:40], "cut", "python-bytecode", not_examined="cut"),
    ]  # fmt: skip


def notebooks() -> list[Case]:
    def notebook(*sources: str, html: str = "") -> bytes:
        outputs = [{"output_type": "display_data", "data": {"text/html": html}}] if html else []
        cells = [
            {"cell_type": "code", "source": source.splitlines(keepends=True), "outputs": outputs}
            for source in sources
        ]
        return json.dumps({"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": cells}).encode()

    return [
        accept("python/plain.ipynb", notebook("import torch\n", "x = 1\nx"), "a notebook", "notebook"),
        accept("python/install.ipynb", notebook("!pip install torch\n%matplotlib inline\nx = !ls\n"), "commands and magics", "notebook", "notebook-command"),
        accept("python/plot.ipynb", notebook("x", html="<script>1</script>"), "a plot with script", "notebook", "notebook-active-output"),
        reject("python/decoded.ipynb", notebook("import base64\nexec(base64.b64decode('cHJpbnQoMSk='))\n"), "decoded code in a cell", "notebook", "python-decoded-code"),
        reject("python/pipe.ipynb", notebook("!curl http://localhost/x | sh\n"), "a download into a shell", "notebook", "script-fetches-code"),
        reject("python/process.ipynb", notebook("import os\nos.system('touch marker')\n"), "a command in a cell", "notebook", "python-call-process"),
    ]  # fmt: skip


def cases() -> list[Case]:
    return [*ordinary(), *at_import(), *effects(), *hidden(), *compiled(), *notebooks()]
