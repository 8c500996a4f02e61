"""Run as a program: forks itself for every program that it is asked to run.

Its arguments are an address and modules. It imports these first, which takes most of the time of
a program that does little. It ends when its standard input does, and so do they.
"""

import atexit
import gc
import importlib
import json
import os
import runpy
import select
import signal
import socket
import sys
import threading
from contextlib import suppress
from typing import Any

LENGTH = 4  # bytes that say how long a request is


def received(connection: socket.socket) -> tuple[dict[str, Any], list[int]]:
    """Return what somebody wants to be run, and its three standard streams."""
    length, streams, _, _ = socket.recv_fds(connection, LENGTH, 3)
    left = int.from_bytes(length, "big")
    parts: list[bytes] = []
    while left:
        parts.append(connection.recv(left))
        left -= len(parts[-1])
    return json.loads(b"".join(parts)), streams


def forked(listening: socket.socket) -> dict[str, Any] | None:
    """Return in every process that is forked what it is to run; here at the end, `None`."""
    ready = select.poll()
    ready.register(sys.stdin.fileno(), select.POLLIN)
    ready.register(listening, select.POLLIN)
    running: dict[int, tuple[int, socket.socket]] = {}
    while True:
        for number, _ in ready.poll():
            if number == sys.stdin.fileno():
                for pid, _ in running.values():  # whoever asked for them was killed
                    os.kill(pid, signal.SIGKILL)
                return None
            if number in running:
                pid, connection = running.pop(number)
                ready.unregister(number)
                os.close(number)
                ended(pid, connection)
                continue
            connection, _ = listening.accept()
            request, streams = received(connection)
            pid = os.fork()
            if not pid:
                for other, (_, theirs) in running.items():
                    os.close(other)
                    theirs.close()
                connection.close()
                for place, stream in enumerate(streams):
                    os.dup2(stream, place)
                    os.close(stream)
                return request
            for stream in streams:
                os.close(stream)
            connection.sendall(b"%d\n" % pid)
            watch = os.pidfd_open(pid)
            ready.register(watch, select.POLLIN)
            running[watch] = pid, connection


def ended(pid: int, connection: socket.socket) -> None:
    """Tell whoever asked for it how a process has ended."""
    _, status = os.waitpid(pid, 0)
    with connection, suppress(ConnectionError):
        connection.sendall(b"%d\n" % os.waitstatus_to_exitcode(status))


def run(module: str) -> int:
    """Run a module as a program, and return its status; Python itself tells of what it raises."""
    try:
        runpy.run_module(module, run_name="__main__", alter_sys=True)
    except SystemExit as end:
        if end.code is None or isinstance(end.code, int):
            return end.code or 0
        raise
    return 0


def leave(status: int) -> None:
    """End this process as Python does, except that nobody takes the imported modules apart.

    That would take more time than most programs do. Whatever else is left open is warned of.
    """
    getattr(threading, "_shutdown")()  # noqa: B009  waits for threads, as Python would
    getattr(atexit, "_run_exitfuncs")()  # noqa: B009
    gc.collect()
    try:
        sys.stdout.flush()
    except OSError:
        sys.exit(status)  # Python knows what to say of it
    sys.stderr.flush()
    os._exit(status)


def note_coverage() -> None:
    """Write down what was measured: everybody who is forked would do that once more."""
    if (coverage := sys.modules.get("coverage")) and (current := coverage.Coverage.current()):
        current.get_data()


def main(address: str, *modules: str) -> None:
    for module in modules:
        importlib.import_module(module)
    note_coverage()
    gc.freeze()
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(address)
        listening.listen()
        os.write(sys.stdout.fileno(), b"ready\n")
        request = forked(listening)
    if request is not None:
        os.chdir(request["folder"])
        os.environ.clear()
        os.environ.update(request["environment"])
        sys.argv[1:] = request["arguments"]
        leave(run(request["module"]))


if __name__ == "__main__":
    main(*sys.argv[1:])
