"""What is known of the sound of a video, once it was taken out."""

from fractions import Fraction

import attrs


@attrs.frozen(kw_only=True)
class Sound:
    """The sound that was taken out of a video.

    Attributes:
        track: The number of its track in the file, from 0.
        codec: FFmpeg's name of the codec that it has in the video.
        suffix: What the name of the file with the sound ends in.
        content_type: What that file is sent as.
        start: Seconds from the beginning of the video to its first sample.
        duration: Seconds from there to the end of its last sample.
        rate: Samples per second.
        channels: How many channels it has.
        bit_rate: Bits per second in the video, where it says so.
        others: How many other sound tracks there are, which stay as they are.
        left_out: How many tracks of data there are that cannot be put back.
    """

    track: int
    codec: str
    suffix: str
    content_type: str
    start: Fraction
    duration: Fraction
    rate: int
    channels: int
    bit_rate: int | None
    others: int
    left_out: int = 0
