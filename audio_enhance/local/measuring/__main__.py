"""The process of `Measurer`: looks through recordings or copies them, until nobody asks any more.

In: a line of JSON for each, ``{"path", "place", "original"}`` or ``{"path", "copy"}``. Out, a line
each: ``{"seconds": number}`` now and then, and at the end of each what was found,
``{"copied": bool}`` or ``{"error": text}``.
"""

import json
import os
import signal
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from queue import SimpleQueue
from typing import IO, TYPE_CHECKING, Any

import attrs

from audio_enhance.local.enhancer import EnhancerError

if TYPE_CHECKING:
    from .surveying import Survey


def _take(lines: IO[str], orders: "SimpleQueue[dict[str, Any]]") -> None:
    try:
        for line in lines:
            orders.put(json.loads(line))
    finally:  # whoever asked has ended, perhaps within a line
        os._exit(0)  # the main thread may be deep inside FFmpeg


def _found(found: "Survey") -> dict[str, Any]:
    return {
        **attrs.asdict(found.figures),
        "highest": found.highest,
        "lag": found.lag,
        "peaks": found.peaks.columns,
        "spectrum": found.spectrum.columns,
    }


def _copied(order: dict[str, Any]) -> dict[str, Any]:
    from .playable import playable_copy  # each imports what it takes, and no more

    return {"copied": playable_copy(Path(order["path"]), Path(order["copy"]))}


def _surveyed(order: dict[str, Any], say: Callable[[dict[str, Any]], None]) -> dict[str, Any]:
    from .surveying import survey

    found = survey(
        Path(order["path"]),
        Path(order["place"]),
        original=order["original"] and Path(order["original"]),
        tell=lambda seconds: say({"seconds": seconds}),
    )
    return _found(found)


def main() -> None:
    """Do what standard input says, and end with it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # What libraries print belongs on standard error, not between the answers.
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "w")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())

    def say(answer: dict[str, Any]) -> None:
        answers.write(json.dumps(answer) + "\n")
        answers.flush()

    orders: SimpleQueue[dict[str, Any]] = SimpleQueue()
    threading.Thread(target=_take, args=(sys.stdin, orders), daemon=True).start()
    while True:
        order = orders.get()
        try:
            say(_copied(order) if "copy" in order else _surveyed(order, say))
        except (EnhancerError, OSError, ValueError) as error:
            say({"error": str(error)})


if __name__ == "__main__":
    main()
