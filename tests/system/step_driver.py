"""A program that enhances one recording and comes to its end at one step of it, again and again.

The steps are what changes a disk: rows that are written, files that are made, named or removed.
For every step a child process is forked that is stopped right before it, and one more that has
to finish. What became of each is told as a line of JSON.
"""

import asyncio
import contextlib
import errno
import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

from audio_enhance import (
    BatchReport,
    EnhanceClient,
    Journal,
    JournalError,
    PollPolicy,
    RateLimits,
    RetryPolicy,
)
from audio_enhance._journal.rows import Rows

MOST = 80  # more steps than there are


class Steps:
    """Counts the steps, and stops at one of them in some way."""

    def __init__(self, how: str, at: int, *, links: bool) -> None:
        self._how = how
        self._at = at
        self.count = 0
        self.main: asyncio.Task[Any] | None = None
        self.loop: asyncio.AbstractEventLoop | None = None
        for name in ("link", "replace", "unlink", "open", "fsync"):
            self._watch(name)
        if not links:
            os.link = _no_links  # as on exFAT
        save = Rows.save

        async def watched(rows: Rows, entry: Any) -> None:
            if self._reached(grows=True):
                raise JournalError("The disk is full.")
            await save(rows, entry)

        setattr(Rows, "save", watched)  # noqa: B010  what a test may do, and mypy would not

    def _watch(self, name: str) -> None:
        real = cast("Callable[..., Any]", getattr(os, name))

        def watched(*args: Any, **options: Any) -> Any:
            grows = name in ("link", "fsync") or (name == "open" and args[1] & os.O_CREAT)
            if (grows or name != "open") and self._reached(grows=bool(grows)):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(args[0]))
            return real(*args, **options)

        setattr(os, name, watched)

    def _reached(self, *, grows: bool) -> bool:
        """Count a step, stop if it is the one, and return whether the disk is full by now."""
        if self.loop is None:
            return False
        self.count += 1
        if self._how == "full":
            return grows and self.count >= self._at
        if self.count == self._at and self._how == "kill":
            os._exit(9)
        again = self._how == "cancel again" and self.count >= self._at
        if again or (self.count == self._at and self._how == "cancel"):
            assert self.main is not None
            self.loop.call_soon_threadsafe(self.main.cancel)
        return False


def _no_links(*_: object, **__: object) -> None:
    raise OSError(errno.EPERM, os.strerror(errno.EPERM))


async def enhanced(folder: Path, steps: Steps | None = None, *, journal: bool) -> BatchReport:
    async with EnhanceClient.from_env(
        limits=RateLimits(creations_per_minute=10**6, others_per_minute=10**6),
        polling=PollPolicy(shortest=0.01, longest=0.02),
        retry=RetryPolicy(longest_wait=0.01),
    ) as client:
        if steps is not None:
            steps.main, steps.loop = asyncio.current_task(), asyncio.get_running_loop()
        try:
            return await client.enhance_batch(
                [folder / f"{folder.name}.mp3"],
                strength=93,
                output_dir=folder / "out",
                journal=folder / "out" / "journal.sqlite" if journal else None,
            )
        finally:
            if steps is not None:
                steps.loop = None


async def state(folder: Path) -> str:
    """What somebody who only looks is told of the recording."""
    path = folder / "out" / "journal.sqlite"
    if not path.exists():
        return "none"
    try:
        async with await Journal.read(path) as journal:
            async for entry in journal.entries():
                counts = {state: n for state, n in (await journal.counts()).items() if n}
                assert counts == {entry.state: 1}
                return entry.state.value
    except JournalError as error:
        return str(error)
    return "none"


def result_in(folder: Path) -> str | None:
    """The result that is there, as a text of hexadecimal digits."""
    path = folder / "out" / f"{folder.name}-enhanced-93p.mp3"
    return path.read_bytes().hex() if path.exists() else None


def child(work: Callable[[], None]) -> int:
    """Do some work in a process of its own, and return its exit status."""
    if (pid := os.fork()) == 0:
        status = 1
        try:
            work()
            status = 0
        finally:
            sys.stdout.flush()
            os._exit(status)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def main(root: Path, how: str, *, links: bool, earlier: bool, journal: bool) -> None:
    """Go through all steps, each with a recording of its own."""

    def stopped(folder: Path, at: int) -> None:
        steps = Steps(how, at, links=links)
        with contextlib.suppress(asyncio.CancelledError):
            asyncio.run(enhanced(folder, steps, journal=journal))
        if steps.count < at:
            os._exit(77)

    async def looked_and_finished(folder: Path) -> None:
        before, there = await state(folder), result_in(folder)
        [outcome] = await enhanced(folder, journal=journal)
        told = {
            "case": folder.name,
            "state": before,
            "there": there,
            "status": outcome.status,
            "error": str(outcome.error),
            "path": str(outcome.path),
            "extra": outcome.extra_enhancements,
            "after": await state(folder),
        }
        sys.stdout.write(json.dumps(told) + "\n")

    def finished(folder: Path) -> None:
        Steps("none", 0, links=links)
        asyncio.run(looked_and_finished(folder))

    for at in range(1, MOST):
        folder = root / f"case-{at:02}"
        folder.mkdir(parents=True)
        source = folder / f"{folder.name}.mp3"
        if earlier:
            source.write_bytes(b"ID3 first " + folder.name.encode())
            assert child(lambda folder=folder: finished(folder)) == 0  # type: ignore[misc]
        source.write_bytes(b"ID3 the one that counts, " + folder.name.encode())
        over = child(lambda folder=folder, at=at: stopped(folder, at)) == 77  # type: ignore[misc]
        assert child(lambda folder=folder: finished(folder)) == 0  # type: ignore[misc]
        if over:
            return
    raise AssertionError("There are more steps than that.")


if __name__ == "__main__":
    main(
        Path(sys.argv[1]),
        sys.argv[2],
        links="links" in sys.argv,
        earlier="earlier" in sys.argv,
        journal="unwritten" not in sys.argv,
    )
