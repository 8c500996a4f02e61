"""A recording as browsers play it exactly, where they would not play it so as it is.

In MP3 they jump by an estimate, seconds aside; of ADTS they only guess how long it is; in FLAC
within Ogg they jump to some page nearby; AIFF and ALAC most of them do not play. All of these are
played from an MP4 instead, which has a table of its packets: the same packets where browsers know
the codec, else FLAC.
"""

from fractions import Fraction
from pathlib import Path
from typing import Any

import av
from av.audio.stream import AudioStream
from av.container import InputContainer
from av.error import FFmpegError

from audio_enhance.local.enhancer.containers import audio_stream, open_container

# By the names that FFmpeg has for a container and a codec.
_SAME_PACKETS = {("mp3", "mp3"), ("aac", "aac"), ("ogg", "flac")}
_UNKNOWN_CONTAINERS = {"aiff"}
_UNKNOWN_CODECS = {"alac", "mp1", "mp2"}
# Without a list of edits, which browsers obey in part: nothing is cut off in front, neither by them
# nor by whoever measures the copy. The table comes first, so that the first look finds it.
_MUXER = {"use_editlist": "0", "movflags": "faststart"}


def playable_copy(path: Path, target: Path) -> bool:
    """Write a copy for players where one is needed; blocks, at constant memory.

    Args:
        path: The recording.
        target: The copy, an MP4. A file that is there is replaced.

    Returns:
        Whether there is a copy. Otherwise the recording is to be played as it is.

    Raises:
        NotAudioError: It is not audio.
        OSError: It cannot be read, or there is no room for the copy.
    """
    with open_container(path) as container:
        stream = audio_stream(container)
        kind = container.format.name, stream.codec.canonical_name
        try:
            if kind in _SAME_PACKETS:
                _remux(container, stream, target)
            elif kind[0] in _UNKNOWN_CONTAINERS or kind[1] in _UNKNOWN_CODECS:
                _encode(container, stream, target)
            else:
                return False
        except (FFmpegError, ValueError) as error:  # what the container cannot hold, or is broken
            target.unlink(missing_ok=True)
            if isinstance(error, OSError):
                raise
            return False
    return True


def _written_to(target: Path) -> Any:  # PyAV's stubs do not know muxers
    return av.open(f"file:{target}", "w", format="mp4", options=_MUXER)


def _remux(container: InputContainer, stream: AudioStream, target: Path) -> None:
    with _written_to(target) as out:
        copy = out.add_stream_from_template(stream)
        for packet in container.demux(stream):
            if packet.size and packet.dts is not None:
                packet.stream = copy
                out.mux(packet)


def _encode(container: InputContainer, stream: AudioStream, target: Path) -> None:
    with _written_to(target) as out:
        flac = out.add_stream("flac", rate=stream.rate, layout=stream.layout)
        flac.format = "s16" if stream.format.packed.name in ("u8", "s16") else "s32"
        samples = 0
        for frame in container.decode(stream):
            frame.pts, frame.time_base = samples, Fraction(1, stream.rate)
            samples += frame.samples
            out.mux(flac.encode(frame))
        out.mux(flac.encode(None))
