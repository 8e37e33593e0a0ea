"""Start a model server shut in, and say honestly how well.

The calls, in order::

    capabilities = sandbox.detect()             # what this machine can do, by trying
    server = sandbox.start(launch, capabilities=capabilities, minimum=sandbox.Tier.LANDLOCK)
    server.protections                          # what holds, what does not, and why
    server.ready(timeout_s=60)                  # the port answers at server.address
    server.stop(grace_s=10)                     # nothing of it is left

``inside`` holds what runs next to the server. The reasons for the design, and what it
does not stop, are in docs/decisions/0005-sandbox-tiers.md.
"""

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
