"""The other tracks of sound in an MP4, which are kept as they are."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from av.audio.stream import AudioStream
from av.container import InputContainer

from .containers import open_container
from .formats import MP4

if TYPE_CHECKING:
    from collections.abc import Generator

    from av.packet import Packet


def other_tracks(container: InputContainer) -> int:
    """Return how many tracks of sound a file has besides the first."""
    return len(container.streams.audio) - 1


def are_kept(container: InputContainer) -> bool:
    """Return whether a result keeps them."""
    return container.format.name == MP4


class OtherTracks:
    """Copies packets from a recording into its result, as far as that has come.

    Args:
        source: The recording.
        target: The result (PyAV's stubs do not know what a muxer takes).
    """

    def __init__(self, source: Path, target: Any) -> None:
        self._container = open_container(source)
        self._target = target
        tracks = self._container.streams.audio[1:] if are_kept(self._container) else ()
        self._copies: dict[int, Any] = {}
        for track in tracks:
            copy = target.add_stream_from_template(track)
            copy.metadata.update(track.metadata)
            self._copies[track.index] = copy
        self._packets = self._demux(tuple(tracks))
        self._next = next(self._packets, None)

    def until(self, seconds: float) -> None:
        """Copy what is to be heard before so many seconds."""
        while self._next is not None and (self._next.dts or 0) * self._next.time_base < seconds:
            packet = self._next
            self._next = next(self._packets, None)
            packet.stream = self._copies[packet.stream_index]
            self._target.mux(packet)

    def close(self) -> None:
        """Let go of the recording."""
        self._packets.close()
        self._container.close()

    def _demux(self, tracks: tuple[AudioStream, ...]) -> "Generator[Packet[AudioStream]]":
        for packet in self._container.demux(tracks) if tracks else ():
            if packet.dts is not None and packet.size:
                yield packet
