"""What this process has open."""

import asyncio
from pathlib import Path
from typing import Any


def open_files() -> dict[int, str]:
    """Return the open descriptors and what they are of."""
    found: dict[int, str] = {}
    for entry in Path("/proc/self/fd").iterdir():
        try:
            found[int(entry.name)] = str(entry.readlink())
        except OSError:  # the descriptor of the listing itself
            continue
    return found


def other_tasks() -> set[asyncio.Task[Any]]:
    """Return the unfinished tasks except the one that asks."""
    return {task for task in asyncio.all_tasks() if task is not asyncio.current_task()}


async def settled_files(before: dict[int, str]) -> dict[int, str]:
    """Return what is open that was not before, after giving threads and the loop their turn.

    A thread that hashes a file closes it when it has seen that nobody waits any more.
    """
    extra = before
    for _ in range(200):
        extra = {fd: what for fd, what in open_files().items() if fd not in before}
        if not extra:
            break
        await asyncio.sleep(0.005)
    return extra


def client_tasks() -> set[asyncio.Task[Any]]:
    """Return the unfinished tasks that do not belong to a server in this process."""
    return {task for task in other_tasks() if not _of_a_server(task)}


def _of_a_server(task: asyncio.Task[Any]) -> bool:
    code = getattr(task.get_coro(), "cr_code", None)
    where: str = code.co_filename if code is not None else ""
    # The local service alone runs `asyncio.to_thread` in tasks.
    return any(
        part in where
        for part in ("aiohttp/web_", "audio_enhance/local/", "raw_server", "asyncio/threads")
    )


async def settled_tasks(before: set[asyncio.Task[Any]]) -> set[asyncio.Task[Any]]:
    """Return the tasks that were not there before, after giving a server's handlers their turn.

    A handler ends when it has noticed that its client is gone.
    """
    extra = before
    for _ in range(200):
        extra = other_tasks() - before
        if not extra:
            break
        await asyncio.sleep(0.005)
    return extra


def partial_files(directory: Path) -> list[Path]:
    """Return the unfinished results below a folder."""
    return list(directory.rglob("*.part"))
