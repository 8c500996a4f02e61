"""The enhanced sound as a track of a video: copied as it came, or encoded. It blocks."""

from collections.abc import Iterator
from fractions import Fraction
from threading import Event
from typing import TYPE_CHECKING, Any, BinaryIO, Self, cast

import av
from av.audio.frame import AudioFrame
from av.audio.stream import AudioStream
from av.container import InputContainer
from av.error import FFmpegError

from audio_enhance._core.errors import CorruptTransferError, JobCancelledError

from .decoding import continuous, encoded, layout_of
from .kinds import codec_in, encoder_of, is_lossless, may_be_copied
from .opening import LENIENT
from .sound import Sound

if TYPE_CHECKING:
    from av.packet import Packet

# The demuxers that read what the sound is sent as, and what else it may come back as.
_DEMUXERS = "wav,aiff,flac,mp3,aac,ogg,mov,mp4,m4a"
# Further from the length that it had than the frames of any codec: it is made to fit.
_FITS = Fraction(1, 20)
# What AAC has (ISO/IEC 14496-3, table 1.18), as far as sound for people is recorded at.
_AAC_RATES = (96_000, 88_200, 64_000, 48_000, 44_100, 32_000, 24_000, 22_050, 16_000, 11_025, 8_000)
_OPUS_RATE = 48_000
_PCM_FRAME = 1024  # samples; its encoders take any number
_LEAST_BITS, _MOST_BITS = 64_000, 256_000  # a second, of each channel that is encoded once more


class EnhancedSound:
    """The result of an enhancement, opened to become a track; a context manager.

    Args:
        file: The path of the enhanced sound, or a file object.
        sound: What is known of the sound that it was made from.
        muxer: FFmpeg's name of the kind of video that it goes into.
        cancelled: Stops it early.

    Raises:
        CorruptTransferError: It is no sound that can be read.
    """

    def __init__(self, file: str | BinaryIO, sound: Sound, muxer: str, cancelled: Event) -> None:
        self._sound = sound
        self._muxer = muxer
        self._cancelled = cancelled
        self._container: InputContainer = _opened(file)
        self._track: AudioStream = self._container.streams.audio[0]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self._container.close()

    @property
    def _fits(self) -> bool:
        track = self._track
        if track.duration is None or track.time_base is None:
            return False
        return abs(track.duration * track.time_base - self._sound.duration) <= _FITS

    def add_to(self, out: Any) -> "tuple[AudioStream, Iterator[Packet[AudioStream]]]":
        """Add the track to a video, and return it with its packets, in the order of their times."""
        codec = self._track.codec.canonical_name
        if self._fits and may_be_copied(codec, self._muxer, self._sound.codec):
            stream = out.add_stream_from_template(self._track, opaque=True)
            return stream, self._copied(stream)
        stream = self._encoder(out)
        return stream, self._encoded(stream)

    def _copied(self, stream: AudioStream) -> "Iterator[Packet[AudioStream]]":
        for packet in self._packets():
            if not packet.size:
                continue
            later = round(self._sound.start / packet.time_base)
            packet.pts = None if packet.pts is None else packet.pts + later
            packet.dts = None if packet.dts is None else packet.dts + later
            packet.stream = stream
            yield packet

    def _packets(self) -> "Iterator[Packet[AudioStream]]":
        for packet in self._container.demux(self._track):
            if self._cancelled.is_set():
                raise JobCancelledError("The video is no longer needed.")
            yield packet

    def _encoder(self, out: Any) -> AudioStream:
        codec = codec_in(self._muxer, self._sound.codec)
        context = self._track.codec_context
        rate = context.sample_rate
        if codec == "aac":
            rate = min((known for known in _AAC_RATES if known >= rate), default=_AAC_RATES[0])
        elif codec == "opus":
            rate = _OPUS_RATE
        stream = cast(
            "AudioStream",
            out.add_stream(encoder_of(codec), rate=rate, layout=layout_of(context.layout)),
        )
        if codec in ("flac", "alac"):
            planar = "p" if codec == "alac" else ""
            stream.format = ("s32" if context.format.bytes > 2 else "s16") + planar
        elif not is_lossless(codec):
            channels = context.channels
            wanted = max(self._sound.bit_rate or 0, self._track.bit_rate or 0)
            stream.bit_rate = min(max(wanted, _LEAST_BITS * channels), _MOST_BITS * channels)
        return stream

    def _encoded(self, stream: AudioStream) -> "Iterator[Packet[AudioStream]]":
        context, rate = stream.codec_context, stream.rate
        context.open()  # which tells how many samples it wants in a frame
        frames = continuous(
            self._frames(),
            start=Fraction(0),
            rate=rate,
            sample_format=context.format.name,
            layout=layout_of(context.layout),
            frame_size=context.frame_size or _PCM_FRAME,
            length=round(self._sound.duration * rate),
        )
        yield from encoded(stream, frames, start=round(self._sound.start * rate))

    def _frames(self) -> Iterator[AudioFrame]:
        for packet in self._packets():
            yield from (frame for frame in packet.decode() if frame.samples)


def _opened(file: str | BinaryIO) -> InputContainer:
    try:
        container: InputContainer = av.open(
            f"file:{file}" if isinstance(file, str) else file,
            "r",
            container_options={"format_whitelist": _DEMUXERS},
            **LENIENT,
        )
    except FFmpegError as error:
        raise not_a_sound() from error
    if not container.streams.audio:
        container.close()
        raise not_a_sound()
    return container


def not_a_sound() -> CorruptTransferError:
    """Return the error that says that what came back cannot be read."""
    return CorruptTransferError("The result is not sound that can go back into the video.")
