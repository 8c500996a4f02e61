"""Where each frame of a recording belongs, by the container's own clock.

A decoder hands over what there is. Where a recorder was paused, the network was lost or a page of
the file is damaged, the clock goes on, and so does a player: what is missing is silent.
"""

from fractions import Fraction
from typing import TYPE_CHECKING, NamedTuple

from av.audio.frame import AudioFrame
from av.audio.stream import AudioStream

from .errors import NotAudioError
from .findings import Findings
from .formats import MP4

if TYPE_CHECKING:
    from av.packet import Packet

# Formats that are entered anywhere: players skip what they cannot read, such as tags and
# other leftovers between two frames, and so do we. In the others a broken packet is damage.
_SELF_SYNCHRONIZING = ("mp3", "aac")
# Formats whose packets say when they are to be heard. The others are played one after the other.
_HAVE_A_CLOCK = (MP4, "ogg")
_JUMP = Fraction(5, 1000)  # seconds from one frame to the next that are a gap, and no rounding
# FFmpeg guesses the time of a page's first packet of Vorbis, and errs by a block.
_JUMP_OF_VORBIS = Fraction(50, 1000)
_DRIFT = Fraction(40, 1000)  # seconds that a recorder's clock may have gone ahead meanwhile
_CUT_OFF = 0.05  # seconds that a rounded duration may be wrong by
_A_DAY = 24 * 3600  # what a broken time stamp may ask for, and silence does not last


class Piece(NamedTuple):
    """What comes next.

    Attributes:
        silence: So many samples that are missing, at the recording's rate.
        frame: What follows them; None at the end.
    """

    silence: int
    frame: AudioFrame | None


