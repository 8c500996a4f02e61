"""Ctrl-C, SIGTERM and a closed terminal: the first stops in good order, the second at once."""

import asyncio
import os
import signal
import sys
from collections.abc import Coroutine
from types import FrameType
from typing import Any

# Windows has no SIGHUP, which says that the terminal is gone.
_STOPS = (signal.SIGINT, signal.SIGTERM, *([signal.SIGHUP] if sys.platform != "win32" else []))
_SHOW_CURSOR = b"\x1b[?25h\n"


def run(work: Coroutine[Any, Any, int], *, redraws: bool = False) -> int:
    """Run a command to its end and return its exit status.

    A terminal writes "^C" where it is. What comes next, if only the shell's prompt, begins a line
    of its own.

    The first signal cancels it; it cleans up, and the status is 128 and the signal's number
    (130 after Ctrl-C, 143 after SIGTERM, 129 when the terminal is closed). The second leaves on
    the spot.

    Args:
        work: What the command does.
        redraws: Whether it redraws a part of the terminal, which takes the "^C" away.
    """
    received: list[int] = []

    async def interruptible() -> int:
        task = asyncio.current_task()
        loop = asyncio.get_running_loop()
        assert task is not None

        # Not `loop.add_signal_handler`: a handler there has to wait for the loop, which is what
        # the second signal must not do.
        def handle(number: int, _: FrameType | None) -> None:
            if received:
                if sys.stderr.isatty():
                    os.write(2, _SHOW_CURSOR)
                os._exit(128 + number)
            received.append(number)
            if number == signal.SIGINT and not redraws and sys.stderr.isatty():
                os.write(2, b"\n")
            loop.call_soon_threadsafe(task.cancel)

        for number in before:
            signal.signal(number, handle)
        return await work

    # What is ignored stays so: `nohup`, and background jobs of shells without job control.
    before = {
        number: handler
        for number in _STOPS
        if (handler := signal.getsignal(number)) is not signal.SIG_IGN
    }
    try:
        return asyncio.run(interruptible())
    except asyncio.CancelledError:
        if not received:
            raise
        return 128 + received[0]
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
