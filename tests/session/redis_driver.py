"""Processes that make calls as fast as they may, and tell when: run by test_shared_window.py.

Arguments: the Redis, the limit, the period, how many processes, and how many calls each makes. The
processes are forks of one, which has made the window: all begin at once. Each prints a line per
call: when it was let in and when it had ended, by the clock that all processes of a machine have.
"""

import asyncio
import os
import sys
import time

from audio_enhance._core.clock import SystemClock
from audio_enhance._session.shared_window import Meeting, SharedWindow


async def calls(window: SharedWindow, count: int) -> None:
    async def call() -> str:
        async with window:
            began = time.monotonic()
            await asyncio.sleep(0.001)
            return f"{began} {time.monotonic()}\n"

    lines = await asyncio.gather(*(call() for _ in range(count)))
    os.write(1, "".join(lines).encode())


def main() -> None:
    url, limit, period, processes, count = sys.argv[1:]
    meeting = Meeting(url, "studio", None)
    window = SharedWindow(int(limit), SystemClock(), meeting, "x", period=float(period))
    children = []
    for _ in range(int(processes)):
        child = os.fork()
        if child == 0:
            asyncio.run(calls(window, int(count)))
            os._exit(0)
        children.append(child)
    for child in children:
        os.waitpid(child, 0)


if __name__ == "__main__":
    main()
