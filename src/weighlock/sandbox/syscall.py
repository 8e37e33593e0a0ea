"""Numbers of the system calls that a model server may need, for x86_64 and aarch64.

Facts from the kernel's headers ``asm/unistd_64.h`` (x86_64) and ``asm-generic/unistd.h``
(aarch64). A call that is missing here does not exist for a sandboxed server. ``None``:
the architecture never had it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from weighlock.core.error import UndecidedError
from weighlock.core.text import shown

Numbers = tuple[int | None, int | None]  # x86_64, aarch64

# reading and writing files; the rules for paths are Landlock's and the mounts'
FILES: Final[Mapping[str, Numbers]] = {
    "read": (0, 63),
    "write": (1, 64),
    "open": (2, None),
    "close": (3, 57),
    "stat": (4, None),
    "fstat": (5, 80),
    "lstat": (6, None),
    "lseek": (8, 62),
    "pread64": (17, 67),
    "pwrite64": (18, 68),
    "readv": (19, 65),
    "writev": (20, 66),
    "access": (21, None),
    "sendfile": (40, 71),
    "fcntl": (72, 25),
    "flock": (73, 32),
    "fsync": (74, 82),
    "fdatasync": (75, 83),
    "truncate": (76, 45),
    "ftruncate": (77, 46),
    "getdents": (78, None),
    "getcwd": (79, 17),
    "chdir": (80, 49),
    "fchdir": (81, 50),
    "rename": (82, None),
    "mkdir": (83, None),
    "rmdir": (84, None),
    "creat": (85, None),
    "link": (86, None),
    "unlink": (87, None),
    "symlink": (88, None),
    "readlink": (89, None),
    "umask": (95, 166),
    "statfs": (137, 43),
    "fstatfs": (138, 44),
    "readahead": (187, 213),
    "getxattr": (191, 8),
    "lgetxattr": (192, 9),
    "fgetxattr": (193, 10),
    "listxattr": (194, 11),
    "llistxattr": (195, 12),
    "flistxattr": (196, 13),
    "getdents64": (217, 61),
    "fadvise64": (221, 223),
    "openat": (257, 56),
    "mkdirat": (258, 34),
    "newfstatat": (262, 79),
    "unlinkat": (263, 35),
    "renameat": (264, 38),
    "linkat": (265, 37),
    "symlinkat": (266, 36),
    "readlinkat": (267, 78),
    "faccessat": (269, 48),
    "sync_file_range": (277, 84),
    "fallocate": (285, 47),
    "preadv": (295, 69),
    "pwritev": (296, 70),
    "preadv2": (327, 286),
    "pwritev2": (328, 287),
    "renameat2": (316, 276),
    "copy_file_range": (326, 285),
    "statx": (332, 291),
    "close_range": (436, 436),
    "openat2": (437, 437),
    "faccessat2": (439, 439),
    "mknod": (133, None),
    "mknodat": (259, 33),
    "cachestat": (451, 451),
    "dup": (32, 23),
    "dup2": (33, None),
    "dup3": (292, 24),
    "pipe": (22, None),
    "pipe2": (293, 59),
    "splice": (275, 76),
    "tee": (276, 77),
    "vmsplice": (278, 75),
}

# memory of the process itself
MEMORY: Final[Mapping[str, Numbers]] = {
    "mmap": (9, 222),
    "mprotect": (10, 226),
    "munmap": (11, 215),
    "brk": (12, 214),
    "mremap": (25, 216),
    "msync": (26, 227),
    "mincore": (27, 232),
    "madvise": (28, 233),
    "mlock": (149, 228),
    "munlock": (150, 229),
    "mlock2": (325, 284),
    "mlockall": (151, 230),
    "munlockall": (152, 231),
    "mbind": (237, 235),
    "set_mempolicy": (238, 237),
    "get_mempolicy": (239, 236),
    "set_mempolicy_home_node": (450, 450),
    "pkey_mprotect": (329, 288),
    "pkey_alloc": (330, 289),
    "pkey_free": (331, 290),
    "membarrier": (324, 283),
    "mseal": (462, 462),
}

# threads, children, signals and identity
PROCESS: Final[Mapping[str, Numbers]] = {
    "rt_sigaction": (13, 134),
    "rt_sigprocmask": (14, 135),
    "rt_sigreturn": (15, 139),
    "rt_sigpending": (127, 136),
    "rt_sigtimedwait": (128, 137),
    "rt_sigqueueinfo": (129, 138),
    "rt_sigsuspend": (130, 133),
    "rt_tgsigqueueinfo": (297, 240),
    "sigaltstack": (131, 132),
    "pause": (34, None),
    "kill": (62, 129),
    "tkill": (200, 130),
    "tgkill": (234, 131),
    "fork": (57, None),
    "vfork": (58, None),
    "exit": (60, 93),
    "exit_group": (231, 94),
    "wait4": (61, 260),
    "waitid": (247, 95),
    "getpid": (39, 172),
    "getppid": (110, 173),
    "gettid": (186, 178),
    "getuid": (102, 174),
    "getgid": (104, 176),
    "geteuid": (107, 175),
    "getegid": (108, 177),
    "getgroups": (115, 158),
    "getresuid": (118, 148),
    "getresgid": (120, 150),
    "getpgid": (121, 155),
    "setpgid": (109, 154),
    "getpgrp": (111, None),
    "getsid": (124, 156),
    "setsid": (112, 157),
    "capget": (125, 90),
    "getpriority": (140, 141),
    "sched_yield": (24, 124),
    "sched_getparam": (143, 121),
    "sched_getscheduler": (145, 120),
    "sched_get_priority_max": (146, 125),
    "sched_get_priority_min": (147, 126),
    "sched_rr_get_interval": (148, 127),
    "sched_setaffinity": (203, 122),
    "sched_getaffinity": (204, 123),
    "sched_getattr": (315, 275),
    "ioprio_get": (252, 31),
    "arch_prctl": (158, None),
    "set_tid_address": (218, 96),
    "set_robust_list": (273, 99),
    "get_robust_list": (274, 100),
    "futex": (202, 98),
    "futex_waitv": (449, 449),
    "futex_wake": (454, 454),
    "futex_wait": (455, 455),
    "futex_requeue": (456, 456),
    "rseq": (334, 293),
    "getcpu": (309, 168),
    "pidfd_open": (434, 434),
    "pidfd_send_signal": (424, 424),
    "restart_syscall": (219, 128),
    "getrlimit": (97, 163),
    "getrusage": (98, 165),
    "times": (100, 153),
    "uname": (63, 160),
    "sysinfo": (99, 179),
    "getrandom": (318, 278),
    "seccomp": (317, 277),
    "landlock_create_ruleset": (444, 444),
    "landlock_add_rule": (445, 445),
    "landlock_restrict_self": (446, 446),
}

# time and readiness
WAITING: Final[Mapping[str, Numbers]] = {
    "poll": (7, None),
    "select": (23, None),
    "pselect6": (270, 72),
    "ppoll": (271, 73),
    "epoll_create": (213, None),
    "epoll_create1": (291, 20),
    "epoll_ctl": (233, 21),
    "epoll_wait": (232, None),
    "epoll_pwait": (281, 22),
    "epoll_pwait2": (441, 441),
    "eventfd": (284, None),
    "eventfd2": (290, 19),
    "signalfd": (282, None),
    "signalfd4": (289, 74),
    "timerfd_create": (283, 85),
    "timerfd_settime": (286, 86),
    "timerfd_gettime": (287, 87),
    "timer_create": (222, 107),
    "timer_settime": (223, 110),
    "timer_gettime": (224, 108),
    "timer_getoverrun": (225, 109),
    "timer_delete": (226, 111),
    "nanosleep": (35, 101),
    "clock_nanosleep": (230, 115),
    "clock_gettime": (228, 113),
    "clock_getres": (229, 114),
    "gettimeofday": (96, 169),
    "time": (201, None),
    "getitimer": (36, 102),
    "setitimer": (38, 103),
    "alarm": (37, None),
}

# sockets that exist already; making and addressing them is in CHECKED
SOCKETS: Final[Mapping[str, Numbers]] = {
    "bind": (49, 200),
    "listen": (50, 201),
    "accept": (43, 202),
    "accept4": (288, 242),
    "recvfrom": (45, 207),
    "recvmsg": (47, 212),
    "recvmmsg": (299, 243),
    "shutdown": (48, 210),
    "getsockname": (51, 204),
    "getpeername": (52, 205),
    "setsockopt": (54, 208),
    "getsockopt": (55, 209),
}

# calls whose arguments decide, see filter.py
CHECKED: Final[Mapping[str, Numbers]] = {
    "ioctl": (16, 29),
    "socket": (41, 198),
    "socketpair": (53, 199),
    "connect": (42, 203),
    "sendto": (44, 206),
    "sendmsg": (46, 211),
    "sendmmsg": (307, 269),
    "clone": (56, 220),
    "clone3": (435, 435),
    "prctl": (157, 167),
    "prlimit64": (302, 261),
    "setrlimit": (160, 164),
    "execve": (59, 221),
    "execveat": (322, 281),
    "memfd_create": (319, 279),
}

# calls that reach files by name past Landlock (it does not govern modes, owners, times, attributes)
# or watch them; harmless where the file tree holds nothing else
OUTSIDE: Final[Mapping[str, Numbers]] = {
    "chmod": (90, None),
    "fchmod": (91, 52),
    "fchmodat": (268, 53),
    "fchmodat2": (452, 452),
    "chown": (92, None),
    "fchown": (93, 55),
    "lchown": (94, None),
    "fchownat": (260, 54),
    "utime": (132, None),
    "utimes": (235, None),
    "utimensat": (280, 88),
    "futimesat": (261, None),
    "setxattr": (188, 5),
    "lsetxattr": (189, 6),
    "fsetxattr": (190, 7),
    "removexattr": (197, 14),
    "lremovexattr": (198, 15),
    "fremovexattr": (199, 16),
    "setxattrat": (463, 463),
    "removexattrat": (466, 466),
    "inotify_init": (253, None),
    "inotify_init1": (294, 26),
    "inotify_add_watch": (254, 27),
    "inotify_rm_watch": (255, 28),
}


@dataclass(frozen=True, slots=True)
class Architecture:
    """A machine: its AUDIT_ARCH value (linux/audit.h) and its column of the tables."""

    audit: int
    column: int

    def number(self, name: str, table: Mapping[str, Numbers] = CHECKED) -> int | None:
        """Return the number of system call ``name`` here, or None if there is none."""
        return table[name][self.column]

    def numbers(self, table: Mapping[str, Numbers]) -> list[int]:
        """Return the numbers of all calls of ``table`` that exist here, in ascending order."""
        return sorted(number for row in table.values() if (number := row[self.column]) is not None)


ARCHITECTURES: Final = {
    "x86_64": Architecture(audit=0xC000_003E, column=0),
    "aarch64": Architecture(audit=0xC000_00B7, column=1),
}


def architecture(machine: str) -> Architecture:
    """Return the architecture that ``uname -m`` calls ``machine``; raises UndecidedError ``sandbox_too_weak``."""
    if machine not in ARCHITECTURES:
        raise UndecidedError(
            "sandbox_too_weak",
            f"There is no system call filter for {shown(machine)} machines.",
            hint="Run the server on x86_64 or aarch64.",
        )
    return ARCHITECTURES[machine]
