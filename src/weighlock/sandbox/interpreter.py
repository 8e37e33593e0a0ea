"""Which files a Python interpreter needs, and how the guard's own one is started."""

import os
import sys
from pathlib import Path
from typing import Final

INSIDE: Final = Path(__file__).resolve().parent / "inside"
_START: Final = "import sys; sys.path.insert(0, sys.argv[1]); from inside.{0} import main; main()"
_SYSTEM_LIBRARIES: Final = ("/lib", "/lib64", "/usr/lib", "/usr/lib64", "/usr/local/lib")
_SYSTEM_PREFIXES: Final = (Path("/usr"), Path("/usr/local"), Path("/"))


def command(folder: Path, module: str) -> list[str]:
    """Return the command that runs ``module`` of the package ``inside``, which lies in ``folder``.

    -I: no user site, no variables, no current folder; -S: no site-packages.
    """
    return [own_interpreter(), "-I", "-S", "-c", _START.format(module), str(folder)]


def own_interpreter() -> str:
    """Return the real path of the interpreter that runs this program."""
    return str(Path(sys.executable).resolve())


def system_libraries() -> tuple[Path, ...]:
    """Return the folders of shared libraries that this machine has."""
    return tuple(path for text in _SYSTEM_LIBRARIES if (path := Path(text)).is_dir())


def python_files(executable: Path) -> tuple[Path, ...]:
    """Return what a Python installation needs to run: ``executable``, its prefix, its base, system libraries.

    A prefix such as /usr is not opened as a whole, only what is Python's in it.
    """
    found = [executable, *system_libraries()]
    prefix = executable.parent.parent
    configuration = prefix / "pyvenv.cfg"
    if configuration.is_file():
        found.append(prefix)
    link = executable
    while link.is_symlink():
        link = Path(os.path.normpath(link.parent / link.readlink()))
        found.append(link)
    base = link.resolve().parent.parent
    found.append(link.resolve() if base in _SYSTEM_PREFIXES else base)
    return tuple(dict.fromkeys(found))
