"""Sound that is decoded to one continuous stretch, silence where there is none. It blocks."""

from collections.abc import Iterable, Iterator
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from av.audio.frame import AudioFrame
from av.audio.layout import AudioLayout
from av.error import BlockingIOError as NotYetError
from av.error import EOFError as OverError
from av.filter.graph import Graph

if TYPE_CHECKING:
    from av.audio.stream import AudioStream
    from av.packet import Packet

# Further apart than a container rounds, in seconds: less is neither a gap nor an overlap.
_GAP = 0.02
# FFmpeg's names of the layouts that so many channels usually are.
_USUAL = dict(enumerate(("mono", "stereo", "2.1", "quad", "5.0", "5.1", "6.1", "7.1"), start=1))


def continuous(
    frames: Iterable[AudioFrame],
    *,
    start: Fraction,
    rate: int,
    sample_format: str,
    layout: str,
    frame_size: int = 0,
    length: int | None = None,
) -> Iterator[AudioFrame]:
    """Yield the same sound from a time on, with silence in its gaps, and its times in samples.

    Args:
        frames: What a decoder gave.
        start: The time that becomes 0, in seconds.
        rate: Samples per second that it is to have.
        sample_format: FFmpeg's name of the format that it is to have.
        layout: FFmpeg's name of the channels that it is to have.
        frame_size: Samples of each frame where an encoder wants so many, or 0.
        length: Samples of the whole, with silence or a cut at its end; what there is if `None`.
    """
    graph: Graph | None = None
    for frame in frames:
        if graph is None:
            graph = _graph(frame, rate, sample_format, layout, length)
            if frame_size:
                graph.set_audio_frame_size(frame_size)
        if frame.pts is not None and frame.time_base is not None:
            frame.pts = round((frame.pts * frame.time_base - start) * frame.sample_rate)
            frame.time_base = Fraction(1, frame.sample_rate)
        graph.push(frame)
        yield from _ready(graph)
    if graph is not None:
        graph.push(None)
        yield from _ready(graph)


def layout_of(layout: AudioLayout) -> str:
    """Return the name of a layout, and of the usual one where only its channels are counted."""
    name = layout.name
    return _USUAL.get(layout.nb_channels, name) if name.endswith(" channels") else name


def _graph(
    first: AudioFrame, rate: int, sample_format: str, layout: str, length: int | None
) -> Graph:
    graph = Graph()
    nodes = [
        graph.add_abuffer(
            sample_rate=first.sample_rate,
            format=first.format.name,
            layout=layout_of(first.layout),
            time_base=Fraction(1, first.sample_rate),
        ),
        graph.add("aresample", f"{rate}:async=1:min_hard_comp={_GAP}:first_pts=0"),
        graph.add("aformat", f"sample_fmts={sample_format}:channel_layouts={layout}"),
    ]
    if length is not None:
        nodes.append(graph.add("apad", f"whole_len={length}"))
        nodes.append(graph.add("atrim", f"end_sample={length}"))
    nodes.append(graph.add("abuffersink"))
    graph.link_nodes(*nodes).configure()
    return graph


def _ready(graph: Graph) -> Iterator[AudioFrame]:
    while True:
        try:
            frame = graph.pull()
        except (NotYetError, OverError):
            return
        assert isinstance(frame, AudioFrame)
        yield frame


def encoded(
    stream: Any,  # PyAV's stubs do not say what an encoder gives
    frames: Iterable[AudioFrame],
    *,
    start: int = 0,
) -> "Iterator[Packet[AudioStream]]":
    """Yield the packets of an encoder.

    Args:
        stream: What is written to.
        frames: In its format, with times in samples.
        start: Samples before the first one.
    """
    for frame in frames:
        assert frame.pts is not None
        frame.pts += start
        yield from stream.encode(frame)
    yield from stream.encode(None)
