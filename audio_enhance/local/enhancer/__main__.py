"""The worker process of `SpeechEnhancer`: a line of JSON in for each recording, and a few out.

In: ``{"source": path, "destination": path, "strength": number, "max_seconds": number,
"engine": name or null}``; at any time ``{"cores": number}``, which it may keep busy from then on.
Out: ``{"begun": true}`` before anything of the recording is looked at, ``{"done": share}`` now and
then, and at the end ``{"error": null, "notes": [text, ...]}``, or ``{"error": name of an
exception, "message": text, "hint": text}``.

It ends when its standard input does, also in the middle of a recording: whoever started it has
ended, perhaps without having been able to say so.
"""

import json
import os
import queue
import signal
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import IO, Any

from audio_enhance.local.enhancer import EnhancerError, enhance_file


class _Jobs:
    """What is asked for on standard input, read by a thread so that its end is noticed at once."""

    def __init__(self, lines: IO[str]) -> None:
        self._lines = lines
        self._waiting: queue.SimpleQueue[dict[str, Any]] = queue.SimpleQueue()
        self.unfinished: Path | None = None
        self.cores = 1
        threading.Thread(target=self._read, daemon=True).start()

    def next(self) -> dict[str, Any]:
        return self._waiting.get()

    def _read(self) -> None:
        try:
            for line in self._lines:
                order = json.loads(line)
                if "cores" in order:
                    self.cores = order["cores"]
                else:
                    self._waiting.put(order)
        finally:  # whoever asked has ended, perhaps within a line
            if self.unfinished is not None:
                with suppress(OSError):
                    self.unfinished.unlink(missing_ok=True)
            os._exit(0)  # the main thread may be deep inside FFmpeg


class _Answers:
    """What is said on standard output, a line for each."""

    def __init__(self, lines: IO[str]) -> None:
        self._lines = lines

    def say(self, answer: dict[str, Any]) -> None:
        # Where nobody listens any more, standard input ends as well, and with it this process.
        with suppress(BrokenPipeError):
            self._lines.write(json.dumps(answer) + "\n")
            self._lines.flush()

    def done(self, share: float) -> None:
        self.say({"done": round(share, 4)})


def _run(job: dict[str, Any], cores: Callable[[], int], done: Callable[[float], None]) -> Any:
    try:
        source, destination = Path(job.pop("source")), Path(job.pop("destination"))
        notes = enhance_file(source, destination, workers=cores, progress=done, **job)
    except Exception as error:  # noqa: BLE001 - whatever it is, the other side has to know
        name = type(error).__name__
        if isinstance(error, EnhancerError):
            return {"error": name, "message": error.message, "hint": error.hint}
        return {"error": name, "message": str(error) or name, "hint": None}
    return {"error": None, "notes": notes}


def main() -> None:
    """Serve until standard input ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # What libraries print belongs on standard error, not between the answers.
    answers = _Answers(os.fdopen(os.dup(sys.stdout.fileno()), "w"))
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    jobs = _Jobs(sys.stdin)
    while True:
        job = jobs.next()
        answers.say({"begun": True})
        jobs.unfinished = Path(job["destination"])
        answer = _run(job, lambda: jobs.cores, answers.done)
        jobs.unfinished = None
        answers.say(answer)


if __name__ == "__main__":
    main()
