"""Which format a result has: the recording's own, as far as there is an encoder for it.

================  ==============================================================
recording         result
================  ==============================================================
WAV               WAV with the same PCM encoding; of another encoding, 16-bit PCM
AIFF              AIFF with the same PCM encoding; of another encoding, 16-bit PCM
FLAC              FLAC, 16 or 24 bit as it was
MP3 (and MP2)     MP3, with a constant or a variable bit rate as it was
M4A, MP4, MOV     the same container with ALAC, FLAC or PCM as it was, or else AAC at the next rate
                  that AAC has
ADTS (raw AAC)    ADTS
Ogg with Opus     Ogg with Opus
Ogg with FLAC     Ogg with FLAC
Ogg with Vorbis   Ogg with Vorbis, or with Opus at 48 kHz where libsndfile does not work
================  ==============================================================

A lossy result has the recording's bit rate, but 64 to 256 kbit/s a channel: what is encoded for
the second time needs some to spare.
"""

from pathlib import Path
from typing import Any

import attrs
import av
from av.audio.frame import AudioFrame
from av.audio.stream import AudioStream
from av.container import InputContainer

from .errors import NotAudioError
from .layouts import MOST_CHANNELS, encodable
from .libsndfile import writes_vorbis
from .mp3 import varies_bit_rate

# FFmpeg's names of the demuxers for the API's content types. What is not in this list is not
# even probed: playlists (HLS, concat) would read other files.
DEMUXERS = "wav,aiff,flac,mp3,aac,ogg,mov,mp4,m4a"
MP4 = "mov,mp4,m4a,3gp,3g2,mj2"  # FFmpeg's name of the one that reads MP4 and its kin

_RATES = range(4_000, 384_001)
# ISO/IEC 14496-3, table 1.18. MP4 holds PCM, FLAC and more, too, at any rate.
_AAC_RATES = (
    *(96_000, 88_200, 64_000, 48_000, 44_100, 32_000, 24_000),
    *(22_050, 16_000, 12_000, 11_025, 8_000, 7_350),
)
_NO_BIT_RATE = 1 << 31  # and more: the negative numbers that Vorbis may say
_MP4_AUDIO_BRANDS = ("M4A ", "M4B ")


@attrs.frozen(kw_only=True)
class Format:
    """How a result is encoded.

    Attributes:
        container: FFmpeg's name of the muxer.
        codec: FFmpeg's name of the encoder.
        options: Options of the muxer.
        encoding: Options of the encoder.
        rate: Samples per second.
        layout: FFmpeg's name of the channel layout.
        channels: How many channels that layout has.
        sample_format: FFmpeg's name of the sample format where it decides on the bit depth.
        bit_rate: Bits per second of a lossy encoding.
        leading_packets: How many packets at the beginning hold nothing but the encoder's delay,
            in a container that cannot say so.
    """

    container: str
    codec: str
    options: dict[str, str] = attrs.field(factory=dict[str, str])
    encoding: dict[str, str] = attrs.field(factory=dict[str, str])
    rate: int
    layout: str
    channels: int
    sample_format: str | None = None
    bit_rate: int | None = None
    leading_packets: int = 0


def format_like(
    path: Path, container: InputContainer, stream: AudioStream, frame: AudioFrame, layout: str
) -> Format:
    """Return the format of the result for a recording.

    Args:
        path: The recording.
        container: The same, open.
        stream: The sound in it.
        frame: Its first decoded frame.
        layout: FFmpeg's name of the layout of its channels.

    Raises:
        NotAudioError: It has more than 8 channels, or a sample rate outside 4 to 384 kHz.
    """
    channels, rate = frame.layout.nb_channels, frame.sample_rate
    if not 1 <= channels <= MOST_CHANNELS:
        raise NotAudioError(
            f"The file has {channels} channels; up to {MOST_CHANNELS} can be enhanced."
        )
    if rate not in _RATES:
        raise NotAudioError(f"The file has a sample rate of {rate} Hz; 4 to 384 kHz is possible.")

    codec = stream.codec_context.codec.canonical_name
    total = stream.bit_rate or 0
    if not 0 < total < _NO_BIT_RATE:
        total = container.bit_rate or 0
    lossy = {"bit_rate": min(max(total, 64_000 * channels), 256_000 * channels)}
    # Decoders name formats, and encoders take formats, by depth and arrangement.
    depth = {"sample_format": frame.format.name}
    result: dict[str, Any]
    match container.format.name:
        case "wav":
            # RF64 is WAV beyond 4 GiB (EBU Tech 3306).
            result = {"container": "wav", "codec": _pcm(codec, "le"), "options": {"rf64": "auto"}}
        case "aiff":
            result = {"container": "aiff", "codec": _pcm(codec, "be")}
        case "flac":
            result = {"container": "flac", "codec": "flac", **depth}
        case "mp3":
            result = {"container": "mp3", "codec": "libmp3lame", **lossy}
        case "aac":
            # ADTS has no place for the encoder's delay of one frame, so the frame goes.
            result = {"container": "adts", "codec": "aac", "leading_packets": 1, **lossy}
        case "ogg" if codec == "flac":
            result = {"container": "ogg", "codec": "flac", **depth}
        case "ogg" if codec == "vorbis" and writes_vorbis():
            result = {"container": "ogg", "codec": "vorbis", **lossy}
        case "ogg":
            rate = 48_000  # all that libopus takes of what people record at
            result = {"container": "ogg", "codec": "libopus", **lossy}
        case _:  # mov, mp4 and their kin are one demuxer
            kept: dict[str, Any] = {"codec": codec, **depth}
            if codec.startswith("pcm_") and codec in av.codecs_available:
                kept = {"codec": codec}
            elif codec not in ("alac", "flac"):
                rate, kept = _aac_rate(rate), {"codec": "aac", **lossy}
            brand = container.metadata.get("major_brand", "")
            result = {
                "container": "mov" if brand == "qt  " else "mp4",
                # The edit list, which cuts off the encoder's delay and the last frame's padding,
                # counts in these; the default of 1000 a second rounds the duration.
                "options": {"movie_timescale": str(rate)},
                **kept,
            }
            if brand in _MP4_AUDIO_BRANDS:
                result["options"]["brand"] = brand
    layout, encoding = encodable(result["codec"], layout)
    if result["codec"] == "libmp3lame" and varies_bit_rate(path):
        encoding["abr"] = "1"  # as much on average, more where more is to be heard
    return Format(rate=rate, layout=layout, channels=channels, encoding=encoding, **result)


def changed_codec(stream: AudioStream, result: Format) -> tuple[str, str] | None:
    """Return the names of a recording's codec and of its result's, if these are two."""
    before = stream.codec_context.codec.canonical_name
    after = av.Codec(result.codec, "w").canonical_name
    return None if before == after else (before, after)


def _aac_rate(rate: int) -> int:
    """Return the rate itself if AAC has it, or the next higher one, or the highest."""
    return min((known for known in _AAC_RATES if known >= rate), default=max(_AAC_RATES))


def _pcm(codec: str, endian: str) -> str:
    """Return the recording's own PCM encoding where it is one."""
    if codec.startswith("pcm_") and codec in av.codecs_available:
        return codec
    return f"pcm_s16{endian}"
