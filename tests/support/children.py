"""Child processes that have ended and that nobody has waited for.

The system keeps an entry for each of them ("zombies"), which the next test finds among its own.
"""

import os
import time

import pytest

_PATIENCE = 5.0  # seconds: asyncio waits for its children in a thread, which may be behind


def _ended() -> int | None:
    """Return the number of a child that has ended and was not waited for."""
    try:
        found = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    except ChildProcessError:  # there are no children
        return None
    return found and found.si_pid


def check_waited_for() -> None:
    """Fail the test that has just ended if a child of it has ended unseen."""
    if not hasattr(os, "waitid"):  # Windows has no zombies
        return
    deadline = time.monotonic() + _PATIENCE
    while (child := _ended()) is not None:
        if time.monotonic() > deadline:
            pytest.fail(f"Nobody has waited for the child process {child}, which has ended.")
        time.sleep(0.01)
