"""Which channel is where: what a recording says, and what an encoder can be told.

Positions have FFmpeg's names, such as ``FL`` and ``LFE``. Channels that say of themselves only
that they are there are discrete; FFmpeg calls such a layout ``6 channels``.
"""

import attrs
import av
from av.audio.codeccontext import AudioCodecContext
from av.audio.layout import AudioLayout
from av.error import FFmpegError

# In FFmpeg's own order, in which all its codecs expect them.
_POSITIONS = (
    *("FL", "FR", "FC", "LFE", "BL", "BR", "FLC", "FRC", "BC", "SL", "SR", "TC", "TFL", "TFC"),
    *("TFR", "TBL", "TBC", "TBR", "DL", "DR", "WL", "WR", "SDL", "SDR", "LFE2", "TSL", "TSR"),
    *("BFC", "BFL", "BFR"),
)
_USUAL = ("mono", "stereo", "3.0", "4.0", "5.0", "5.1", "6.1", "7.1")
# AAC names every channel. Those that FFmpeg's decoder calls discrete again, and none of which is
# a subwoofer, whose channel loses everything above 120 Hz.
_DISCRETE_AAC = ("mono", "stereo", "3.0", "quad(side)", "5.0(side)", "6.0", "7.0", "octagonal")
MOST_CHANNELS = len(_USUAL)


@attrs.frozen
class Order:
    """How the channels lie in what a decoder hands over.

    Attributes:
        layout: FFmpeg's name of the layout that they have once they are sorted.
        places: Where each channel of that layout is found; None if they are in order.
    """

    layout: str
    places: list[int] | None = None


def usual_layout(channels: int) -> str:
    """Return FFmpeg's name of the usual layout of 1 to 8 channels."""
    return _USUAL[channels - 1]


def settled(context: AudioCodecContext) -> Order | None:
    """Make a decoder, before it is used, hand over its channels in a way that PyAV survives.

    PyAV 18 copies an order of FFmpeg's kind "custom" (7.1 in AIFF and MOV) as a pointer, which is
    freed twice. So the decoder hears of discrete channels instead, and we sort them.

    Returns:
        What the container says; None if it says nothing in particular.
    """
    # Replacing the layout leaves the pointer to this one alone; so it has to be replaced.
    layout = context.layout
    names = [channel.name for channel in layout.channels]
    if not names:
        return None
    context.layout = f"{len(names)} channels"
    if len(set(names)) < len(names) or not set(names) <= set(_POSITIONS):
        return None  # discrete
    places = sorted(range(len(names)), key=lambda place: _POSITIONS.index(names[place]))
    sorted_layout = "+".join(names[place] for place in places)
    if places == list(range(len(names))):
        context.layout = sorted_layout
        return None
    return Order(AudioLayout(sorted_layout).name, places)


def layout_name(layout: AudioLayout) -> str:
    """Return a name of a layout, from which FFmpeg makes the same one again."""
    name = layout.name
    return "+".join(channel.name for channel in layout.channels) if " channels (" in name else name


def encodable(codec: str, layout: str) -> tuple[str, dict[str, str]]:
    """Return the layout in which an encoder takes these channels, and the options for it.

    Channels keep their places in the file, and none becomes a subwoofer that was none.
    """
    channels = AudioLayout(layout).nb_channels
    if codec == "aac" and not _takes(codec, layout):
        return _DISCRETE_AAC[channels - 1], {}
    if codec == "libopus" and (_is_discrete(layout) or not _takes(codec, layout)):
        return f"{channels} channels", {"mapping_family": "255"}
    return layout, {}


def _is_discrete(layout: str) -> bool:
    return layout.endswith(" channels")


def _takes(codec: str, layout: str) -> bool:
    context = av.CodecContext.create(codec, "w")
    assert isinstance(context, AudioCodecContext)
    context.layout, context.sample_rate = layout, 48_000
    formats = context.codec.audio_formats or []
    context.format = formats[0]
    try:
        context.open()
    except (FFmpegError, ValueError):
        return False
    return True
