"""What an upload ends with when nobody sends it any more."""

from audio_enhance import AudioEnhanceError


class ClientDisconnectedError(AudioEnhanceError):
    """The browser went away before its upload was complete."""

    def __init__(self) -> None:
        super().__init__("The sender went away before the upload was complete.")
