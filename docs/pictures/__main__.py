"""`python -m docs.pictures`: makes every picture anew; needs Chromium and `--group pictures`."""

import os
import sys
import tempfile
from pathlib import Path

from . import browser, recordings, terminal

HERE = Path(__file__).parent
_SHOWN = "audio-enhance enhance recordings/ --local --report report.html"


def main() -> None:
    """Run the programs, and write what they look like."""
    os.environ.pop("NO_COLOR", None)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        recordings.make(folder / "recordings")
        command = [sys.executable, "-m", "audio_enhance", *_SHOWN.split()[1:]]
        frames = terminal.record(command, _SHOWN, folder)
        label = "A terminal in which audio-enhance cleans a folder of recordings"
        (HERE / "terminal.svg").write_text(terminal.svg(frames, label), encoding="utf-8")
        browser.take(folder / "recordings", folder / "report.html", HERE)


if __name__ == "__main__":
    main()
