"""What a file has besides its sound: tags, chapters and pictures.

FFmpeg reads and writes them in each format's own way. What WAV and AIFF have is copied as it is
(`chunks`).
"""

import base64
import struct
from typing import TYPE_CHECKING, Any

from av.container import InputContainer
from av.stream import Disposition
from av.video.stream import VideoStream

if TYPE_CHECKING:
    from av.packet import Packet

# What FFmpeg says of the file itself, and not its owner.
_OF_THE_FILE = ("encoder", "major_brand", "minor_version", "compatible_brands")
_TYPES = {"png": "image/png", "mjpeg": "image/jpeg", "gif": "image/gif", "bmp": "image/bmp"}
_FRONT = 3  # the cover, of all kinds of pictures (RFC 9639, 8.8)


def carry_over(
    source: InputContainer, target: Any, sound: Any, *, is_ogg: bool
) -> "list[Packet[VideoStream]]":
    """Give a result what a recording has besides its sound.

    Args:
        source: The recording, just opened.
        target: The result (PyAV's stubs do not know what a muxer takes).
        sound: Its stream.
        is_ogg: Whether pictures are tags, as in Ogg.

    Returns:
        The pictures, which have to be written first.
    """
    target.metadata.update(_tags(source.metadata))
    sound.metadata.update(_tags(source.streams.audio[0].metadata))
    target.set_chapters(source.chapters())
    pictures = _pictures(source)
    if is_ogg:
        # Of several tags with one name FFmpeg writes the last; one is what players show.
        for stream, packet in pictures[:1]:
            sound.metadata["METADATA_BLOCK_PICTURE"] = _block(stream, packet)
        return []
    for stream, packet in pictures:
        copy = target.add_stream_from_template(stream)
        copy.disposition = Disposition.attached_pic
        copy.metadata.update(stream.metadata)
        packet.stream = copy
        packet.pts = packet.dts = 0
    return [packet for _, packet in pictures]


def _tags(metadata: dict[str, str]) -> dict[str, str]:
    return {name: text for name, text in metadata.items() if name not in _OF_THE_FILE}


def _pictures(source: InputContainer) -> "list[tuple[VideoStream, Packet[VideoStream]]]":
    streams = [
        stream for stream in source.streams.video if stream.disposition & Disposition.attached_pic
    ]
    found: list[tuple[VideoStream, Packet[VideoStream]]] = []
    for packet in source.demux(tuple(streams)) if streams else ():
        # They come before everything else.
        if packet.size:
            found.append((packet.stream, packet))
        if len(found) == len(streams):
            break
    return found


def _block(stream: VideoStream, packet: "Packet[VideoStream]") -> str:
    """Return a picture as FLAC and Ogg have it."""
    kind = _TYPES.get(stream.codec_context.name, "image/").encode()
    data = bytes(packet)
    block = struct.pack(">II", _FRONT, len(kind)) + kind
    block += struct.pack(">IIIIII", 0, stream.width, stream.height, 0, 0, len(data)) + data
    return base64.b64encode(block).decode()
