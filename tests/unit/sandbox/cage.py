"""Put the hostile script into a sandbox and tell what it achieved.

A module for the tests of ``unit`` and ``system``, and a script, so that the same can
be done as another user: ``python cage.py FOLDER TIER``. Standard library and the
sandbox only.
"""

import contextlib
import dataclasses
import functools
import json
import os
import subprocess
import sys
import sysconfig
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from weighlock import sandbox
from weighlock.sandbox import Capabilities, Launch, Tier, python_files

HERE = Path(__file__).resolve().parent
ENVIRONMENT = {"LC_ALL": "C.UTF-8", "KIND": "hostile"}
PROCESSES = 16
SECRET, WEIGHTS = "a secret", b"weights" * 100
RUN_S = 60

# Which protection answers for which attack; every other call_* is system_calls.
ATTACKS = {
    "read_secret": "files",
    "read_shadow": "files",
    "list_outside": "files",
    "see_outside": "file_names",
    "write_outside": "files",
    "link_secret": "files",
    "symbolic_link_to_secret": "files",
    "rename_outside": "files",
    "chmod_outside": "files",
    "chown_outside": "files",
    "touch_outside": "files",
    "watch_outside": "files",
    "write_sysctl": "files",
    "write_library": "files",
    "use_shared_memory": "files",
    "open_terminal": "files",
    "model_overwrite": "model_read_only",
    "model_truncate": "model_read_only",
    "model_truncate_by_open": "model_read_only",
    "model_reopen_descriptor": "model_read_only",
    "model_map_shared": "model_read_only",
    "model_chmod": "model_read_only",
    "model_fchmod": "model_read_only",
    "model_unlink": "model_read_only",
    "model_rename": "model_read_only",
    "execute_shell": "no_exec",
    "execute_myself": "no_exec",
    "execute_by_descriptor": "no_exec",
    "load_library": "no_new_code",
    "load_library_from_memory": "no_new_code",
    "map_writable_file_executable": "no_new_code",
    "connect_out": "no_outgoing",
    "connect_fast_open": "no_outgoing",
    "connect_multipath": "no_outgoing",
    "send_udp": "no_outgoing",
    "raw_socket": "no_outgoing",
    "packet_socket": "no_outgoing",
    "netlink_socket": "no_outgoing",
    "bind_another_port": "one_port",
    "listen_without_bind": "one_port",
    "connect_abstract_socket": "no_unix_sockets_outside",
    "connect_socket_file": "no_unix_sockets_outside",
    "send_through_a_pair": "no_unix_sockets_outside",
    "signal_outside": "no_foreign_signals",
    "signal_by_pidfd": "no_foreign_signals",
    "signal_parent": "no_foreign_signals",
    "limit_outside": "no_foreign_memory",
    "read_environment_outside": "no_foreign_memory",
    "read_environment_of_parent": "no_foreign_memory",
    "read_memory_outside": "no_foreign_memory",
    "read_memory_of_parent": "no_foreign_memory",
    "descriptors_of_parent": "no_foreign_memory",
    "command_line_outside": "no_foreign_memory",
    "process_exists_outside": "process_list",
    "outlive_guard": "dies_with_supervisor",
    "new_user_namespace_by_clone": "system_calls",
    "type_into_terminal": "system_calls",
    "type_into_terminal_high_bits": "system_calls",
    "foreign_architecture": "system_calls",
    "x32_call": "system_calls",
    "have_capabilities": "no_capabilities",
    "gain_privileges": "no_new_privileges",
    "inherit_environment": "clean_environment",
    "inherit_descriptors": "clean_environment",
    "dump_core": "no_core_dump",
    "too_many_processes": "process_limit",
}


@dataclasses.dataclass(frozen=True)
class Outcome:
    """What the hostile script achieved, why the rest failed, which protections were said to hold."""

    achieved: frozenset[str]
    stopped: dict[str, str]
    holds: dict[str, bool]
    harmless: bool


