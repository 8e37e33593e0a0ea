"""Workers of inspection that misbehave on purpose, by the name of the file that they are given."""

from typing import Final

# what the worker does instead of examining: found first, then the end of it
PROGRAM: Final = """
import os, select, sys
sys.path.append(sys.argv[1])
import weighlock.service.inspection_worker as worker
from weighlock.inspection.report import Report
real = worker.inspect_file

def attempts(report):
    import socket, subprocess
    def answer(name, attempt):
        try:
            report.fact(name, attempt())
        except Exception as error:
            report.fact(name, type(error).__name__)
    answer("read", lambda: open("/etc/passwd").read()[:4])
    answer("list", lambda: os.listdir("/home"))
    answer("write", lambda: open(sys.argv[1] + "/marker", "w"))
    answer("connect", lambda: socket.create_connection(("127.0.0.1", 1), 1))
    answer("datagram", lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
    answer("program", lambda: subprocess.run(["/bin/true"]))
    answer("fork", lambda: os.fork())
    answer("signal", lambda: os.kill(os.getppid(), 0))
    answer("environment", lambda: dict(os.environ))
    answer("descriptors", lambda: sorted(os.readlink(f"/proc/self/fd/{n}") for n in range(4, 60)))

def instead(path, size, options, listen):
    report = Report(path, listen=listen)
    kind = path.rpartition("/")[2].partition(".")[0]
    if kind.startswith("found-"):
        report.recognise("pickle")
        report.find("pickle-global-dangerous", "imports and calls os.system", offset=7)
        kind = kind.removeprefix("found-")
    if kind == "hang":
        while True:
            pass
    if kind == "sleep":
        select.select([], [], [], 600)
    if kind == "crash":
        import ctypes
        ctypes.string_at(0)
    if kind == "raise":
        raise ZeroDivisionError("a bug of a parser")
    if kind == "hungry":
        held = [bytearray(1 << 20) for _ in range(4096)]
    if kind == "deep":
        def deeper():
            deeper()
        deeper()
    if kind == "many":
        for number in range(5000):
            report.find("pickle-present", f"finding {number}")
        os._exit(3)
    if kind == "attempts":
        attempts(report)
        return report.examined()
    result = yield from real(path, size, options, listen)
    return result

worker.inspect_file = instead
worker.main()
"""
