"""What the names of recordings end in, of audio and of videos."""

import os

from audio_enhance._video.kinds import VIDEO_SUFFIXES, can_be_read

from .filenames import split_ending
from .media_types import AUDIO_SUFFIXES


def recording_suffixes() -> frozenset[str]:
    """Return the suffixes of recordings: of audio and, with the extra `video`, of videos.

    In lower case, with the dot.
    """
    return AUDIO_SUFFIXES | VIDEO_SUFFIXES if can_be_read() else AUDIO_SUFFIXES


def is_video(name: str | bytes) -> bool:
    """Whether a path is taken for a video by what it ends in.

    MP4 files may be of sound alone, which the API takes: without the extra they are sent so.
    """
    suffix = split_ending(os.fsdecode(name))[1].lower()
    return suffix in VIDEO_SUFFIXES and (suffix not in AUDIO_SUFFIXES or can_be_read())
