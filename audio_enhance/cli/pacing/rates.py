"""How long recordings probably last, from what their names end in and how large they are."""

from collections import deque
from pathlib import PurePath
from statistics import median

# Bytes of a second, as recordings of speech often have it, until some have told.
_COMPRESSED = 16_000.0
_USUAL = {
    ".aif": 96_000.0,
    ".aifc": 96_000.0,
    ".aiff": 96_000.0,
    ".flac": 50_000.0,
    ".m4v": 500_000.0,
    ".mkv": 500_000.0,
    ".mov": 1_000_000.0,
    ".opus": 6_000.0,
    ".wav": 96_000.0,
    ".wave": 96_000.0,
    ".webm": 200_000.0,
}
_REMEMBERED = 32


class Rates:
    """Turns bytes into seconds: a minute of MP3 has a tenth of the bytes of a minute of WAV."""

    def __init__(self) -> None:
        self._told: dict[str, deque[float]] = {}

    def learn(self, name: str, byte_size: int, seconds: float) -> None:
        """Take in how long a recording lasts."""
        if byte_size > 0 and seconds > 0:
            told = self._told.setdefault(_ending(name), deque(maxlen=_REMEMBERED))
            told.append(byte_size / seconds)

    def knows(self, name: str) -> bool:
        """Whether a recording has told how long those that end like it last."""
        return _ending(name) in self._told

    def seconds(self, name: str, byte_size: int) -> float:
        """Return how many seconds a recording probably lasts; more than 0."""
        ending = _ending(name)
        told = self._told.get(ending)
        rate = median(told) if told else _USUAL.get(ending, _COMPRESSED)
        return max(1, byte_size) / rate


def _ending(name: str) -> str:
    return PurePath(name).suffix.lower()
