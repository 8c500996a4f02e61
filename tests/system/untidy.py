"""A program that leaves much to be done at its end, and ends with the status that it is given."""

import atexit
import os
import sys
import threading
from pathlib import Path


class Knot:
    """What only the collector of garbage finds."""

    def __init__(self) -> None:
        self.itself = self
        self.file = Path(os.devnull).open()  # noqa: SIM115  left open on purpose


if __name__ == "__main__":
    done = threading.Event()

    def at_work() -> None:
        threading.main_thread().join()
        sys.stdout.write("a thread has ended\n")
        done.set()

    threading.Thread(target=at_work).start()
    atexit.register(lambda: sys.stdout.write(f"before the end: {done.is_set()}\n"))
    Knot()
    sys.exit(int(sys.argv[1]) if sys.argv[1].isdigit() else sys.argv[1])