@contextlib.contextmanager
def outside(folder: Path) -> Iterator[dict[str, Any]]:
    """Yield the targets: a secret, sockets, a process; ``{model}`` and ``{temporary}`` are filled in later."""
    for name in ("outside", "model", "temporary"):
        (folder / name).mkdir()
    (folder / "outside" / "secret").write_text(SECRET)
    (folder / "model" / "weights").write_bytes(WEIGHTS)
    library = next(Path(sysconfig.get_path("stdlib"), "lib-dynload").glob("*.so"))
    targets = {
        "secret": str(folder / "outside" / "secret"),
        "outside": str(folder / "outside"),
        "model": "{model}/weights",
        "temporary": "{temporary}",
        "library": str(library),
        "environment": ENVIRONMENT,
        "processes": PROCESSES,
    }
    with subprocess.Popen(
        [sys.executable, "-I", str(HERE / "outside.py"), str(folder / "outside")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as process:
        if process.stdout is None:
            raise TypeError
        yield targets | json.loads(process.stdout.readline())
        process.kill()


def launch(folder: Path, *arguments: str, **options: Any) -> Launch:
    """Return a launch of the Python script and arguments given, with the folders of ``outside``."""
    python = Path(sys.executable)
    return Launch(
        argv=(str(python), "-I", *arguments),
        env=ENVIRONMENT,
        read_only=(*python_files(python), HERE),
        model=folder / "model",
        temporary=folder / "temporary",
        **options,
    )


@contextlib.contextmanager
def open_for_children() -> Iterator[None]:
    """Keep a descriptor and a variable that a careless start would hand down."""
    with Path("/dev/null").open() as file:
        os.set_inheritable(file.fileno(), True)
        os.environ["INHERITED_SECRET"] = SECRET
        try:
            yield
        finally:
            del os.environ["INHERITED_SECRET"]


def attack(folder: Path, tier: Tier | None, capabilities: Capabilities | None = None) -> Outcome:
    """Run the hostile script in ``tier`` (None: without a sandbox), with everything of its own in ``folder``."""
    with outside(folder) as targets, open_for_children():
        run = _run_free if tier is None else functools.partial(_run_shut_in, tier, capabilities)
        results, holds = run(folder, targets)
        harmless = (folder / "outside" / "secret").read_text() == SECRET
    weights = folder / "model" / "weights"
    return Outcome(
        achieved=frozenset(name for name, (done, _) in results.items() if done),
        stopped={name: reason for name, (done, reason) in results.items() if not done},
        holds=holds,
        harmless=harmless and weights.exists() and weights.read_bytes() == WEIGHTS,
    )


def _run_shut_in(
    tier: Tier, capabilities: Capabilities | None, folder: Path, targets: dict[str, Any]
) -> tuple[dict[str, Any], dict[str, bool]]:
    output: list[bytes] = []
    attacker = launch(
        folder,
        str(HERE / "hostile.py"),
        json.dumps(targets),
        processes=PROCESSES,
        port=targets["other_port"] - 1,
    )
    server = sandbox.start(attacker, tier=tier, capabilities=capabilities, output=output.append)
    status = server.wait(RUN_S)
    if status != 0:
        raise AssertionError((status, b"".join(output).decode()))
    return json.loads(b"".join(output)), {one.name: one.holds for one in server.protections}


def _run_free(folder: Path, targets: dict[str, Any]) -> tuple[dict[str, Any], dict[str, bool]]:
    text = json.dumps(targets)
    for name in ("model", "temporary"):
        text = text.replace(f"{{{name}}}", str(folder / name))
    done = subprocess.run(
        [sys.executable, "-I", str(HERE / "hostile.py"), text],
        capture_output=True,
        check=True,
        timeout=RUN_S,
        cwd=folder / "temporary",
        close_fds=False,
    )
    return json.loads(done.stdout), {}


def main() -> None:
    outcome = attack(Path(sys.argv[1]), Tier[sys.argv[2]])
    sys.stdout.write(json.dumps(dataclasses.asdict(outcome) | {"achieved": sorted(outcome.achieved)}))


if __name__ == "__main__":
    main()
