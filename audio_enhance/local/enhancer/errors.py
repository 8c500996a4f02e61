"""What can go wrong while a recording is enhanced.

EnhancerError
├── NotAudioError      the file is not audio that can be enhanced
├── EngineError        the engine that was asked for does not work here
├── TooLongError       the recording is longer than is allowed
└── WorkerDiedError    the process that worked on it has ended
"""

from audio_enhance import AudioEnhanceError


class EnhancerError(AudioEnhanceError):
    """A recording that could not be enhanced, for the reason that the message gives."""


class NotAudioError(EnhancerError):
    """A file that is not audio, is broken, or is audio of a kind that the API does not take."""


class EngineError(EnhancerError):
    """An engine that does not exist, or does not work on this machine."""


class TooLongError(EnhancerError):
    """A recording that lasts longer than is allowed, however small its file is."""


class WorkerDiedError(EnhancerError):
    """A recording whose process died in the middle of it, now or several times before."""
