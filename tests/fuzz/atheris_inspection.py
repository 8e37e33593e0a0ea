"""Coverage-guided fuzzing of one parser: ``python -X weighlock_interpreted atheris_inspection.py TARGET [OPTION…]``.

Options are libFuzzer's; a file among them is run once, to see a failure again, and a folder keeps new inputs for the
next run. Without a target, the names of all are printed.
"""

import importlib
import pkgutil
import resource
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from fuzz_target import Target

TESTS: Final = Path(__file__).parents[1]
MAX_ADDRESS_BYTES: Final = 3 << 30  # what is kept for guidance takes most of it
DEFAULTS: Final = ("-timeout=20", "-rss_limit_mb=1000", "-malloc_limit_mb=300", "-max_len=8192")
_NO_PARSERS: Final = (
    "weighlock.inspection.output",
    "weighlock.inspection.waiver",
)  # they need other packages


def main(arguments: list[str]) -> None:
    sys.path[:0] = [str(TESTS), str(TESTS.parent / "src")]
    if not arguments:
        from fuzz_target import find_targets  # noqa: PLC0415  # for this alone, nothing need be followed

        sys.stdout.writelines(f"{name}\n" for name in find_targets())
        return
    atheris: Any = importlib.import_module("atheris")
    with atheris.instrument_imports(include=["weighlock.inspection"]):
        _import_parsers()
    from fuzz_target import find_targets  # noqa: PLC0415  # it imports parsers, which must be followed by then
    from weighlock.inspection.pickle import is_compiled  # noqa: PLC0415  # as above

    if is_compiled():
        sys.exit("compiled modules cannot be followed: run Python with -X weighlock_interpreted")
    target = find_targets()[arguments[0]]
    resource.setrlimit(resource.RLIMIT_AS, (MAX_ADDRESS_BYTES, MAX_ADDRESS_BYTES))
    run(atheris, target, arguments[1:])


def _import_parsers() -> None:
    package = importlib.import_module("weighlock.inspection")
    for module in pkgutil.walk_packages(package.__path__, "weighlock.inspection."):
        if not module.name.startswith(_NO_PARSERS):
            importlib.import_module(module.name)


def run(atheris: Any, target: "Target", options: list[str]) -> None:
    from fuzz_target import check  # noqa: PLC0415  # after the parsers

    with tempfile.TemporaryDirectory() as seeds:
        for number, seed in enumerate(target.seeds):
            Path(seeds, f"{number:04}").write_bytes(seed)
        again = any(Path(option).is_file() for option in options)
        places = [] if again else [seeds]  # behind a folder that is given: the first is written to
        atheris.Setup([sys.argv[0], *DEFAULTS, *options, *places], lambda data: check(target, data))
        atheris.Fuzz()


if __name__ == "__main__":
    main(sys.argv[1:])
