"""What a torch.package archive would do: Python modules, pickles that import them, and calls by identifiers.

Source: torch/package/package_importer.py, package_exporter.py.
"""

import re
from typing import Final

from weighlock.core.text import shown
from weighlock.inspection.report import Report
from weighlock.inspection.span import Reading
from weighlock.inspection.torch.layout import Layout
from weighlock.inspection.torch.storage import named
from weighlock.inspection.torch.tensor import Tally, examine_tensors
from weighlock.inspection.torch.value import Global, Values

MAX_EXTERN_BYTES: Final = 1024 * 1024  # of the list of modules that the host provides

_EXTERN: Final = ".data/extern_modules"
_PLACES: Final = (".data/{}.storage",)
_STORAGE: Final = re.compile(r"\.data/[^/]+\.storage")
_PICKLE: Final = re.compile(r".+\.pkl")
_MODULE: Final = re.compile(r"(?!code/).+\.py|(?:.+/)?[^/]+\.pyc")
# what torch itself has called so; both make modules from code in the archive
_OWN_CALLS: Final = frozenset(
    {
        ("torch.fx.graph_module", "reduce_package_graph_module"),
        ("torch.jit._script", "unpackage_script_module"),
    }
)


def examine_package(layout: Layout) -> Reading[None]:
    """Examine the parts of a package that only its loader reads; modules and pickles are left to their own."""
    report = layout.file.report
    member = layout.take(_EXTERN)
    listed = (yield from layout.read(member, MAX_EXTERN_BYTES)) if member else None
    report.fact("modules of the host", ", ".join((listed or b"").decode("utf-8", "replace").split()))
    modules = layout.matching(_MODULE)
    if modules:
        report.find("torch-package-code", f"{len(modules)} Python modules: {named(modules)}")
    tally = Tally()
    for name in sorted(layout.matching(_PICKLE)):
        pickle = layout.members.get(name)
        values = (yield from examine_tensors(layout, pickle, _PLACES, tally)) if pickle else None
        if pickle and values:
            _find_calls(report.member(pickle.name), values)
    tally.report(report)
    unnamed = layout.matching(_STORAGE)
    if unnamed:
        report.find(
            "torch-storage-unnamed", f"no pickle names {len(unnamed)} of the storages: {named(unnamed)}"
        )


def _find_calls(report: Report, values: Values) -> None:
    for identifier in values.persistent:
        match identifier:
            case ("reduce_package", _, Global(module, name), _) | ("reduce_package", Global(module, name), _):
                if (module, name) not in _OWN_CALLS:
                    told = f"an identifier makes the loader call {shown(module)}.{shown(name)}"
                    report.find("torch-package-call", told)
            case ("reduce_package", *_):
                report.find(
                    "torch-package-call", "an identifier makes the loader call what the pickle computed"
                )
