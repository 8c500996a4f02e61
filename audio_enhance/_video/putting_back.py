"""Putting the enhanced sound back beside the untouched picture. It blocks."""

import errno
import os
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from fractions import Fraction
from threading import Event
from typing import TYPE_CHECKING, Any, BinaryIO

import av
from av.container import InputContainer
from av.error import FFmpegError
from av.stream import AttachmentStream, Disposition, Stream

from audio_enhance._core.errors import CorruptTransferError, InvalidSourceError, JobCancelledError

from .kinds import muxer_of
from .new_track import EnhancedSound
from .opening import BUFFER_BYTES, LENIENT, opened, reading
from .sound import Sound

if TYPE_CHECKING:
    from av.audio.stream import AudioStream
    from av.packet import Packet

# What tools note about a track in Matroska, which is not true of the new one.
_STATISTICS = ("BPS", "DURATION", "ENCODER", "NUMBER_OF_BYTES", "NUMBER_OF_FRAMES", "_STATISTICS")
_OF_THE_DISK = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EROFS, errno.EACCES)


def put_back(
    video: str | BinaryIO,
    sound: Sound,
    enhanced: str | BinaryIO,
    into: str | BinaryIO,
    suffix: str,
    cancelled: Event,
) -> None:
    """Write a video with the enhanced sound in the place of the one that was taken out.

    Args:
        video: Its path, or a file object that can seek.
        sound: What `take_out` returned.
        enhanced: The path of the result, or a file object.
        into: The path of the file to be written, or a file object.
        suffix: What the video's name ends in.
        cancelled: Stops it early.

    Raises:
        InvalidSourceError: The video cannot be read any more.
        CorruptTransferError: The result is no sound.
        OSError: The file cannot be written.
        JobCancelledError: It was stopped.
    """
    covers = _covers(video)
    with _writing(), opened(video) as film:
        muxer = muxer_of(film.format.name, suffix)
        with (
            EnhancedSound(enhanced, sound, muxer, cancelled) as result,
            _opened_for_writing(into, muxer) as out,
        ):
            _remuxed(film, sound, result, covers, out, cancelled)


def _opened_for_writing(into: str | BinaryIO, muxer: str) -> Any:  # PyAV's stubs do not know muxers
    # Every time stays what it was, those before 0 included.
    options = {"avoid_negative_ts": "disabled"}
    if muxer in ("mov", "mp4"):
        options["movie_timescale"] = "90000"  # of the edit lists, which 1000 would round
    return av.open(
        f"file:{into}" if isinstance(into, str) else into,
        "w",
        format=muxer,
        container_options=options,
        buffer_size=BUFFER_BYTES,
        **LENIENT,
    )


@contextmanager
def _writing() -> Generator[None]:
    """Raise what FFmpeg complains of meanwhile as what it is: the disk's, or the sound's."""
    try:
        yield
    except FFmpegError as error:
        if error.errno in _OF_THE_DISK:
            raise OSError(error.errno, os.strerror(error.errno)) from error
        raise CorruptTransferError(
            f"The enhanced sound cannot be put back into the video: {error.strerror}."
        ) from error


def _remuxed(
    film: InputContainer,
    sound: Sound,
    result: EnhancedSound,
    covers: dict[int, bytes],
    out: Any,
    cancelled: Event,
) -> None:
    out.metadata.update(film.metadata)
    out.set_chapters(film.chapters())
    copies: dict[int, Any] = {}
    news: Iterator[Packet[AudioStream]] = iter(())
    for stream in film.streams:
        if stream.index == sound.track:
            track, news = result.add_to(out)
            _describe(track, stream)
        elif stream.index in covers and "matroska" in out.format.name:
            # There a picture that does not move is an attachment, though it is read as a track.
            told = stream.metadata
            name, kind = told.get("filename", "cover.jpg"), told.get("mimetype", "image/jpeg")
            out.add_attachment(name, kind, covers[stream.index])
        elif not _is_written_anew(stream, out):
            copies[stream.index] = _copy_of(stream, out)
    pending = next(news, None)
    for packet in film.demux(
        *[film.streams[index] for index in copies if _has_packets(film, index)]
    ):
        if cancelled.is_set():
            raise JobCancelledError("The video is no longer needed.")
        if packet.dts is None and not packet.size:
            continue
        while pending is not None and _time_of(pending) <= _time_of(packet):
            out.mux(pending)
            pending = next(news, None)
        packet.stream = copies[packet.stream_index]
        out.mux(packet)
    while pending is not None:
        out.mux(pending)
        pending = next(news, None)


def _covers(video: str | BinaryIO) -> dict[int, bytes]:
    """Return the pictures of a video that do not move, by their tracks."""
    covers: dict[int, bytes] = {}
    with opened(video) as film, reading():
        for stream in film.streams.video:
            if Disposition.attached_pic & stream.disposition:
                # It comes before everything else.
                covers[stream.index] = next((bytes(one) for one in film.demux(stream)), b"")
    if not isinstance(video, str):
        video.seek(0)
    return covers


def _has_packets(film: InputContainer, index: int) -> bool:
    return not isinstance(film.streams[index], AttachmentStream)


def _is_written_anew(stream: Stream, out: Any) -> bool:
    """Whether a muxer makes a track by itself: QuickTime's chapters and time codes."""
    return stream.type == "data" and out.format.name in ("mov", "mp4")


def _copy_of(stream: Any, out: Any) -> Any:
    try:
        copy: Any = out.add_stream_from_template(stream, opaque=True)
    except (FFmpegError, ValueError) as error:
        raise InvalidSourceError(
            f"The video has a {stream.type} track that cannot be copied.",
            hint="Leave that track out of the video.",
        ) from error
    if out.format.name in ("mov", "mp4") and stream.type != "attachment":
        copy.codec_tag = stream.codec_tag  # hvc1 and hev1 are one codec, and not to every player
    _describe(copy, stream, all_of_it=True)
    return copy


def _describe(copy: Stream, stream: Stream, *, all_of_it: bool = False) -> None:
    copy.disposition = stream.disposition
    for name, value in stream.metadata.items():
        if all_of_it or not name.upper().startswith(_STATISTICS):
            copy.metadata[name] = value


def _time_of(packet: Any) -> Fraction:
    at = packet.pts if packet.dts is None else packet.dts
    return Fraction(0) if at is None else at * packet.time_base
