"""The process of `Measurer`: looks through one recording, and ends.

In: one line of JSON, ``{"path", "place", "original"}``. Out, a line each: ``{"seconds": number}``
now and then, and at the end what was found, or ``{"error": text}``.
"""

import json
import os
import signal
import sys
import threading
from pathlib import Path
from typing import IO, Any

import attrs

from audio_enhance.local.enhancer import EnhancerError

from .surveying import Survey, survey


def _end_with(lines: IO[str]) -> None:
    lines.read()
    os._exit(0)  # whoever asked has ended; the main thread may be deep inside FFmpeg


def _found(found: Survey) -> dict[str, Any]:
    return {
        **attrs.asdict(found.figures),
        "highest": found.highest,
        "lag": found.lag,
        "peaks": found.peaks.columns,
        "spectrum": found.spectrum.columns,
    }


def main() -> None:
    """Do what standard input says."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # What libraries print belongs on standard error, not between the answers.
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "w")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())

    def say(answer: dict[str, Any]) -> None:
        answers.write(json.dumps(answer) + "\n")
        answers.flush()

    order = json.loads(sys.stdin.readline())
    threading.Thread(target=_end_with, args=(sys.stdin,), daemon=True).start()
    original = order["original"] and Path(order["original"])
    try:
        found = survey(
            Path(order["path"]),
            Path(order["place"]),
            original=original,
            tell=lambda seconds: say({"seconds": seconds}),
        )
    except (EnhancerError, OSError, ValueError) as error:
        say({"error": str(error)})
    else:
        say(_found(found))


if __name__ == "__main__":
    main()
