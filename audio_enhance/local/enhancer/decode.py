"""Reading a recording: from any of the API's formats to `Samples`."""

import sys
from collections.abc import Generator, Iterable, Iterator
from fractions import Fraction
from itertools import chain
from math import inf
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

import numpy as np
from av.audio.frame import AudioFrame
from av.error import FFmpegError

from .chunks import seconds_cut_off
from .containers import as_not_audio, audio_stream, check_length, open_container, too_long
from .errors import NotAudioError
from .findings import Findings
from .formats import Format, changed_codec, format_like
from .layouts import Order, layout_name, settled
from .resampling import Resampling
from .samples import RATE, Samples
from .timeline import Piece, Timeline
from .tracks import are_kept, other_tracks

if TYPE_CHECKING:
    from av.audio.stream import AudioStream
    from av.packet import Packet

_LONGEST_FRAME = 2048  # samples of a frame of AAC, with spectral band replication


class Recording:
    """A file of audio, decoded as it is iterated over; a context manager.

    What the file is follows from its content, never from its name. What is missing in it by its
    own clock is silent.

    Args:
        path: The file.
        max_seconds: How long it may last; found out before anything is decoded, and once more
            while that is done.

    Attributes:
        path: The file.
        format: The format of a result that is like this recording.
        rate: Samples per second of the recording.
        start: When its first sample is to be heard, in seconds of the container's clock.
        length: Samples a channel at the recording's own rate, once `blocks` is exhausted.

    Raises:
        NotAudioError: The file is not audio, is empty or is cut off.
        TooLongError: It lasts longer than `max_seconds`.
        OSError: It cannot be read.
    """

    def __init__(self, path: Path, *, max_seconds: float = inf) -> None:
        if max_seconds < inf:
            check_length(path, max_seconds)
        self._max_seconds = max_seconds
        self.path = path
        self._container = open_container(path)
        try:
            self._stream = audio_stream(self._container)
            order = settled(self._stream.codec_context)
            # For FLAC, whose frames have checksums; other decoders complain by themselves.
            self._stream.codec_context.options = {"err_detect": "crccheck+explode"}
            self._timeline = Timeline(self._stream)
            self.findings.missing = seconds_cut_off(path)
            if others := other_tracks(self._container):
                self.findings.kept, self.findings.left_out = (
                    (others, 0) if are_kept(self._container) else (0, others)
                )
            self._pieces = self._decode()
            self._first = next(self._pieces)
            frame = self._first.frame
            if frame is None:
                raise NotAudioError("The file is of an audio format, but has no audio in it.")
            self._order = order or Order(layout_name(frame.layout))
            layout = self._order.layout
            self.format: Format = format_like(path, self._container, self._stream, frame, layout)
            self.findings.codecs = changed_codec(self._stream, self.format)
            self.rate = frame.sample_rate
            self.start = self._timeline.start
            self.length = 0
        except BaseException:
            self._container.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        tb: TracebackType | None,
    ) -> None:
        self._pieces.close()
        self._container.close()

    @property
    def findings(self) -> Findings:
        """What is wrong with it, as far as it has been read."""
        return self._timeline.findings

    def blocks(self) -> Iterator[Samples]:
        """Yield the whole recording at 48 kHz; can be called once.

        Raises:
            NotAudioError: More than half of it is broken.
            TooLongError: It lasts longer than its packets say, and than is allowed.
        """
        duration = self._timeline.declared
        if duration is None or "mp4" not in self._container.format.name:
            yield from self._resampled()
            return
        # A decoder of AAC gives whole frames; where the recording ends within the last one
        # stands in the container.
        slack = _LONGEST_FRAME * RATE // self.rate
        if (yield from _without_surplus(self._resampled(), round(duration * RATE), slack)):
            self.length = round(duration * self.rate)

    def _decode(self) -> Generator[Piece]:
        try:
            for packet in self._container.demux(self._stream):
                for frame in self._frames_of(packet):
                    if frame.samples:
                        yield self._allowed(self._timeline.add(frame, packet))
        except FFmpegError as error:
            problem = f"The file is broken after {float(self._timeline.seconds):.1f} seconds."
            raise as_not_audio(error, problem) from error
        last = self._allowed(self._timeline.finish())
        if self._timeline.broken is not None:
            raise NotAudioError(self._timeline.broken)
        yield last

    def _frames_of(self, packet: "Packet[AudioStream]") -> list[AudioFrame]:
        try:
            return packet.decode()
        except FFmpegError:
            # A decoder opens no file: whatever it complains of is the packet. (That of AAC says
            # "not permitted" for some.)
            self._timeline.add_damaged(packet)
            return []
        except ValueError as error:  # of PyAV 19: the decoder could not be opened
            raise NotAudioError(self._timeline.undecodable) from error

    def _allowed(self, piece: Piece) -> Piece:
        if self._timeline.seconds > self._max_seconds:
            raise too_long(self._max_seconds)
        return piece

    def _resampled(self) -> Iterator[Samples]:
        """Yield samples at 48 kHz, each where its piece says, however much was rounded before."""
        resampling = Resampling(self.format.channels, self._order)
        place, ratio = Fraction(0), Fraction(RATE, self.rate)
        for silence, frame in chain([self._first], self._pieces):
            if silence:
                place += silence
                yield from resampling.silence(round(place * ratio))
            if frame is not None:
                place += Fraction(frame.samples * self.rate, frame.sample_rate)
                yield from resampling.add(frame)
        yield from resampling.flush()
        # At another rate than this one, less than a millisecond is nothing to a resampler.
        yield np.zeros((self.format.channels, 0), np.float32)
        self.length = round(place)


def _without_surplus(
    blocks: Iterable[Samples], length: int, slack: int
) -> Generator[Samples, None, bool]:
    """Leave out what comes after `length` samples, unless that is more than `slack`.

    Then the length was wrong, and everything is passed on. Returns whether something was cut.
    """
    position = 0
    surplus: list[Samples] = []
    for block in blocks:
        head, tail = np.split(block, [min(length - position, block.shape[1])], axis=1)
        position += head.shape[1]
        yield head
        if tail.shape[1]:
            surplus.append(tail)
            if sum(piece.shape[1] for piece in surplus) > slack:
                yield from surplus
                surplus, length = [], sys.maxsize
    return bool(surplus)
