"""What all work at the server leads to: a finished enhancement."""

import attrs

from audio_enhance._core.models import Asset, SpeechEnhancement

from .steps import Steps


@attrs.frozen(eq=False, repr=False)
class Enhanced:
    """A finished enhancement and its asset.

    Attributes:
        asset: The asset.
        enhancement: The enhancement.
        steps: Of the API client that they belong to.
        spent: The assets of the same content that were given up before, and are still there.
    """

    asset: Asset
    enhancement: SpeechEnhancement
    steps: Steps
    spent: tuple[str, ...] = ()
