"""Small videos, made by FFmpeg, and what FFmpeg's own prober says of them."""

import asyncio
import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import attrs
import av

from .tools import path_of

_PICTURE = ("-f", "lavfi", "-i", "testsrc2=size=64x36:rate=25:duration=1.2")
_X264 = ("-c:v", "libx264", "-preset", "ultrafast", "-bf", "2", "-pix_fmt", "yuv420p")
_CHAPTERS = """;FFMETADATA1
title=Film
[CHAPTER]
TIMEBASE=1/1000
START=0
END=500
title=One
[CHAPTER]
TIMEBASE=1/1000
START=500
END=1200
title=Two
"""
_SUBTITLES = "1\n00:00:00,200 --> 00:00:00,700\nHello\n\n2\n00:00:00,800 --> 00:00:01,100\nthere\n"


def sound(seconds: float = 1.2, *, rate: int = 48_000, tone: int = 440) -> tuple[str, ...]:
    """Return the arguments that make a sound of FFmpeg."""
    return ("-f", "lavfi", "-i", f"sine=f={tone}:d={seconds}:r={rate}")


def make(path: Path, *arguments: str, picture: bool = True) -> Path:
    """Make a video of a picture and what the arguments say."""
    inputs = _PICTURE if picture else ()
    command = [path_of("ffmpeg"), "-v", "error", "-y", *inputs, *arguments, str(path)]
    subprocess.run(command, check=True)
    return path


def delayed(path: Path) -> Path:
    """Make an MP4 whose sound begins half a second after the picture, in German."""
    late = ("-itsoffset", "0.5", *sound(0.7, rate=44_100))
    language = ("-metadata:s:a", "language=deu", "-metadata", "title=A talk")
    return make(path, *late, *_X264, "-c:a", "aac", *language)


def plain(path: Path, seconds: float = 1.2, codec: str = "aac", *arguments: str) -> Path:
    """Make a video with one sound track, of any length and codec."""
    return make(path, *sound(seconds), *_X264, "-c:a", codec, *arguments)


def surround(path: Path) -> Path:
    """Make a video with sound that the API does not take, in six channels."""
    return plain(path, 1.2, "ac3", "-ac", "6")


def rotated(path: Path) -> Path:
    """Make a video as phones do that are held upright."""
    turned = plain(path.with_stem("unturned"))
    arguments = ("-i", str(turned), "-c", "copy", "-metadata:s:v:0", "rotate=90")
    return make(path, *arguments, picture=False)


def with_gap(path: Path) -> Path:
    """Make a video whose sound was paused for 0.4 seconds."""
    paused = "[1:a]aselect='not(between(t,0.4,0.8))'[a]"
    maps = ("-filter_complex", paused, "-map", "0:v", "-map", "[a]")
    return make(path, *sound(), *maps, *_X264, "-c:a", "aac")


def rich(path: Path) -> Path:
    """Make an MKV with two sound tracks, subtitles, chapters and an attachment."""
    (folder := path.parent).joinpath("subtitles.srt").write_text(_SUBTITLES)
    folder.joinpath("chapters.txt").write_text(_CHAPTERS)
    folder.joinpath("font.ttf").write_bytes(b"no font at all")
    inputs = (*sound(), *sound(tone=300))
    texts = ("-i", str(folder / "subtitles.srt"), "-i", str(folder / "chapters.txt"))
    maps = ("-map", "0", "-map", "1", "-map", "2", "-map", "3", "-map_metadata", "4")
    attached = ("-attach", str(folder / "font.ttf"), "-metadata:s:t", "mimetype=font/ttf")
    about = ("-metadata:s:a:0", "language=eng", "-metadata:s:a:0", "title=Speech")
    other = ("-metadata:s:a:1", "language=fra", "-disposition:a:1", "comment")
    codecs = (*_X264, "-c:a", "libopus", "-c:s", "subrip")
    chapters = ("-map_chapters", "4")
    return make(path, *inputs, *texts, *maps, *chapters, *codecs, *attached, *about, *other)


def webm(path: Path) -> Path:
    """Make a WebM with VP9 and Opus."""
    fast = ("-c:v", "libvpx-vp9", "-deadline", "realtime", "-cpu-used", "8")
    return make(path, *sound(), *fast, "-pix_fmt", "yuv420p", "-c:a", "libopus")


def chapters_and_time_code(path: Path) -> Path:
    """Make a MOV with chapters, a time code and PCM."""
    path.parent.joinpath("chapters.txt").write_text(_CHAPTERS)
    texts = ("-i", str(path.parent / "chapters.txt"), "-map", "0", "-map", "1")
    about = ("-map_metadata", "2", "-map_chapters", "2", "-timecode", "01:00:00:00")
    return make(path, *sound(), *texts, *about, *_X264, "-c:a", "pcm_s16le")


def for_quicktime(path: Path) -> Path:
    """Make a video with HEVC under the name by which QuickTime plays it."""
    codec = ("-c:v", "libx265", "-x265-params", "log-level=none", "-tag:v", "hvc1")
    return make(path, *sound(), *codec, "-pix_fmt", "yuv420p", "-c:a", "aac")


def silent(path: Path) -> Path:
    """Make a video without any sound."""
    return make(path, *_X264)


@attrs.frozen
class Told:
    """What FFmpeg's prober says of a video.

    Attributes:
        packets: The tracks, times and MD5 of all packets.
        about: What it says of itself and of its tracks, without what is new in each file.
        seconds: How long it says that it lasts.
    """

    packets: list[tuple[Any, ...]]
    about: dict[str, Any]
    seconds: float

    def beside(self, track: int) -> list[tuple[Any, ...]]:
        """Return the packets that are not of a track."""
        return [packet for packet in self.packets if packet[0] != track]


def probed(path: Path) -> Told:
    """Return what FFmpeg's prober says of a video."""
    packets = "packet=stream_index,pts_time,dts_time,data_hash"
    tracks = (
        ":stream=index,codec_type,codec_tag_string:stream_disposition:stream_tags:stream_side_data"
    )
    rest = ":format=duration:format_tags:chapter=start_time,end_time:chapter_tags"
    command = ["ffprobe", "-v", "error", "-show_entries", packets + tracks + rest]
    command += ["-show_data_hash", "md5", "-of", "json", str(path)]
    told = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
    found = [
        tuple(one.get(key, "") for key in ("stream_index", "pts_time", "dts_time", "data_hash"))
        for one in told.pop("packets")
    ]
    seconds = float(told["format"].pop("duration"))
    return Told(sorted(found), _without_new(told), seconds)


_NEW = ("encoder", "DURATION", "ENCODER", "handler_name")


def _without_new(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _without_new(one) for name, one in value.items() if name not in _NEW}
    return [_without_new(one) for one in value] if isinstance(value, list) else value


def heard(path: Path, track: int = 0) -> tuple[float, float]:
    """Return when the sound of a track begins and ends, in seconds, as a decoder hears it."""
    with av.open(str(path)) as container:
        frames = [frame for frame in container.decode(audio=track) if frame.pts is not None]
    first, last = frames[0], frames[-1]
    assert first.pts is not None
    assert last.pts is not None
    assert last.time_base is not None
    begin = float(first.pts * last.time_base)
    return begin, float(last.pts * last.time_base) + last.samples / last.sample_rate


class Copying:
    """Stands in for an enhancer where the result has to be a sound: it is the one that was sent."""

    async def enhance(
        self, source: Path, destination: Path, *, content_type: str, strength: int
    ) -> None:
        """Copy it."""
        await asyncio.to_thread(shutil.copyfile, source, destination)

    async def close(self) -> None:
        """Do nothing."""
