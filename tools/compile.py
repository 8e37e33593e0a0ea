"""Compile the modules that follow a pickle's operations, with mypyc; do nothing if that was done already.

    python tools/compile.py [FOLDER]

The result goes to FOLDER, by default to where ``weighlock.inspection.pickle`` looks for it. It is made again when
a source, the interpreter, mypy or the C compiler changes. Where something for it is missing, one line
says so, and the interpreted modules do the work: the exit status is 0 then too.
"""

import os
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parent.parent
SOURCE: Final = ROOT / "src"
PACKAGE: Final = SOURCE / "weighlock/inspection/pickle"
GROUP: Final = "weighlock.inspection.pickle.engine"  # the library that the compiled modules share
LIMIT_S: Final = 600.0  # for a compiler that hangs

BUILD: Final = """
import sys
from mypyc.build import mypycify
from setuptools import setup
group, target, *files = sys.argv[1:]
options = ["--config-file=", "--explicit-package-bases", "--python-version", "%d.%d" % sys.version_info[:2]]
setup(
    name="engine",
    package_dir={"": "src"},
    ext_modules=mypycify([*options, *files], separate=[(files, group)], debug_level="0", target_dir=target),
    script_args=["--quiet", "build_ext", "--build-temp", target, "--build-lib", target],
)
"""


def main(arguments: list[str]) -> int:
    """Compile into the folder named, or the default one."""
    folder = Path(arguments[0]) if arguments else default_folder()
    compile_into(folder)
    return 0


def default_folder() -> Path:
    """Return the folder in which this interpreter looks."""
    return PACKAGE / "compiled" / (sys.implementation.cache_tag or "unknown")


def compile_into(folder: Path) -> bool:
    """Fill ``folder`` unless it is up to date; returns False, having said why, if that cannot be done."""
    files = source_files()
    sources = b"".join(file.read_bytes() for file in files)
    missing = _missing()
    if missing:
        shutil.rmtree(folder, ignore_errors=True)
        print(f"compile: {missing} is missing; the pickle engine runs interpreted, about ten times slower")
        return False
    tools = _tools()
    if _read(folder / "sources") == sources and _read(folder / "tools") == tools:
        return True
    shutil.rmtree(folder, ignore_errors=True)
    with tempfile.TemporaryDirectory() as scratch:
        libraries = _build(files, Path(scratch))
        if not libraries:
            print(
                "compile: mypyc or the C compiler failed; the pickle engine runs interpreted, about ten times slower"
            )
            return False
        folder.mkdir(parents=True)
        for library in libraries:
            shutil.copy(library, folder)
    (folder / "tools").write_bytes(tools)
    (folder / "sources").write_bytes(sources)  # last: without it nothing here is imported
    print(f"compile: {len(files)} modules of the pickle engine compiled")
    return True


def source_files() -> list[Path]:
    """Return the modules to be compiled, in the order in which the package compares them."""
    names: dict[str, tuple[str, ...]] = {}
    text = (PACKAGE / "__init__.py").read_text()
    start = text.index("COMPILED_MODULES")
    exec(text[start : text.index(")", start) + 1].replace(": Final", ""), names)  # noqa: S102  # a literal of ours
    return [PACKAGE / f"{name}.py" for name in names["COMPILED_MODULES"]]


def _missing() -> str | None:
    for package in ("mypy", "setuptools"):
        try:
            version(package)
        except PackageNotFoundError:
            return package
    if shutil.which(_compiler()) is None:
        return f"the C compiler {_compiler()}"
    header = Path(sysconfig.get_paths()["include"]) / "Python.h"
    return None if header.exists() else str(header)


def _compiler() -> str:
    return str(sysconfig.get_config_var("CC") or "cc").split()[0]


def _tools() -> bytes:
    compiler = subprocess.run([_compiler(), "--version"], capture_output=True, check=False, timeout=LIMIT_S)
    versions = f"{sys.version}\nmypy {version('mypy')}\nsetuptools {version('setuptools')}\n"
    return versions.encode() + Path(__file__).read_bytes() + compiler.stdout


def _build(files: list[Path], scratch: Path) -> list[Path]:
    """Return the libraries made from ``files``, in ``scratch``; none, having shown the errors, if that fails."""
    names = [file.relative_to(ROOT) for file in files]
    for file, name in zip(files, names, strict=True):
        (scratch / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(file, scratch / name)
    done = subprocess.run(
        [sys.executable, "-c", BUILD, GROUP, "made", *map(str, names)],
        cwd=scratch,
        env={**os.environ, "MYPYPATH": "src"},
        capture_output=True,
        text=True,
        check=False,
        timeout=LIMIT_S,
    )
    suffix = sysconfig.get_config_var("EXT_SUFFIX")
    made = sorted((scratch / "made" / PACKAGE.relative_to(SOURCE)).glob(f"*{suffix}"))
    if done.returncode or len(made) != len(files) + 1:
        print(done.stdout, done.stderr, sep="", file=sys.stderr)
        return []
    return made


def _read(path: Path) -> bytes | None:
    return path.read_bytes() if path.exists() else None


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
