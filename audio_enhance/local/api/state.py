"""The assets and speech enhancements of all API clients."""

from collections.abc import Mapping
from uuid import uuid4

from attrs import define, field

from audio_enhance.local.enhancer.errors import EnhancerError

from .validation import NewAsset


@define(eq=False)
class Asset:
    """A registered recording; ``ready_at`` is None until its upload has landed and counts.

    All times here are seconds of the service's clock.
    """

    client_id: str
    facts: NewAsset
    created_at: float
    checksum: str | None
    landed_checksum: str | None = None
    ready_at: float | None = None
    invalid: bool = False
    deleted: bool = False
    enhancements: "list[SpeechEnhancement]" = field(factory=list["SpeechEnhancement"])
    id: str = field(factory=lambda: str(uuid4()))

    @property
    def key(self) -> str:
        """Where the recording lies in the object store."""
        return f"Assets/{self.id}"

    @property
    def idle_since(self) -> float | None:
        """Since when nothing is being done with it, None while something is."""
        ends = [enhancement.finished_at for enhancement in self.enhancements]
        if any(end is None for end in ends):
            return None
        begun = self.created_at if self.ready_at is None else self.ready_at
        return max((end for end in ends if end is not None), default=begun)

    def is_ready(self, now: float) -> bool:
        """Whether speech enhancements may be created."""
        return self.ready_at is not None and self.ready_at <= now and not self.invalid


@define(eq=False)
class SpeechEnhancement:
    """An asset at one strength, somewhere between ``queued`` and ``succeeded`` or ``failed``.

    The API does not tell the reason of a failure; the service's owner can ask for it.
    """

    asset: Asset
    strength: int
    requested_at: float
    status: str = "queued"
    finished_at: float | None = None
    reason: EnhancerError | None = None
    id: str = field(factory=lambda: str(uuid4()))

    @property
    def key(self) -> str:
        """Where the result lies in the object store."""
        return f"SpeechEnhancements/{self.asset.id}/{self.id}"


class State:
    """What exists, and who may know of it: each API client sees its own."""

    def __init__(self) -> None:
        self._assets: dict[str, Asset] = {}
        self._enhancements: dict[str, SpeechEnhancement] = {}

    def add_asset(self, asset: Asset) -> None:
        """Remember an asset."""
        self._assets[asset.id] = asset

    def add_enhancement(self, enhancement: SpeechEnhancement) -> None:
        """Remember a speech enhancement."""
        self._enhancements[enhancement.id] = enhancement
        enhancement.asset.enhancements.append(enhancement)

    def remove(self, asset: Asset) -> None:
        """Forget an asset and its speech enhancements."""
        asset.deleted = True
        del self._assets[asset.id]
        for enhancement in asset.enhancements:
            del self._enhancements[enhancement.id]

    def assets(self) -> Mapping[str, Asset]:
        """Return every client's assets by their ids."""
        return self._assets

    def enhancements(self) -> Mapping[str, SpeechEnhancement]:
        """Return every client's speech enhancements by their ids."""
        return self._enhancements

    def asset(self, asset_id: str, client_id: str) -> Asset | None:
        """Return this client's asset of that id."""
        asset = self._assets.get(asset_id)
        return asset if asset and asset.client_id == client_id else None

    def enhancement(self, enhancement_id: str, client_id: str) -> SpeechEnhancement | None:
        """Return this client's speech enhancement of that id."""
        enhancement = self._enhancements.get(enhancement_id)
        if enhancement is None or enhancement.asset.client_id != client_id:
            return None
        return enhancement
