"""What both generations of the API have behind them: assets, speech enhancements, and rules."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Literal

from audio_enhance.local.conditions.conditions import Conditions
from audio_enhance.local.object_store.protocol import ObjectStore, Upload
from audio_enhance.local.serving.repeating import repeating

from .disposition import attachment, output_name
from .problems import not_found, refused, server_error
from .queue import ProcessingQueue
from .state import Asset, SpeechEnhancement, State
from .validation import NewAsset

# A recording, and a result of about its length.
_COPIES = 2
# Seconds for which what is done is kept whatever comes: somebody may be about to fetch it.
_LEAST_KEPT = 600.0
_LOOK_AFTER_SECONDS = 60.0


class Backend:
    """Creates, finds and deletes; every method is about one API client's own things.

    Attributes:
        model_id: What does the enhancing, as answers name it.
    """

    def __init__(
        self,
        conditions: Conditions,
        store: ObjectStore,
        queue: ProcessingQueue,
        state: State,
        model_id: str,
    ) -> None:
        self._conditions = conditions
        self._store = store
        self._queue = queue
        self._state = state
        self.model_id = model_id

    @property
    def now(self) -> float:
        """The seconds of the service's clock."""
        return self._conditions.clock.seconds()

    async def create_asset(self, client_id: str, facts: NewAsset) -> Asset:
        """Register a recording; raises a 507 `ProblemError` where too much is kept already."""
        await self._make_room(facts.byte_size)
        asset = Asset(client_id, facts, self.now, facts.checksum)
        self._state.add_asset(asset)
        return asset

    async def _make_room(self, byte_size: int) -> None:
        """Let the oldest go that nothing is being done with, as far as one more needs room."""
        most = self._conditions.behaviour.most_stored_bytes
        if most is None:
            return
        for asset in list(self._state.assets().values()):
            if self._taken() + _COPIES * byte_size <= most:
                return
            if asset.idle_since is not None and asset.idle_since + _LEAST_KEPT <= self.now:
                await self.delete(asset)
        if self._taken() + _COPIES * byte_size > most:
            raise server_error(507)

    def _taken(self) -> int:
        """Return the bytes that are kept, or are going to be."""
        coming = sum(
            _COPIES * asset.facts.byte_size
            for asset in self._state.assets().values()
            if asset.idle_since is None or asset.ready_at is None
        )
        return self._store.stored_bytes + coming

    def asset(self, client_id: str, asset_id: str) -> Asset:
        """Return an asset of this client's; raises a 404 `ProblemError` if there is none."""
        asset = self._state.asset(asset_id, client_id)
        if asset is None or not self._is_visible(asset.created_at) or self._is_over(asset):
            raise not_found()
        return asset

    @asynccontextmanager
    async def removing_old(self) -> AsyncGenerator[None]:
        """Look now and then whether something has been kept long enough."""
        kept = self._conditions.behaviour.kept_seconds
        if kept is None:
            yield
            return
        await self.remove_old()
        async with repeating(min(kept, _LOOK_AFTER_SECONDS), self.remove_old):
            yield

    async def remove_old(self) -> None:
        """Delete the assets that nothing has been done with for as long as they are kept."""
        for asset in list(self._state.assets().values()):
            if self._is_over(asset) and not asset.deleted:
                await self.delete(asset)

    async def look_at(self, asset: Asset) -> None:
        """Look whether the upload of a waiting asset has landed, and is what was announced."""
        if asset.ready_at is not None:
            return
        found = await self._store.info(asset.key)
        if found is None or found.size != asset.facts.byte_size or asset.ready_at is not None:
            return
        if asset.checksum is not None and found.md5 not in (None, asset.checksum):
            return
        faults = self._conditions.faults
        self._state.landed(
            asset,
            ready_at=found.landed_at + self._conditions.behaviour.ready_lag + faults.lag(),
            invalid=faults.strike_upload() is not None,
            checksum=found.md5,
        )

    async def delete(self, asset: Asset) -> None:
        """Delete an asset with its speech enhancements, and all of their bytes."""
        self._state.remove(asset)
        self._queue.remove(asset)
        await self._conditions.ledger.settled()  # what it knows of has its bytes, at any time
        for key in (asset.key, *(enhancement.key for enhancement in asset.enhancements)):
            await self._store.delete(key)

    async def create_enhancement(
        self, asset: Asset, strength: int, *, version: Literal["v1", "v2"]
    ) -> SpeechEnhancement:
        """Append a speech enhancement to the queue; raises a 422 `ProblemError` if it must not.

        The texts are those that the description of v2 gives, whose backend is v1's, too.
        """
        await self.look_at(asset)
        behaviour = self._conditions.behaviour
        since = self.now - behaviour.enhanceable_lag
        if asset.invalid:
            raise refused("Asset is not enhanceable")
        if not asset.is_ready(since):
            raise refused("Asset has not been uploaded yet")
        strict = behaviour.refuse_repeats
        if strict if strict is not None else version == "v2":
            _refuse_repeats(asset, strength)
        enhancement = SpeechEnhancement(asset, strength, self.now)
        self._state.add_enhancement(enhancement)
        return enhancement

    def process(self, enhancement: SpeechEnhancement) -> None:
        """Let a speech enhancement have its turn; until then it says ``queued``."""
        self._queue.put(enhancement)

    def enhancement(self, client_id: str, enhancement_id: str) -> SpeechEnhancement:
        """Return one of this client's; raises a 404 `ProblemError` if there is none."""
        enhancement = self._state.enhancement(enhancement_id, client_id)
        if enhancement is None or not self._is_visible(enhancement.requested_at):
            raise not_found()
        if self._is_over(enhancement.asset):
            raise not_found()
        return enhancement

    def has_result(self, enhancement: SpeechEnhancement) -> bool:
        """Whether there is something to download."""
        since = self.now - self._conditions.behaviour.result_lag
        ended = enhancement.finished_at
        return enhancement.status == "succeeded" and ended is not None and ended <= since

    def health(self) -> dict[str, object]:
        """Return what whoever watches over the service wants to know."""
        waiting, processing = self._queue.length()
        return {
            "status": "ok",
            "engine": self.model_id,
            "queued": waiting,
            "processing": processing,
            "stored_bytes": self._store.stored_bytes,
        }

    def asset_status(self, asset: Asset) -> str:
        """Return the status that the API shows."""
        if asset.ready_at is None or asset.ready_at > self.now:
            return "waiting_for_upload"
        return "invalid_upload" if asset.invalid else "ready_for_processing"

    def updated_at(self, asset: Asset) -> float:
        """Return when the status of an asset changed."""
        ready_at = asset.ready_at
        return asset.created_at if ready_at is None or ready_at > self.now else ready_at

    def upload_url(self, asset: Asset, hostname: str) -> str | None:
        """Return a new presigned URL for the upload, None once it has landed."""
        if self.asset_status(asset) != "waiting_for_upload":
            return None
        facts = asset.facts
        # Content-MD5 is not signed where no checksum is sent.
        upload = Upload(asset.key, facts.byte_size, facts.content_type, facts.checksum)
        return self._store.upload_url(upload, hostname=hostname)

    def result_url(self, enhancement: SpeechEnhancement, hostname: str) -> str:
        """Return a new presigned URL of a result."""
        facts = enhancement.asset.facts
        return self._store.download_url(
            enhancement.key,
            disposition=attachment(output_name(facts.filename, enhancement.strength)),
            content_type=facts.content_type,
            hostname=hostname,
        )

    def _is_over(self, asset: Asset) -> bool:
        kept = self._conditions.behaviour.kept_seconds
        since = asset.idle_since
        return kept is not None and since is not None and since + kept <= self.now

    def _is_visible(self, created_at: float) -> bool:
        return self.now >= created_at + self._conditions.behaviour.visible_lag


def _refuse_repeats(asset: Asset, strength: int) -> None:
    earlier = asset.enhancements
    if any(enhancement.status == "failed" for enhancement in earlier):
        raise refused("Asset is not enhanceable")
    if any(enhancement.strength == strength for enhancement in earlier):
        raise refused("Speech enhancement already exists for specified asset, model and strength")
