"""Reading a recording: from any of the API's formats to `Samples`."""

import sys
from collections.abc import Generator, Iterable, Iterator
from itertools import chain
from math import inf
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np
from av.audio.frame import AudioFrame
from av.audio.resampler import AudioResampler
from av.error import FFmpegError

from .containers import as_not_audio, audio_stream, check_length, open_container, too_long
from .errors import NotAudioError
from .formats import Format, format_like
from .frames import SAMPLE_FORMAT, to_samples
from .samples import RATE, Samples

# Formats that are entered anywhere: players skip what they cannot read, such as tags and
# other leftovers between two frames, and so do we. In the others a broken packet is damage.
_SELF_SYNCHRONIZING = ("mp3", "aac")
_LONGEST_FRAME = 2048  # samples of a frame of AAC, with spectral band replication
_LOUDEST = 4.0  # a float above +12 dBFS is no audio, and near-infinite ones stop an encoder


class Recording:
    """A file of audio, decoded as it is iterated over; a context manager.

    What the file is follows from its content, never from its name.

    Args:
        path: The file.
        max_seconds: How long it may last; found out before anything is decoded, and once more
            while that is done.

    Attributes:
        format: The format of a result that is like this recording.
        rate: Samples per second of the recording.
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
        self._container = open_container(path)
        try:
            self._stream = audio_stream(self._container)
            self._frames = self._decode()
            first = next(self._frames, None)
            if first is None:
                raise NotAudioError("The file is of an audio format, but has no audio in it.")
            self._first = first
            self.format: Format = format_like(self._container, self._stream, first)
            self.rate = first.sample_rate
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
        self._frames.close()
        self._container.close()

    def blocks(self) -> Iterator[Samples]:
        """Yield the whole recording at 48 kHz; can be called once.

        Raises:
            NotAudioError: It is broken further on.
            TooLongError: It lasts longer than its packets say, and than is allowed.
        """
        duration = self._declared_duration()
        if duration is None:
            yield from self._resampled()
            return
        slack = _LONGEST_FRAME * RATE // self.rate
        if (yield from _without_surplus(self._resampled(), round(duration * RATE), slack)):
            self.length = round(duration * self.rate)

    def _declared_duration(self) -> float | None:
        # A decoder of AAC gives whole frames; where the recording ends within the last one
        # stands in the container. ADTS has no duration: FFmpeg guesses one from the bit rate.
        stream = self._stream
        if "mp4" in self._container.format.name and stream.duration and stream.time_base:
            return float(stream.duration * stream.time_base)
        return None

    def _decode(self) -> Generator[AudioFrame]:
        skips = self._container.format.name in _SELF_SYNCHRONIZING
        seconds = 0.0
        try:
            for packet in self._container.demux(self._stream):
                try:
                    frames = packet.decode()
                except FFmpegError as error:
                    # A decoder opens no file: whatever it complains of is the packet. (That of
                    # AAC says "not permitted" for some.)
                    if not skips:
                        raise NotAudioError(_broken(seconds)) from error
                    continue
                for frame in frames:
                    if frame.samples:
                        seconds += frame.samples / frame.sample_rate
                        if seconds > self._max_seconds:
                            raise too_long(self._max_seconds)
                        yield frame
        except FFmpegError as error:
            raise as_not_audio(error, _broken(seconds)) from error

    def _resampled(self) -> Iterator[Samples]:
        resampler: AudioResampler | None = None
        shape: tuple[object, ...] = ()
        length = 0.0
        for frame in chain([self._first], self._frames):
            length += frame.samples * self.rate / frame.sample_rate
            # Recordings that were glued together (MP3) change their shape on the way; the first
            # one's number of channels is kept.
            if shape != (now := (frame.format.name, frame.layout.name, frame.sample_rate)):
                if resampler is not None:
                    yield from _arrays(resampler.resample(None))
                same = frame.layout.nb_channels == self.format.channels
                layout = frame.layout if same else self.format.layout
                resampler, shape = AudioResampler(SAMPLE_FORMAT, layout, RATE), now
            frame.pts = None  # gaps between timestamps are no silence
            assert resampler is not None
            yield from _arrays(resampler.resample(frame))
        if resampler is not None:
            yield from _arrays(resampler.resample(None))
        # At another rate than this one, less than a millisecond is nothing to a resampler.
        yield np.zeros((self.format.channels, 0), np.float32)
        self.length = round(length)


def _arrays(frames: Iterable[AudioFrame]) -> Iterator[Samples]:
    for frame in frames:
        samples = np.nan_to_num(to_samples(frame), nan=0.0, posinf=_LOUDEST, neginf=-_LOUDEST)
        yield np.clip(samples, -_LOUDEST, _LOUDEST)


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


def _broken(seconds: float) -> str:
    return f"The file is broken after {seconds:.1f} seconds."
