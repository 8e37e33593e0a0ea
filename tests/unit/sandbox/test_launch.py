"""Launches that make no sense, and what becomes of those that do."""

import json
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import Any

import pytest

from weighlock.core.error import UsageError
from weighlock.sandbox import Capabilities, Launch, Tier, python_files
from weighlock.sandbox.bubblewrap import arguments
from weighlock.sandbox.landlock import (
    BIND_TCP,
    EXECUTE,
    IOCTL_DEV,
    REFER,
    TRUNCATE,
    WORK,
    WRITE_FILE,
    handled,
)
from weighlock.sandbox.plan import make_plan, rules

LAUNCH = Launch(
    argv=("/usr/bin/server", "--model", "{model}/weights", "--port={port}"),
    env={"HOME": "{temporary}"},
    read_only=(Path("/usr/bin/server"),),
    model=Path("/srv/model"),
    temporary=Path("/srv/temporary"),
    port=8000,
)
MACHINE = Capabilities(
    landlock_abi=7,
    seccomp=True,
    no_new_privileges=True,
    namespaces=True,
    bubblewrap=Path("/usr/bin/bwrap"),
    machine="x86_64",
)


@pytest.mark.parametrize(
    "change",
    [
        {"argv": ()},
        {"argv": ("server",)},
        {"argv": ("/usr/bin/server", "a\0b")},
        {"env": {"A=B": "c"}},
        {"env": {"": "c"}},
        {"env": {"A": "c\0"}},
        {"read_only": (Path("usr"),)},
        {"read_only": (Path("/usr/../etc"),)},
        {"read_only": (Path("/"),)},
        {"read_only": (Path("/tmp"),)},
        {"read_only": (Path("/srv/temporary"),)},
        {"read_only": (Path("/srv"),)},
        {"model": Path("/srv/temporary/model")},
        {"temporary": Path("/srv/model/temporary")},
        {"model": Path("model")},
        {"temporary": Path("temporary")},
        {"model_at": PurePosixPath("model")},
        {"devices": (Path("null"),)},
        {"port": 0},
        {"port": 65536},
        {"memory_bytes": 0},
        {"processes": -1},
        {"open_files": 0},
        {"shared_memory_bytes": 0},
    ],
)
def test_senseless_launch(change: dict[str, Any]) -> None:
    with pytest.raises(UsageError) as caught:
        replace(LAUNCH, **change)
    assert caught.value.code == "sandbox_invalid"


@pytest.mark.parametrize(
    ("tier", "model", "temporary"),
    [
        (Tier.LANDLOCK, "/srv/model", "/srv/temporary"),
        (Tier.NAMESPACES, "/srv/model", "/srv/temporary"),
        (Tier.BUBBLEWRAP, "/model", "/tmp"),
    ],
)
def test_names_in_braces_are_filled_in(tier: Tier, model: str, temporary: str) -> None:
    plan = make_plan(LAUNCH, tier, MACHINE, control=3)
    assert plan["argv"] == ["/usr/bin/server", "--model", f"{model}/weights", "--port=8000"]
    assert plan["env"] == {"HOME": temporary}
    assert plan["work"] == temporary
    json.dumps(plan)


@pytest.mark.parametrize("tier", [Tier.LANDLOCK, Tier.NAMESPACES, Tier.BUBBLEWRAP])
def test_only_the_temporary_folder_is_writable_and_nothing_in_it_executable(tier: Tier) -> None:
    plan = make_plan(LAUNCH, tier, MACHINE, control=3)["landlock"]
    writable = {path: allowed for path, allowed, _ in plan["paths"] if allowed & WRITE_FILE}
    folders = {path: allowed for path, allowed in writable.items() if not path.startswith("/dev/")}
    assert folders == {make_plan(LAUNCH, tier, MACHINE, control=3)["work"]: WORK}
    assert [path for path, allowed, _ in plan["paths"] if allowed & EXECUTE] == ["/usr/bin/server"]
    assert plan["ports"] == [(8000, BIND_TCP)]


def test_unix_sockets_and_connections_need_an_own_tree() -> None:
    assert rules(LAUNCH, Tier.NAMESPACES).families == (2, 10)
    assert not rules(LAUNCH, Tier.NAMESPACES).connect
    assert rules(LAUNCH, Tier.BUBBLEWRAP).families == (2, 10, 1)
    assert rules(replace(LAUNCH, port=None), Tier.LANDLOCK).families == ()


@pytest.mark.parametrize(
    ("abi", "newest", "network", "scoped", "size"),
    [
        (1, REFER >> 1, 0, 0, 8),
        (2, REFER, 0, 0, 8),
        (3, TRUNCATE, 0, 0, 8),
        (4, TRUNCATE, 3, 0, 16),
        (5, IOCTL_DEV, 3, 0, 16),
        (6, IOCTL_DEV, 3, 3, 24),
        (7, IOCTL_DEV, 3, 3, 24),
        (99, IOCTL_DEV, 3, 3, 24),
    ],
)
def test_rights_by_landlock_version(abi: int, newest: int, network: int, scoped: int, size: int) -> None:
    found = handled(abi)
    assert found.files == newest * 2 - 1
    assert (found.network, found.scoped, found.attribute_bytes) == (network, scoped, size)


def test_bubblewrap_shows_the_model_read_only_and_no_more_than_named() -> None:
    options = arguments(LAUNCH, {})
    mounts = [tuple(options[at : at + 3]) for at, one in enumerate(options) if one in {"--bind", "--ro-bind"}]
    assert ("--ro-bind", "/srv/model", "/model") in mounts
    assert [mount for mount in mounts if mount[0] == "--bind"] == [("--bind", "/srv/temporary", "/tmp")]
    assert not {"/", "/etc", "/home", "/root", "/var"} & {mount[1] for mount in mounts}


def test_python_of_a_system_prefix_does_not_open_all_of_it() -> None:
    assert not {Path("/"), Path("/usr"), Path("/usr/bin")} & set(python_files(Path("/usr/bin/python3")))
