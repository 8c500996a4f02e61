"""The recording that comes with the package, for a first try."""

from pathlib import Path

_RECORDING = Path(__file__).parent / "data" / "noisy-speech.mp3"


def demo_recording() -> Path:
    """Return a short MP3 of speech in a room with noise; `data/README.md` says how it was made."""
    return _RECORDING
