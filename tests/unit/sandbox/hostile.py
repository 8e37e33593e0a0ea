"""A server that attacks: run inside the sandbox, it tries each attack and prints which succeeded.

Argument: a JSON object with the targets, see ``cage.py``. Every attack returns when it
succeeded and raises OSError when it was stopped. Standard library only; nothing it does
harms more than the files and processes that the test made for it.
"""

import contextlib
import ctypes
import json
import mmap
import os
import platform
import resource
import shutil
import signal
import socket
import sys
from collections.abc import Callable
from pathlib import Path

TARGETS = json.loads(sys.argv[1])
SECRET, OUTSIDE, MODEL = Path(TARGETS["secret"]), Path(TARGETS["outside"]), Path(TARGETS["model"])
TEMPORARY, LIBRARY, VICTIM = Path(TARGETS["temporary"]), TARGETS["library"], TARGETS["victim"]
LIBC = ctypes.CDLL(None, use_errno=True)
COLUMN = {"x86_64": 0, "aarch64": 1}[platform.machine()]
CALLS = {  # x86_64, aarch64; made with arguments that do nothing or fail later than a filter
    "ptrace": (101, 117),
    "process_vm_readv": (310, 270),
    "pivot_root": (155, 41),
    "mount": (165, 40),
    "umount2": (166, 39),
    "fsopen": (430, 430),
    "open_tree": (428, 428),
    "move_mount": (429, 429),
    "mount_setattr": (442, 442),
    "unshare": (272, 97),
    "setns": (308, 268),
    "clone3": (435, 435),
    "add_key": (248, 217),
    "request_key": (249, 218),
    "keyctl": (250, 219),
    "bpf": (321, 280),
    "perf_event_open": (298, 241),
    "userfaultfd": (323, 282),
    "kexec_load": (246, 104),
    "init_module": (175, 105),
    "finit_module": (313, 273),
    "delete_module": (176, 106),
    "io_uring_setup": (425, 425),
    "io_uring_enter": (426, 426),
    "io_uring_register": (427, 427),
    "pidfd_getfd": (438, 438),
    "open_by_handle_at": (304, 265),
    "kcmp": (312, 272),
    "shmget": (29, 194),
    "mq_open": (240, 180),
    "personality": (135, 92),
}
DESCRIPTORS = len(list(Path("/proc/self/fd").iterdir()))  # counted before the attacks open some
CLONE_NEWUSER = 0x1000_0000
Attack = Callable[[], object]
ATTACKS: dict[str, Attack] = {}


def attack(function: Attack) -> Attack:
    ATTACKS[function.__name__] = function
    return function


def checked(result: int) -> int:
    if result == -1:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return result


def require(condition: object) -> None:
    if not condition:
        raise OSError("stopped")


def in_child(body: Attack) -> int:
    """Return the wait status of a child that runs ``body`` and exits with 0 if it returns."""
    child = os.fork()
    if child == 0:
        with contextlib.suppress(OSError):
            body()
            os._exit(0)
        os._exit(1)
    return os.waitpid(child, 0)[1]


# --- files ---


@attack
def read_secret() -> None:
    require("secret" in SECRET.read_text())


@attack
def read_shadow() -> None:
    Path("/etc/shadow").read_bytes()


@attack
def list_outside() -> None:
    list(OUTSIDE.iterdir())


@attack
def see_outside() -> None:
    SECRET.stat()


@attack
def write_outside() -> None:
    (OUTSIDE / "new").write_text("x")


@attack
def link_secret() -> None:
    os.link(SECRET, TEMPORARY / "linked")


@attack
def symbolic_link_to_secret() -> None:
    (TEMPORARY / "symbolic").symlink_to(SECRET)
    (TEMPORARY / "symbolic").read_text()


@attack
def rename_outside() -> None:
    (TEMPORARY / "moving").write_text("x")
    (TEMPORARY / "moving").rename(OUTSIDE / "moved")


@attack
def chmod_outside() -> None:
    SECRET.chmod(0o666)


@attack
def chown_outside() -> None:
    os.chown(SECRET, -1, os.getgid())


@attack
def touch_outside() -> None:
    os.utime(SECRET, (1, 1))


@attack
def watch_outside() -> None:
    descriptor = checked(LIBC.inotify_init1(0))
    checked(LIBC.inotify_add_watch(descriptor, os.fsencode(OUTSIDE), 0x100))


@attack
def write_sysctl() -> None:
    os.close(os.open("/proc/sys/kernel/core_pattern", os.O_WRONLY))


@attack
def write_library() -> None:
    os.close(os.open(LIBRARY, os.O_WRONLY))


