"""The clock of a sound track: where its packets belong, counted in samples and not in ticks.

Matroska rounds times to a millisecond. A track whose packets follow one another is counted on
from its first one; where something is missing, or more than is missing, the track is not what
its packets say one after the other.
"""

from fractions import Fraction

# Closer than an ear tells a picture from its sound, and further than any container rounds.
_TOLERANCE = Fraction(1, 50)
_ROUNDING = Fraction(1, 500)
# Samples of a frame at 48 kHz by the first five bits of a packet (RFC 6716 §3.1, table 2).
_OPUS_FRAMES = (480, 960, 1920, 2880) * 3 + (480, 960) * 2 + (120, 240, 480, 960) * 4
_OPUS_RATE = 48_000


def opus_seconds(packet: bytes) -> Fraction:
    """Return how long a packet of Opus lasts, by its first bytes (RFC 6716 §3.1, §3.2)."""
    frame = _OPUS_FRAMES[packet[0] >> 3]
    code = packet[0] & 3
    count = (1, 2, 2)[code] if code < 3 else packet[1] & 63 if len(packet) > 1 else 0
    return Fraction(frame * count, _OPUS_RATE)


class Clock:
    """Counts the packets of one track."""

    def __init__(self) -> None:
        self._at: Fraction | None = None

    def place(
        self, told: Fraction | None, lasts: Fraction | None, exact: Fraction | None
    ) -> tuple[Fraction, Fraction] | None:
        """Return when the next packet begins and how long it lasts; `None` if it does not follow.

        Args:
            told: When it begins, as the container says, in seconds.
            lasts: How long it lasts, as the container says.
            exact: How long a packet of its codec lasts, where all of them do, or it says so.
        """
        at = self._at if self._at is not None else told or Fraction(0)
        if told is not None and abs(told - at) > _TOLERANCE:
            return None
        if exact is not None and lasts and abs(exact - lasts) > _ROUNDING:
            # Cut short by the container, as the last one is; or not what the codec says.
            exact = min(exact, lasts)
        if exact is None:
            # Rounded, each for itself: the container's own time is nearer to the truth.
            at = at if told is None else told
        length = exact or lasts or Fraction(0)
        self._at = at + length
        return at, length
