"""What can go wrong while a recording is enhanced.

EnhancerError
└── NotAudioError    the file is not audio that can be enhanced
"""

from audio_enhance import AudioEnhanceError


class EnhancerError(AudioEnhanceError):
    """A recording that could not be enhanced, for the reason that the message gives."""


class NotAudioError(EnhancerError):
    """A file that is not audio, is broken, or is audio of a kind that the API does not take."""