@attack
def use_shared_memory() -> None:
    Path("/dev/shm/weighlock-test").write_text("x")
    Path("/dev/shm/weighlock-test").unlink()


@attack
def open_terminal() -> None:
    os.close(os.open("/dev/ptmx", os.O_RDWR))


# --- the model ---


@attack
def model_overwrite() -> None:
    with MODEL.open("r+b") as file:
        file.write(b"evil")


@attack
def model_truncate() -> None:
    os.truncate(MODEL, 0)


@attack
def model_truncate_by_open() -> None:
    os.close(os.open(MODEL, os.O_RDONLY | os.O_TRUNC))


@attack
def model_reopen_descriptor() -> None:
    with MODEL.open("rb") as file, Path(f"/proc/self/fd/{file.fileno()}").open("r+b") as again:
        again.write(b"evil")


@attack
def model_map_shared() -> None:
    with MODEL.open("r+b") as file:
        mmap.mmap(file.fileno(), 4, mmap.MAP_SHARED, mmap.PROT_READ | mmap.PROT_WRITE)[0] = 0


@attack
def model_chmod() -> None:
    MODEL.chmod(0o777)


@attack
def model_fchmod() -> None:
    with MODEL.open("rb") as file:
        os.fchmod(file.fileno(), 0o777)


@attack
def model_rename() -> None:
    MODEL.rename(MODEL.with_name("gone")).rename(MODEL)


@attack
def model_unlink() -> None:
    MODEL.unlink()


# --- programs and code ---


@attack
def execute_shell() -> None:
    require(os.waitpid(os.posix_spawn("/bin/sh", ["sh", "-c", "exit 0"], {}), 0)[1] == 0)


@attack
def execute_myself() -> None:
    require(in_child(lambda: os.execv(sys.executable, ["python", "-c", "pass"])) == 0)  # noqa: S606 - the attack


@attack
def execute_by_descriptor() -> None:
    program = os.open(sys.executable, os.O_RDONLY)
    require(in_child(lambda: os.execve(program, ["python", "-c", "pass"], {})) == 0)  # noqa: S606 - the attack


@attack
def load_library() -> None:
    shutil.copyfile(LIBRARY, TEMPORARY / "evil.so")
    ctypes.CDLL(str(TEMPORARY / "evil.so"))


@attack
def load_library_from_memory() -> None:
    descriptor = os.memfd_create("evil")
    os.write(descriptor, Path(LIBRARY).read_bytes())
    ctypes.CDLL(f"/proc/self/fd/{descriptor}")


@attack
def map_writable_file_executable() -> None:
    path = TEMPORARY / "code"
    path.write_bytes(bytes(mmap.PAGESIZE))
    with path.open("r+b") as file:
        mmap.mmap(file.fileno(), mmap.PAGESIZE, mmap.MAP_PRIVATE, mmap.PROT_READ | mmap.PROT_EXEC)


# --- network ---


@attack
def connect_out() -> None:
    socket.create_connection(("127.0.0.1", TARGETS["tcp"]), 2).close()


@attack
def connect_fast_open() -> None:
    with socket.socket() as client:
        client.sendto(b"x", 0x2000_0000, ("127.0.0.1", TARGETS["tcp"]))


@attack
def connect_multipath() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM, 262) as client:
        client.connect(("127.0.0.1", TARGETS["tcp"]))


@attack
def send_udp() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.sendto(b"x", ("127.0.0.1", TARGETS["tcp"]))


@attack
def raw_socket() -> None:
    socket.socket(socket.AF_INET, socket.SOCK_RAW, 1).close()


@attack
def packet_socket() -> None:
    socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0).close()


@attack
def netlink_socket() -> None:
    socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0).close()


@attack
def bind_another_port() -> None:
    with socket.socket() as server:
        server.bind(("127.0.0.1", TARGETS["other_port"]))


@attack
def listen_without_bind() -> None:
    """Succeed only if somebody outside could come in: this machine's network, not an empty one."""
    with socket.socket() as server:
        server.listen()
    require(Path("/proc/self/net/dev").read_text().count(":") > 1)


@attack
def connect_abstract_socket() -> None:
    with socket.socket(socket.AF_UNIX) as client:
        client.connect("\0" + TARGETS["abstract"])


@attack
def connect_socket_file() -> None:
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(TARGETS["socket_file"])


@attack
def send_through_a_pair() -> None:
    left, right = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    with left, right:
        left.sendto(b"x", TARGETS["datagram_file"])


# --- other processes ---


@attack
def signal_outside() -> None:
    os.kill(VICTIM, signal.SIGURG)


