"""Start a model server shut in, and say honestly how well.

The calls, in order::

    capabilities = sandbox.detect()             # what this machine can do, by trying
    server = sandbox.start(launch, capabilities=capabilities, minimum=sandbox.Tier.LANDLOCK)
    server.protections                          # what holds, what does not, and why
    server.ready(timeout_s=60)                  # the port answers at server.address
    server.stop(grace_s=10)                     # nothing of it is left

``inside`` holds what runs next to the server. The reasons for the design, and what it
does not stop, are in docs/decisions/0005-sandbox-tiers.md. The names are imported when they
are first used: the worker of inspection needs only the kernel's calls, and quickly.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from weighlock.sandbox.capability import Capabilities, detect
    from weighlock.sandbox.interpreter import python_files, system_libraries
    from weighlock.sandbox.launch import Launch, Tier
    from weighlock.sandbox.report import Protection
    from weighlock.sandbox.server import Server, start

__all__ = [
    "Capabilities",
    "Launch",
    "Protection",
    "Server",
    "Tier",
    "detect",
    "python_files",
    "start",
    "system_libraries",
]

_PLACES: Final = {
    "Capabilities": "capability",
    "Launch": "launch",
    "Protection": "report",
    "Server": "server",
    "Tier": "launch",
    "detect": "capability",
    "python_files": "interpreter",
    "start": "server",
    "system_libraries": "interpreter",
}


def __getattr__(name: str) -> object:
    """Import a name of ``__all__`` when it is first asked for (PEP 562)."""
    if name not in _PLACES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value: object = getattr(import_module(f"{__name__}.{_PLACES[name]}"), name)
    globals()[name] = value
    return value
