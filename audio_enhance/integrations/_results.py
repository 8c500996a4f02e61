"""Why there is no result to redirect a browser to."""

from audio_enhance import AudioEnhanceError


class UnknownJobError(AudioEnhanceError):
    """A key that belongs to no accepted recording."""

    def __init__(self) -> None:
        super().__init__("There is no such job.")


class NoResultError(AudioEnhanceError):
    """A job that is over and has no result; the message says why."""
