"""The assets and speech enhancements of all API clients."""

import json
from collections.abc import Mapping
from uuid import uuid4

from attrs import define, field

from audio_enhance.local.conditions.clock import Clock
from audio_enhance.local.conditions.ledger import Ledger
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

    The API does not tell the reason of a failure; the service's owner can ask for it. What the
    enhancer noted is told in the answer, which has such a field only then.
    """

    asset: Asset
    strength: int
    requested_at: float
    status: str = "queued"
    finished_at: float | None = None
    reason: EnhancerError | None = None
    notes: tuple[str, ...] = ()
    id: str = field(factory=lambda: str(uuid4()))

    @property
    def key(self) -> str:
        """Where the result lies in the object store."""
        return f"SpeechEnhancements/{self.asset.id}/{self.id}"

    @property
    def extra(self) -> dict[str, list[str]]:
        """What an answer has beyond the API's own fields: nothing, or ``notes``."""
        return {"notes": list(self.notes)} if self.notes else {}


class State:
    """What exists, and who may know of it: each API client sees its own.

    Whatever changes is written down in the ledger, too.
    """

    def __init__(self, clock: Clock, ledger: Ledger) -> None:
        self._clock = clock
        self._ledger = ledger
        self._assets: dict[str, Asset] = {}
        self._enhancements: dict[str, SpeechEnhancement] = {}

    async def restore(self) -> list[SpeechEnhancement]:
        """Take over what the ledger knows; return what is not done yet, the oldest first."""
        at = self._at
        for asset_id, client_id, *facts, created, ready, invalid, landed in await self._ledger.rows(
            "SELECT id, client_id, filename, byte_size, checksum, content_type, created_at, "
            "ready_at, invalid, landed_checksum FROM assets ORDER BY number"
        ):
            self._assets[asset_id] = Asset(
                client_id=client_id,
                facts=NewAsset(*facts),
                created_at=self._clock.at(created),
                checksum=facts[2],
                landed_checksum=landed,
                ready_at=at(ready),
                invalid=bool(invalid),
                id=asset_id,
            )
        for (
            its_id,
            asset_id,
            strength,
            requested,
            status,
            finished,
            reason,
            notes,
        ) in await self._ledger.rows(
            "SELECT id, asset_id, strength, requested_at, status, finished_at, reason, notes "
            "FROM enhancements ORDER BY number"
        ):
            asset = self._assets[asset_id]
            enhancement = self._enhancements[its_id] = SpeechEnhancement(
                asset=asset,
                strength=strength,
                requested_at=self._clock.at(requested),
                status=status,
                finished_at=at(finished),
                reason=None if reason is None else EnhancerError(reason),
                notes=tuple(json.loads(notes)),
                id=its_id,
            )
            asset.enhancements.append(enhancement)
        return [one for one in self._enhancements.values() if one.finished_at is None]

    def add_asset(self, asset: Asset) -> None:
        """Remember an asset."""
        self._assets[asset.id] = asset
        self._ledger.write(
            "INSERT OR REPLACE INTO assets (id, client_id, filename, byte_size, checksum, "
            "content_type, created_at) VALUES (?, ?, ?, ?, ?, ?, ?)",
            *(asset.id, asset.client_id, asset.facts.filename, asset.facts.byte_size),
            *(asset.checksum, asset.facts.content_type, self._since_epoch(asset.created_at)),
        )

    def landed(self, asset: Asset, *, ready_at: float, invalid: bool, checksum: str | None) -> None:
        """Note that the upload of an asset is complete, and when it counts."""
        asset.ready_at, asset.invalid, asset.landed_checksum = ready_at, invalid, checksum
        self._ledger.write(
            "UPDATE assets SET ready_at = ?, invalid = ?, landed_checksum = ? WHERE id = ?",
            *(self._since_epoch(ready_at), invalid, checksum, asset.id),
        )

    def add_enhancement(self, enhancement: SpeechEnhancement) -> None:
        """Remember a speech enhancement."""
        self._enhancements[enhancement.id] = enhancement
        enhancement.asset.enhancements.append(enhancement)
        self._ledger.write(
            "INSERT OR REPLACE INTO enhancements (id, asset_id, strength, requested_at, status) "
            "VALUES (?, ?, ?, ?, ?)",
            *(enhancement.id, enhancement.asset.id, enhancement.strength),
            # Its turn is not written down: what was in work is begun again.
            *(self._since_epoch(enhancement.requested_at), "queued"),
        )

    def ended(
        self, enhancement: SpeechEnhancement, status: str, *, reason: EnhancerError | None = None
    ) -> float:
        """Note that a speech enhancement has just ended, and how; return the time."""
        end = enhancement.finished_at = self._clock.seconds()
        enhancement.status, enhancement.reason = status, reason
        self._ledger.write(
            "UPDATE enhancements SET status = ?, finished_at = ?, reason = ?, notes = ? "
            "WHERE id = ?",
            *(status, self._since_epoch(end), None if reason is None else reason.message),
            *(json.dumps(enhancement.notes), enhancement.id),
        )
        return end

    def remove(self, asset: Asset) -> None:
        """Forget an asset and its speech enhancements."""
        asset.deleted = True
        del self._assets[asset.id]
        for enhancement in asset.enhancements:
            del self._enhancements[enhancement.id]
        self._ledger.write("DELETE FROM assets WHERE id = ?", asset.id)
        self._ledger.write("DELETE FROM enhancements WHERE asset_id = ?", asset.id)

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

    def _since_epoch(self, at: float) -> float:
        return self._clock.since_epoch(at)

    def _at(self, since_epoch: float | None) -> float | None:
        return None if since_epoch is None else self._clock.at(since_epoch)
