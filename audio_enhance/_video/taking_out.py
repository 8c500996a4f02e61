"""Taking the sound out of a video: as it is where it can be sent so, else as FLAC. It blocks."""

import shutil
import tempfile
from collections.abc import Iterator
from fractions import Fraction
from itertools import chain
from threading import Event
from typing import TYPE_CHECKING, Any, BinaryIO

import attrs
import av
from av.audio.frame import AudioFrame
from av.audio.stream import AudioStream
from av.container import InputContainer
from av.error import FFmpegError

from audio_enhance._core.errors import InvalidSourceError, JobCancelledError, OutputError

from .clock import Clock, opus_seconds
from .decoding import continuous, encoded, layout_of
from .kinds import FLAC, Wrapping, is_lossless, wrapping_of
from .opening import BUFFER_BYTES, encrypted, has_picture, left_out_of, opened, reading, sound_of
from .sound import Sound

if TYPE_CHECKING:
    from av.packet import Packet

_MOST_CHANNELS = 8  # of FLAC
_FLAC_FRAME = 4608
_ROUNDED = Fraction(1, 1000)  # of Matroska
# No name, no number and no date of its own: the same video gives the same bytes once more, by
# which a journal finds what was paid for.
_SAME_EVERY_TIME = {"fflags": "+bitexact"}


def take_out(video: str | BinaryIO, into: BinaryIO, cancelled: Event) -> Sound | None:
    """Write the sound of a video to a file, and return what is known of it.

    Args:
        video: Its path, or a file object that can seek.
        into: An empty file to write to.
        cancelled: Stops it early.

    Returns:
        `None` where there is no picture: the file is a recording, and can be sent as it is.

    Raises:
        InvalidSourceError: It is no video that can be read, or has no sound.
        OutputError: There is no room for the sound.
        JobCancelledError: It was stopped.
    """
    with opened(video) as container, reading():
        if container.streams.audio and not has_picture(container):
            return None
        track = sound_of(container)
        _check_room(container, track)
        wrapping = wrapping_of(track.codec.canonical_name, _bytes_of(container, track))
        if wrapping is not None:
            sound = _copied(container, track, into, wrapping, cancelled)
            if sound is not None:
                return sound
    into.seek(0)
    into.truncate()
    if not isinstance(video, str):
        video.seek(0)
    with opened(video) as container, reading():
        return _encoded(container, sound_of(container), into, cancelled)


def _bytes_of(container: InputContainer, track: AudioStream) -> int | None:
    seconds = _seconds_of(container, track)
    return None if seconds is None or not track.bit_rate else int(seconds * track.bit_rate / 8)


def _seconds_of(container: InputContainer, track: AudioStream) -> Fraction | None:
    if track.duration is not None and track.time_base is not None:
        return track.duration * track.time_base
    return None if container.duration is None else Fraction(container.duration, av.time_base)


def _check_room(container: InputContainer, track: AudioStream) -> None:
    folder = tempfile.gettempdir()
    free = shutil.disk_usage(folder).free
    if (needed := _bytes_of(container, track) or 0) > free:
        raise OutputError(
            f"The video's sound takes {needed} bytes, and there are {free} in {folder}.",
            hint="Make room there, or point TMPDIR elsewhere.",
        )


def _facts(container: InputContainer, track: AudioStream, wrapping: Wrapping) -> Sound:
    """Return what the container says of a track before it is read."""
    return Sound(
        track=track.index,
        codec=track.codec.canonical_name,
        suffix=wrapping.suffix,
        content_type=wrapping.content_type,
        start=Fraction(0),
        duration=Fraction(0),
        rate=track.sample_rate,
        channels=track.codec_context.channels,
        bit_rate=track.bit_rate,
        others=len(container.streams.audio) - 1,
        left_out=left_out_of(container),
    )


def _writing_to(into: BinaryIO, wrapping: Wrapping) -> Any:  # PyAV's stubs do not know muxers
    options = dict(_SAME_EVERY_TIME)
    if wrapping.muxer == "mp3":
        options |= {"write_xing": "0", "id3v2_version": "0"}  # which would say that less is heard
    return av.open(
        into, "w", format=wrapping.muxer, container_options=options, buffer_size=BUFFER_BYTES
    )


def _packets(
    container: InputContainer, track: AudioStream, cancelled: Event
) -> Iterator["Packet[AudioStream]"]:
    for packet in container.demux(track):
        if cancelled.is_set():
            raise JobCancelledError("The sound is no longer needed.")
        if packet.has_sidedata("encryption_info"):
            raise encrypted()
        yield packet


