"""From content to an asset that is ready: registered and sent once, for all who want it."""

from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

from audio_enhance._core import events
from audio_enhance._core.errors import (
    AudioEnhanceError,
    InvalidSourceError,
    NotFoundError,
    SourceChangedError,
)
from audio_enhance._core.models import Asset, AssetStatus
from audio_enhance._recording.fingerprint import ContentKey
from audio_enhance._recording.source import Source

from .gate import PriorityGate
from .state import JobState
from .steps import Steps
from .subscribers import Subscribers


class Uploading:
    """The upload of one content, for every strength that it is wanted at.

    Args:
        steps: Of the API client that is to have it.
        places: For transfers to the object store.
        content: What is sent.
        first: Who wants it first.
        gone: The sources that turned out to be unreadable or changed; more are added.
        anew: Leave an upload of an earlier run alone: the server does not have it any more.

    Attributes:
        wanting: Who needs the asset, at one strength each.
    """

    def __init__(
        self,
        steps: Steps,
        places: PriorityGate,
        content: ContentKey,
        first: Subscribers,
        gone: set[Source],
        *,
        anew: bool,
    ) -> None:
        self.wanting: list[Subscribers] = []
        self._steps = steps
        self._places = places
        self._content = content
        self._first = first
        self._gone = gone
        self._anew = anew

    @property
    def _leader(self) -> Subscribers:
        return self.wanting[0] if self.wanting else self._first

    async def catch_up(self, newcomer: Subscribers) -> None:
        """Let those who join know how far it is."""
        leader = self._leader.track
        if leader.state is JobState.UPLOADING and leader.asset is not None:
            await newcomer.reached(JobState.UPLOADING, leader.asset)

    async def run(self) -> Asset:
        """Return the asset as soon as it can be enhanced.

        Raises:
            SourceChangedError: None of the sources is what it was when it was hashed.
            AudioEnhanceError: Whatever else went wrong on the way.
        """
        steps = self._steps
        asset = None if self._anew else await self._earlier()
        if asset is not None and asset.status == AssetStatus.READY_FOR_PROCESSING:
            return asset
        async with self._places.place(self._leader.job.priority):
            total = self._content.byte_size
            self._tell(sent=0, total=total)
            asset = asset or await steps.create_asset(
                self._leader.job.source, on_retry=self._on_retry
            )
            for each in list(self.wanting):
                await each.enter(JobState.UPLOADING, asset)
            source = await self._sent_from(
                partial(
                    steps.upload,
                    asset,
                    on_bytes=lambda sent: self._tell(sent=sent, total=total),
                    on_retry=self._on_retry,
                )
            )
        for each in list(self.wanting):
            each.tell(events.Waiting, byte_size=self._content.byte_size)
        return await steps.wait_until_ready(asset.id, source=source, on_retry=self._on_retry)

    async def _sent_from(self, upload: Callable[[Source], Awaitable[None]]) -> Source:
        """Return the source that was uploaded: one that is gone leaves others of its content."""
        source = self._another() or self._leader.job.source
        while True:
            try:
                await upload(source)
            except (InvalidSourceError, SourceChangedError):
                self._gone.add(source)
                another = self._another()
                if another is None:
                    raise
                source = another
            else:
                return source

    def _another(self) -> Source | None:
        sources = (source for each in self.wanting for source in each.sources)
        return next((source for source in sources if source not in self._gone), None)

    async def _earlier(self) -> Asset | None:
        """Return the asset that an earlier run made of the same content, if it is there."""
        rows, api, content = self._leader.rows, self._steps.api, self._content
        if rows is None:
            return None
        strength = self._leader.job.strength
        prior = await rows.same_upload(
            content.md5.hex(), content.byte_size, strength, api.client_id
        )
        if prior is None or prior.asset_id is None:
            return None
        try:
            asset = await api.get_asset(prior.asset_id)
        except NotFoundError:
            return None
        return asset if asset.content_type in (None, content.content_type) else None

    def _tell(self, **details: Any) -> None:
        for each in self.wanting:
            each.tell(events.Uploading, **details)

    def _on_retry(self, error: AudioEnhanceError, wait: float) -> None:
        for each in self.wanting:
            each.on_retry(error, wait)
