"""The pieces of a recording, cleaned side by side and joined in order.

Threads are enough: the network, and what numpy does to many samples at once, let go of the
interpreter. A piece that is clean waits for its turn in a file, for memory must not grow.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack
from itertools import islice
from pathlib import Path
from queue import SimpleQueue
from tempfile import TemporaryFile
from threading import Event
from types import TracebackType
from typing import IO, Protocol, Self, TypeAlias

import numpy as np

from .echo import AHEAD
from .pieces import Piece
from .reader import Reader
from .samples import Levels, Samples, window_length

Cleaned: TypeAlias = tuple[Samples, Levels]
"""What is left of a window, and for each 10 ms how far speech is above noise."""


class Clean(Protocol):
    """What is done to samples."""

    def __call__(self, blocks: Iterable[Samples], *, first_window: int) -> Iterator[Cleaned]:
        """Yield one result for each window, of which the first has this number."""
        ...


class SideBySide:
    """A context manager that leaves neither threads nor files behind.

    Args:
        pieces: As `cut` returns them.
        opened: Opens the recording from its start; each thread reads it by itself.
        clean: What is done to it.
        channels: How many of its channels are worked on.
        workers: How many pieces may be in work at the moment, 1 or more; asked again and again.
        folder: Where what is clean waits; its files have no names.
    """

    def __init__(
        self,
        pieces: Iterable[Piece],
        opened: Callable[[], AbstractContextManager[Iterable[Samples]]],
        clean: Clean,
        channels: int,
        workers: Callable[[], int],
        folder: Path,
    ) -> None:
        self._left = deque(pieces)
        self._count = sum(piece.count for piece in self._left)
        self._opened = opened
        self._clean = clean
        self._window = window_length(channels)
        self._workers = workers
        self._folder = folder
        self._waiting: deque[Future[IO[bytes]]] = deque()
        self._readers: list[Reader] = []  # those that nobody reads with
        self._happened: SimpleQueue[int] = SimpleQueue()  # so many more windows are clean
        self._stopped = Event()
        self._opened_ones = ExitStack()
        # Threads start when they are needed: there are never more than `workers` asked for.
        self._threads = ThreadPoolExecutor(max(1, len(self._left)), "audio-enhance-piece")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        tb: TracebackType | None,
    ) -> None:
        self._stopped.set()
        self._threads.shutdown(cancel_futures=True)
        self._opened_ones.close()

    def joined(self, tell: Callable[[float], object]) -> Iterator[Cleaned]:
        """Yield the whole recording, window by window.

        Args:
            tell: Told now and then which share of it is clean, 0 to 1, by whoever iterates.
        """
        clean = 0
        while self._left or self._waiting:
            self._begin()
            if self._waiting[0].done():
                with self._waiting.popleft().result() as file:
                    self._begin()
                    yield from _read(file)
            else:
                clean += self._happened.get()
                tell(min(clean / self._count, 1.0))  # the end may come in two parts

    def _begin(self) -> None:
        """Begin as many pieces as there are workers, unless those ahead of their turn pile up."""
        workers = self._workers()
        free = workers - sum(not future.done() for future in self._waiting)
        for _ in range(min(free, 2 * workers - len(self._waiting), len(self._left))):
            piece = self._left.popleft()
            next_one = self._left[0].start if self._left else piece.stop
            # Whichever is free was used for an earlier piece, for they are begun in order.
            reader = self._readers.pop() if self._readers else None
            future = self._threads.submit(self._work, piece, next_one, reader)
            future.add_done_callback(lambda _: self._happened.put(0))
            self._waiting.append(future)

    def _work(self, piece: Piece, next_one: int, reader: Reader | None) -> IO[bytes]:
        # It is in the stack, wherever it was opened.
        file = self._opened_ones.enter_context(TemporaryFile(dir=self._folder))  # noqa: SIM115
        reader = reader or Reader(self._opened_ones.enter_context(self._opened()))
        samples = reader.between(
            piece.start * self._window,
            None if piece.last else piece.stop * self._window + AHEAD,
            again=next_one * self._window,
        )
        parts = self._clean(samples, first_window=piece.start)
        stop = None if piece.last else piece.stop - piece.start
        for part in islice(parts, piece.run_up, stop):
            for array in part:
                np.save(file, array)
            self._happened.put(1)
            if self._stopped.is_set():
                break
        self._readers.append(reader)
        return file


def _read(file: IO[bytes]) -> Iterator[Cleaned]:
    end = file.seek(0, 2)
    file.seek(0)
    while file.tell() < end:
        yield np.load(file), np.load(file)