def _copied(
    container: InputContainer,
    track: AudioStream,
    into: BinaryIO,
    wrapping: Wrapping,
    cancelled: Event,
) -> Sound | None:
    """Copy the track packet by packet; return `None` where that would not be the same sound."""
    rate, clock = track.sample_rate, Clock()
    start = offset = end = Fraction(0)
    first = True
    try:
        with _writing_to(into, wrapping) as out:
            copy = out.add_stream_from_template(track, opaque=True)
            for packet in _packets(container, track, cancelled):
                if not packet.size:
                    continue
                place = clock.place(*_times_of(packet, track))
                skipped, cut = skipping(packet)
                if place is None or (skipped and not first):
                    return None
                at, lasts = place
                if first:
                    first, start = False, _whole(at + Fraction(skipped, rate))
                    offset = at + Fraction(skipped, rate)
                packet.stream = copy
                packet.time_base = Fraction(1, rate)
                packet.pts = packet.dts = round((at - offset) * rate)
                packet.duration = round(lasts * rate) - cut
                end = at + lasts - Fraction(cut, rate)
                out.mux(packet)
    except (FFmpegError, ValueError):
        return None  # of a kind that the file does not take after all: it is decoded
    if first:
        raise no_sound_in_it()
    facts = _facts(container, track, wrapping)
    return attrs.evolve(facts, start=start, duration=end - offset)


def _times_of(
    packet: "Packet[AudioStream]", track: AudioStream
) -> tuple[Fraction | None, Fraction | None, Fraction | None]:
    """Return when a packet begins and how long it lasts, as the container and as the codec say."""
    begins = None if packet.pts is None else packet.pts * packet.time_base
    lasts = None if packet.duration is None else packet.duration * packet.time_base
    exact = None
    if track.codec.canonical_name == "opus":
        exact = opus_seconds(bytes(packet)[:2])
    elif frame := track.codec_context.frame_size:
        exact = Fraction(frame, track.sample_rate)
    return begins, lasts, exact


def _whole(start: Fraction) -> Fraction:
    """Return a time without what a container's rounding has added to the beginning."""
    return Fraction(0) if abs(start) <= _ROUNDED else start


def _encoded(
    container: InputContainer, track: AudioStream, into: BinaryIO, cancelled: Event
) -> Sound:
    """Encode the track as FLAC, with silence where its times leave a gap."""
    frames = _frames(container, track, cancelled)
    first = next(frames, None)
    if first is None:
        raise no_sound_in_it()
    channels, rate = first.layout.nb_channels, first.sample_rate
    if channels > _MOST_CHANNELS:
        raise InvalidSourceError(
            f"The video's sound has {channels} channels; {_MOST_CHANNELS} can be sent at most."
        )
    start = _time_of(first)
    # The decoders of lossy formats give floats; 16 bits are more than such a format has kept.
    deep = is_lossless(track.codec.canonical_name) and first.format.bytes > 2
    sample_format, layout = "s32" if deep else "s16", layout_of(first.layout)
    length = 0
    with _writing_to(into, FLAC) as out:
        stream = out.add_stream("flac", rate=rate, layout=layout, format=sample_format)
        steady = continuous(
            chain([first], frames),
            start=start,
            rate=rate,
            sample_format=sample_format,
            layout=layout,
            frame_size=_FLAC_FRAME,
        )

        def counted() -> Iterator[AudioFrame]:
            nonlocal length
            for frame in steady:
                length += frame.samples
                yield frame

        for packet in encoded(stream, counted()):
            out.mux(packet)
    facts = _facts(container, track, FLAC)
    duration = Fraction(length, rate)
    return attrs.evolve(facts, rate=rate, channels=channels, start=start, duration=duration)


def _frames(
    container: InputContainer, track: AudioStream, cancelled: Event
) -> Iterator[AudioFrame]:
    for packet in _packets(container, track, cancelled):
        yield from (frame for frame in packet.decode() if frame.samples)


def _time_of(frame: AudioFrame) -> Fraction:
    if frame.pts is None or frame.time_base is None:
        return Fraction(0)
    return frame.pts * frame.time_base


def skipping(packet: "Packet[AudioStream]") -> tuple[int, int]:
    """Return how many samples of a packet are not heard, at its beginning and at its end."""
    if not packet.has_sidedata("skip_samples"):
        return 0, 0
    data = bytes(packet.get_sidedata("skip_samples"))
    return int.from_bytes(data[:4], "little"), int.from_bytes(data[4:8], "little")


def no_sound_in_it() -> InvalidSourceError:
    """Return the error that says that a track is empty."""
    return InvalidSourceError("The video's sound track is empty.")