@attack
def signal_by_pidfd() -> None:
    signal.pidfd_send_signal(os.pidfd_open(VICTIM), signal.SIGURG)


@attack
def signal_parent() -> None:
    os.kill(os.getppid(), signal.SIGURG)


@attack
def limit_outside() -> None:
    resource.prlimit(VICTIM, resource.RLIMIT_CPU)


@attack
def read_environment_outside() -> None:
    Path(f"/proc/{VICTIM}/environ").read_bytes()


@attack
def read_environment_of_parent() -> None:
    Path(f"/proc/{os.getppid()}/environ").read_bytes()


@attack
def read_memory_outside() -> None:
    os.close(os.open(f"/proc/{VICTIM}/mem", os.O_RDONLY))


@attack
def read_memory_of_parent() -> None:
    os.close(os.open(f"/proc/{os.getppid()}/mem", os.O_RDONLY))


@attack
def descriptors_of_parent() -> None:
    Path(f"/proc/{os.getppid()}/fd/0").readlink()


@attack
def command_line_outside() -> None:
    Path(f"/proc/{VICTIM}/cmdline").read_bytes()


@attack
def process_exists_outside() -> None:
    try:
        os.kill(VICTIM, 0)
    except PermissionError:
        return


@attack
def outlive_guard() -> None:
    checked(LIBC.prctl(1, 0, 0, 0, 0))


# --- the kernel ---


@attack
def new_user_namespace_by_clone() -> None:
    child = LIBC.syscall((56, 220)[COLUMN], CLONE_NEWUSER | signal.SIGCHLD, 0, 0, 0, 0)
    if child == 0:
        os._exit(0)
    os.waitpid(checked(child), 0)


@attack
def type_into_terminal() -> None:
    type_with(0x5412)


@attack
def type_into_terminal_high_bits() -> None:
    type_with(1 << 32 | 0x5412)


def type_with(request: int) -> None:
    with Path("/dev/null").open() as file:
        try:
            checked(LIBC.ioctl(file.fileno(), ctypes.c_ulong(request), b"x"))
        except OSError as error:
            if isinstance(error, PermissionError):
                raise  # a device that is no terminal answers otherwise, if it is asked


@attack
def foreign_architecture() -> None:
    require(platform.machine() == "x86_64")
    code = mmap.mmap(-1, mmap.PAGESIZE, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
    code.write(bytes.fromhex("b814000000cd80c3"))  # mov eax, getpid of i386; int 0x80; ret
    address = ctypes.addressof(ctypes.c_char.from_buffer(code))
    call = ctypes.CFUNCTYPE(ctypes.c_int)(address)
    require(os.WIFEXITED(in_child(call)))


@attack
def x32_call() -> None:
    require(platform.machine() == "x86_64")
    checked(LIBC.syscall(0x4000_0000 | 39))


@attack
def have_capabilities() -> None:
    lines = Path("/proc/self/status").read_text().splitlines()
    # not CapBnd: what could be gained by an exec at most, and no_new_privs forbids that
    names = ("CapInh", "CapPrm", "CapEff", "CapAmb")
    sets = [int(line.split()[1], 16) for line in lines if line.startswith(names)]
    require(any(sets))


@attack
def gain_privileges() -> None:
    require("NoNewPrivs:\t0" in Path("/proc/self/status").read_text())


@attack
def inherit_environment() -> None:
    require(dict(os.environ) != TARGETS["environment"])


@attack
def inherit_descriptors() -> None:
    # 0, 1, 2 and the one that lists them
    require(DESCRIPTORS > 4)


@attack
def dump_core() -> None:
    require(resource.getrlimit(resource.RLIMIT_CORE)[1] != 1)


@attack
def too_many_processes() -> None:
    children = []
    try:
        for _ in range(TARGETS["processes"] + 5):
            child = os.fork()
            if child == 0:
                signal.pause()
            children.append(child)
    finally:
        for child in children:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)


def call_directly(name: str) -> Attack:
    def attempt() -> None:
        ctypes.set_errno(0)
        LIBC.syscall(CALLS[name][COLUMN], *([-1] * 6))
        require(ctypes.get_errno() != 38)

    return attempt


def main() -> None:
    results = {}
    calls = {f"call_{name}": call_directly(name) for name in CALLS}
    for name, attempt in (ATTACKS | calls).items():
        try:
            attempt()
        except (OSError, RuntimeError, ValueError) as error:
            results[name] = [False, f"{type(error).__name__}: {error}"]
        else:
            results[name] = [True, ""]
    sys.stdout.write(json.dumps(results))


if __name__ == "__main__":
    main()
