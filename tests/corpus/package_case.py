"""Wheels, model archives of TorchServe, executables with weights, and models of the Triton server."""

import base64
import hashlib
import json

from corpus.case import Case, accept, reject
from model_file import zip_of

HANDLER = b"class Handler:\n    def handle(self, data, context):\n        return data\n"


def wheel(files: dict[str, bytes], record: str | None = None) -> bytes:
    """Return a wheel with a RECORD that fits, or with the one given."""
    files = {**files, "x-1.dist-info/METADATA": b"Name: x\n", "x-1.dist-info/WHEEL": b"Wheel-Version: 1.0\n"}
    rows = []
    for name, data in files.items():
        digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
        rows.append(f"{name},sha256={digest},{len(data)}")
    rows.append("x-1.dist-info/RECORD,,")
    text = "\n".join(rows) + "\n" if record is None else record
    return zip_of({**files, "x-1.dist-info/RECORD": text.encode()})


def mar(handler: str, files: dict[str, bytes]) -> bytes:
    manifest = json.dumps({"model": {"modelName": "x", "handler": handler, "serializedFile": "w.txt"}})
    return zip_of({**files, "w.txt": b"weights\n", "MAR-INF/MANIFEST.json": manifest.encode()})


def cases() -> list[Case]:
    source = "python-source"
    good = wheel({"x/__init__.py": b"VERSION = 1\n"})
    elf = b"\x7fELF\2\1\1" + b"\0" * 57
    return [
        accept("package/x-1-py3-none-any.whl", good, "a wheel", source),
        accept("package/entry.whl", wheel({"x/__init__.py": b"VERSION = 1\n", "x-1.dist-info/entry_points.txt": b"[console_scripts]\nx = x:main\n"}), "a wheel with an entry point", source, "package-entry-point"),
        accept("package/pickle.whl", wheel({"x/__init__.py": b"VERSION = 1\n", "x/data.pkl": b"\x80\x04]."}), "a wheel with a file that torch's archives have too", source, "pickle-present"),
        reject("package/pth.whl", wheel({"x.pth": b"import os; os.getcwd()\n"}), "LiteLLM 1.82.7: Python runs the line at every start", "package-path-file-code", "name-mismatch"),
        reject("package/folder.whl", wheel({"x.pth": b"/nothing\n"}), "a folder that every process imports from", "package-path-file", "name-mismatch"),
        reject("package/start.whl", wheel({"sitecustomize.py": b"X = 1\n"}), "a module that Python imports at start", "package-start-file", source),
        reject("package/data.whl", wheel({"x-1.data/scripts/x": b"#!python\nprint(1)\n"}), "a program", "package-scripts", source),
        reject("package/added.whl", wheel({"x/__init__.py": b"V = 1\n", "x/y.py": b"V = 2\n"}, "x/__init__.py,sha256=gvgmUUqsfPEyMxzBr5mbJ8lTpG8WHzBpVl6Z-ZBDdtw,6\nx-1.dist-info/RECORD,,\n"), "files that RECORD does not name, and one that was changed", "package-record", source),
        reject("package/handler.mar", mar("h.py", {"h.py": HANDLER}), "a handler of the archive's own", "package-handler", source),
        accept("package/default.mar", mar("image_classifier", {}), "a handler of the server's own"),
        reject("package/missing.mar", mar("../h.py", {}), "a handler that is not there", "package-manifest"),
        reject("package/broken.mar", zip_of({"MAR-INF/MANIFEST.json": b"{"}), "a manifest that is cut", "package-manifest", "json-invalid", not_examined="cannot be read"),
        reject("package/config.pbtxt", b'name: "x"\nbackend: "python"\n', "a model of the Triton server that is Python", "package-triton-python"),
        reject("package/x.llamafile", elf + zip_of({"w.txt": b"weights\n"}), "an executable with an archive", "native-code", "zip-structure", not_examined="machine code"),
    ]  # fmt: skip
