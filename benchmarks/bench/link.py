"""A link between two network namespaces that delays and loses packets.

Some kernels have no netem, so the link is made of two TUN devices and a process that carries
packets from one to the other: after a delay, and not all of them. The kernel's own TCP at both
ends sees what it would see on such a line. Needs root and iproute2.
"""

import contextlib
import fcntl
import heapq
import os
import random
import select
import struct
import subprocess
import sys
import time
from collections.abc import Iterator

TUNSETIFF = 0x400454CA
IFF_TUN, IFF_NO_PI = 0x0001, 0x1000
MTU = 1500
SEED = 7
ADDRESSES = ("10.77.0.1", "10.77.0.2")


@contextlib.contextmanager
def lossy_link(*, delay_s: float, loss: float) -> Iterator[tuple[str, str]]:
    """Yield two namespaces, at ``ADDRESSES``; ``delay_s`` is one way, ``loss`` the share of packets each way."""
    names = [f"bench-{os.getpid()}-{side}" for side in "ab"]
    devices = []
    carrier = 0
    try:
        for name, own, other in zip(names, ADDRESSES, reversed(ADDRESSES), strict=True):
            run("ip", "netns", "add", name)
            device = name[-12:].replace("-", "")
            devices.append(open_tun(device))
            run("ip", "link", "set", device, "netns", name)
            inside = ("ip", "-n", name)
            run(*inside, "addr", "add", f"{own}/32", "peer", other, "dev", device)
            run(*inside, "link", "set", device, "mtu", str(MTU), "up")
            run(*inside, "link", "set", "lo", "up")
        carrier = os.fork()
        if not carrier:
            carry(devices, delay_s, loss)
        yield names[0], names[1]
    finally:
        if carrier:
            os.kill(carrier, 9)
            os.waitpid(carrier, 0)
        for device in devices:
            os.close(device)
        for name in names:
            subprocess.run(["ip", "netns", "del", name], check=False, capture_output=True)


def open_tun(name: str) -> int:
    device = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
    fcntl.ioctl(device, TUNSETIFF, struct.pack("16sH", name.encode(), IFF_TUN | IFF_NO_PI))
    return device


def carry(devices: list[int], delay_s: float, loss: float) -> None:
    """Carry packets until the parent ends; never returns."""
    chance = random.Random(SEED)
    other = {devices[0]: devices[1], devices[1]: devices[0]}
    parent, number = os.getppid(), 0
    waiting: list[tuple[float, int, int, bytes]] = []
    while os.getppid() == parent:
        pause = max(0.0, waiting[0][0] - time.monotonic()) if waiting else 1.0
        for device in select.select(devices, [], [], pause)[0]:
            with contextlib.suppress(BlockingIOError):
                while packet := os.read(device, MTU + 64):
                    if chance.random() >= loss:
                        number += 1
                        heapq.heappush(waiting, (time.monotonic() + delay_s, number, other[device], packet))
        now = time.monotonic()
        while waiting and waiting[0][0] <= now:
            _, _, device, packet = heapq.heappop(waiting)
            with contextlib.suppress(BlockingIOError, OSError):
                os.write(device, packet)
    os._exit(0)


def run(*command: str) -> None:
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{' '.join(command)}: {done.stderr.strip()}")