class Timeline:
    """Counts samples of a recording, those included that are not there.

    Attributes:
        start: When the first sample is to be heard, in seconds of the container's clock.
        position: How many samples have passed, at the rate of the first frame.
        findings: What is wrong with the recording, as far as it has been read.
    """

    def __init__(self, stream: AudioStream) -> None:
        demuxer = stream.container.format.name
        self._stream = stream
        self._time_base = stream.time_base or Fraction(0)
        self._skips = demuxer in _SELF_SYNCHRONIZING
        self._has_clock = demuxer in _HAVE_A_CLOCK
        self._lasts_as_declared = demuxer == MP4
        self._block = _flac_block(stream) if demuxer == "flac" else None
        vorbis = stream.codec_context.codec.canonical_name == "vorbis"
        self._jump = _JUMP_OF_VORBIS if vorbis else _JUMP
        self._rate = 0
        self._clock = Fraction(0)  # until when, in seconds, the last frame lasted
        self._end = Fraction(0)  # until when the last packet lasts that has to be filled
        self._broken_at: Fraction | None = None
        self.start = Fraction(0)
        self.position = Fraction(0)
        # Now: where its decoder cannot be opened, PyAV 19 crashes when it is asked afterwards.
        self._is_xhe_aac = _is_xhe_aac(stream)
        self.findings = Findings()

    @property
    def seconds(self) -> Fraction:
        """How many seconds have passed."""
        return self.position / self._rate if self._rate else Fraction(0)

    @property
    def declared(self) -> Fraction | None:
        """How many seconds it lasts by what the container says, where that is exact."""
        # MP3 and ADTS guess it from the bit rate; in Ogg the end is where the last page is.
        if self._skips or not self._stream.duration:
            return None
        return self._stream.duration * self._time_base

    @property
    def undecodable(self) -> str:
        """What to say where nothing of it can be decoded."""
        kind = "xHE-AAC, of a kind" if self._is_xhe_aac else "of a kind"
        return f"Its sound is {kind} that cannot be decoded here."

    @property
    def broken(self) -> str | None:
        """What to say if so much of it is damaged that the rest is of no use; else None."""
        if 2 * self.findings.damaged <= self.seconds:
            return None
        if self._is_xhe_aac:
            return self.undecodable
        return f"The file is broken after {float(self._broken_at or 0):.1f} seconds."

    def add(self, frame: AudioFrame, packet: "Packet[AudioStream]") -> Piece:
        """Take in the next frame.

        Raises:
            NotAudioError: More than a day is missing before it.
        """
        time = self._time(frame, packet)
        if not self._rate:
            self._rate = frame.sample_rate
            if time is not None and self._has_clock:
                self.start = max(time, Fraction(0))
        silence = 0
        if time is not None:
            time -= self.start
            silence = self._fill(time, jump=time - self._clock)
            self._clock = time
        length = Fraction(frame.samples, frame.sample_rate)
        self._clock += length
        self.position += length * self._rate
        if self._lasts_as_declared:
            self._end = self._end_of(packet)
        return Piece(silence, frame)

    def add_damaged(self, packet: "Packet[AudioStream]") -> None:
        """Take in what could not be decoded."""
        if self._skips:
            self.findings.skipped += 1
            return
        if self._broken_at is None:
            self._broken_at = self.seconds
        self._end = self._end_of(packet)

    def finish(self) -> Piece:
        """Return what is missing at the end."""
        end = self._end if self.declared is None else min(self._end, self.declared)
        if self._block is not None and self.declared is not None:
            # FFmpeg says nothing of a last frame that is damaged. More than that was cut off.
            left = (self.declared - self.seconds) * self._rate
            end = self.declared if left <= 2 * self._block else end
        silence = self._fill(end, jump=end - self._clock)
        if self.declared is not None and self.declared - self.seconds > _CUT_OFF:
            self.findings.missing = float(self.declared - self.seconds)
        return Piece(silence, None)

    def _fill(self, time: Fraction, jump: Fraction) -> int:
        missing = time - self.seconds
        if missing <= self._jump or (jump <= self._jump and missing <= _DRIFT):
            return 0
        if missing > _A_DAY:
            raise NotAudioError(f"The file's clock jumps by {float(missing) / 3600:.0f} hours.")
        if self._broken_at is not None or self._block is not None:
            self._broken_at = self.seconds if self._broken_at is None else self._broken_at
            self.findings.damaged += float(missing)
        else:
            self.findings.gaps += float(missing)
        before, self.position = self.position, Fraction(round(time * self._rate))
        return int(self.position - round(before))

    def _end_of(self, packet: "Packet[AudioStream]") -> Fraction:
        if packet.pts is None or not packet.duration:
            return self._end
        return (packet.pts + packet.duration) * self._time_base - self.start

    def _time(self, frame: AudioFrame, packet: "Packet[AudioStream]") -> Fraction | None:
        if self._block is not None:
            number = _flac_number(packet, self._block)
            return None if number is None else Fraction(number, frame.sample_rate)
        if not self._has_clock or frame.pts is None:
            return None
        return frame.pts * (frame.time_base or self._time_base)


def _is_xhe_aac(stream: AudioStream) -> bool:
    """Return whether AAC is of type 42, USAC (ISO/IEC 14496-3, 1.6.2.1)."""
    config = stream.codec_context.extradata or b""
    # The type is 31, which stands for 32 and the next six bits.
    return stream.codec_context.name == "aac" and (
        int.from_bytes(config[:2].ljust(2, b"\0"), "big") >> 5 == 31 << 6 | 42 - 32
    )


def _flac_block(stream: AudioStream) -> int | None:
    """Return how many samples a frame has, which STREAMINFO says (RFC 9639)."""
    info = stream.codec_context.extradata or b""
    return int.from_bytes(info[2:4], "big") if len(info) >= 34 else None


def _flac_number(packet: "Packet[AudioStream]", block: int) -> int | None:
    """Return the number of a frame's first sample, out of its header (RFC 9639, 9.1).

    FFmpeg counts by itself, and loses count where a frame is damaged.
    """
    header = bytes(memoryview(packet)[:11])
    if len(header) < 11 or header[0] != 0xFF or header[1] & 0xFE != 0xF8:
        return None
    # Coded as UTF-8 codes characters, up to 36 bits.
    first = header[4]
    ones = 8 - (first ^ 0xFF).bit_length()
    if ones == 1:
        return None
    number = first & (0x7F >> ones)
    for byte in header[5 : 4 + max(ones, 1)]:
        number = number << 6 | byte & 0x3F
    return number if header[1] & 1 else number * block
