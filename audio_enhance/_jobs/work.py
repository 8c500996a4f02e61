"""From content to a finished enhancement: uploaded once, submitted, waited for."""

from collections.abc import Awaitable, Callable
from datetime import datetime
from functools import partial
from typing import Any

import attrs

from audio_enhance._core.errors import (
    AudioEnhanceError,
    EnhancementFailedError,
    InvalidSourceError,
    JobCancelledError,
    NotFoundError,
    SourceChangedError,
)
from audio_enhance._core.events import Event, Processing, Submitted, Uploading
from audio_enhance._core.models import Asset, AssetStatus, SpeechEnhancement
from audio_enhance._journal.entry import EntryState
from audio_enhance._journal.journal import Journal
from audio_enhance._journal.row import JournalRow
from audio_enhance._recording.source import Source
from audio_enhance._transfer.output_folder import OutputFolder

from .gate import PriorityGate
from .handle import Job
from .once import Shared
from .steps import Steps, check_succeeded
from .watcher import Outstanding, ServerQueue

# The guide calls a failed enhancement a rare fault of the server's: one more try.
_MOST_TRIES = 2

Content = tuple[bytes, int, str]


class ResultAwayError(AudioEnhanceError):
    """What was paid for is neither in its place nor at the server; for another one, redo it."""


@attrs.frozen
class Enhanced:
    """A finished enhancement, its asset, and the steps of the API client that they belong to."""

    asset: Asset
    enhancement: SpeechEnhancement
    steps: Steps


@attrs.frozen(kw_only=True)
class Order:
    """What the jobs of one call have in common.

    Attributes:
        outputs: Where results go; `None` leaves them at the server.
        journal: Where every step is written down.
        assets: The uploads that several of the jobs may want.
        enhancements: The enhancements that several of the jobs may want.
        redo: Make results once more that an earlier run made.
        spare: Do not pay once more for a result that was made, and is neither in its place nor
            at the server.
    """

    outputs: OutputFolder | None
    journal: Journal | None
    assets: "Shared[Asset, Enhancing]"
    enhancements: Shared[Enhanced, Job]
    redo: bool = False
    spare: bool = False

    @classmethod
    def of(
        cls,
        outputs: OutputFolder | None,
        journal: Journal | None,
        *,
        keep: int,
        redo: bool = False,
        spare: bool = False,
    ) -> "Order":
        """Make an order that remembers the latest `keep` uploads and enhancements."""
        return cls(
            outputs=outputs,
            journal=journal,
            assets=Shared(keep),
            enhancements=Shared(keep),
            redo=redo,
            spare=spare,
        )


@attrs.frozen(kw_only=True)
class Stages:
    """The places that all jobs of a lane pass on their way to the server.

    Attributes:
        ahead: For what is being uploaded or waits, uploaded, before the window.
        uploads: For transfers to the object store.
        on_submitted: Told of every job that needs no place any more.
    """

    steps: Steps
    queue: ServerQueue
    ahead: PriorityGate
    uploads: PriorityGate
    on_submitted: Callable[[Job], None]


class Enhancing:
    """The work on one content at one strength, for every job that wants it."""

    def __init__(
        self,
        stages: Stages,
        order: Order,
        jobs: list[Job],
        record: JournalRow | None,
        content: Content,
    ) -> None:
        self._stages = stages
        self._order = order
        self._jobs = jobs  # alive: jobs join, and leave when they are cancelled
        self._first = jobs[0]
        self._record = record
        self._content = content
        self._asset: Asset | None = None
        self._sent = False  # a request for the enhancement is on its way

    @property
    def _leader(self) -> Job:
        return self._jobs[0] if self._jobs else self._first

    async def run(self) -> Enhanced:
        """Return the asset and its finished enhancement.

        Raises:
            EnhancementFailedError: The server failed at it twice.
            AudioEnhanceError: Whatever else went wrong on the way.
        """
        outstanding = await self._taken_up()
        tries = 0
        while True:
            try:
                if outstanding is None:
                    tries += 1
                    outstanding = await self._submit()
                enhancement = await outstanding.finished
                check_succeeded(enhancement)
            except EnhancementFailedError as error:
                await self._note_done(enhancement_id=None)  # nothing to be taken up
                self._leader.failed_enhancements += 1
                if tries >= _MOST_TRIES:
                    raise
                for job in self._jobs:
                    job.on_retry(error, 0.0)
                outstanding = None
            else:
                await self._note_done(state=EntryState.PROCESSED)
                assert self._asset is not None
                return Enhanced(self._asset, enhancement, self._stages.steps)

    async def _taken_up(self) -> Outstanding | None:
        """Go on with an enhancement that an earlier run asked for, if the server has it."""
        journal, record = self._order.journal, self._record
        if journal is None or record is None:
            return None
        if record.entry.state == EntryState.SUBMITTING:
            # The earlier run died while it asked: what it asked for may exist, unknown to us.
            self._one_more()
        md5, size, _ = self._content
        prior = await journal.same_content(
            md5.hex(), size, self._first.strength, self._stages.steps.api.client_id
        )
        if prior is None or prior.asset_id is None or prior.enhancement_id is None:
            return None
        api = self._stages.steps.api
        try:
            found = await api.get_speech_enhancement(prior.asset_id, prior.enhancement_id)
            self.set_asset(await api.get_asset(prior.asset_id))
        except NotFoundError:
            if self._order.spare and record.entry.state == EntryState.SUCCEEDED:
                raise ResultAwayError("The result is no longer there.") from None
            return None
        await self._note_done(
            state=EntryState.SUBMITTED,
            asset_id=found.asset_id,
            enhancement_id=found.id,
            client_id=api.client_id,
        )
        outstanding = self._stages.queue.take_up(
            found,
            byte_size=size,
            content_type=self._content[2],
            on_status=self._on_status,
        )
        self._submitted(outstanding)
        return outstanding

    async def _submit(self) -> Outstanding:
        stages, priority = self._stages, self._leader.priority
        async with stages.ahead.place(priority):
            asset = await self._uploaded()
            try:
                return await self._window(asset)
            except NotFoundError:
                # An upload from earlier that the server has dropped since: once more, anew.
                self._order.assets.forget(self._upload_key, asset)
                return await self._window(await self._uploaded(anew=True))

    async def _window(self, asset: Asset) -> Outstanding:
        return await self._stages.queue.submit(
            lambda: self._create(asset),
            sent=lambda: self._sent,
            byte_size=self._content[1],
            content_type=self._content[2],
            priority=self._leader.priority,
            on_submitted=self._submitted,
            on_status=self._on_status,
        )

    @property
    def _upload_key(self) -> tuple[str, Content]:
        return self._stages.steps.api.client_id, self._content  # others cannot see the asset

    async def _uploaded(self, *, anew: bool = False) -> Asset:
        asset = await self._order.assets.get(
            self._upload_key, self, lambda wanting: self._upload(wanting, anew=anew)
        )
        self.set_asset(asset)
        await self._note_done(
            state=EntryState.UPLOADED, asset_id=asset.id, client_id=self._stages.steps.api.client_id
        )
        return asset

    async def _upload(self, wanting: "list[Enhancing]", *, anew: bool) -> Asset:
        steps = self._stages.steps

        def tell(kind: type[Event], **details: Any) -> None:
            for enhancing in wanting:
                enhancing.tell(kind, **details)

        def on_retry(error: AudioEnhanceError, wait: float) -> None:
            for enhancing in wanting:
                for job in enhancing.jobs:
                    job.on_retry(error, wait)

        asset = None if anew else await self._uploaded_before()
        if asset is None or asset.status != AssetStatus.READY_FOR_PROCESSING:
            async with self._stages.uploads.place(self._leader.priority):
                total = self._content[1]
                tell(Uploading, sent=0, total=total)
                asset = asset or await steps.create_asset(self._leader.source, on_retry=on_retry)
                for enhancing in wanting:
                    enhancing.set_asset(asset)
                await self._note(
                    state=EntryState.UPLOADING, asset_id=asset.id, client_id=steps.api.client_id
                )
                source = await self._sent_from(
                    wanting,
                    partial(
                        steps.upload,
                        asset,
                        on_bytes=lambda sent: tell(Uploading, sent=sent, total=total),
                        on_retry=on_retry,
                    ),
                )
            asset = await steps.wait_until_ready(asset.id, source=source, on_retry=on_retry)
        return asset

    async def _sent_from(
        self, wanting: "list[Enhancing]", upload: Callable[[Source], Awaitable[None]]
    ) -> Source:
        """Return the source that was uploaded: one that is gone leaves others of its content."""
        source = self._leader.source
        tried = {source}
        while True:
            try:
                await upload(source)
            except (InvalidSourceError, SourceChangedError):
                others = (job.source for enhancing in wanting for job in enhancing.jobs)
                another = next((other for other in others if other not in tried), None)
                if another is None:
                    raise
                source = another
                tried.add(source)
            else:
                return source

    async def _uploaded_before(self) -> Asset | None:
        """Return the asset that an earlier run made of the same content, if it is there."""
        journal = self._order.journal
        md5, size, _ = self._content
        api = self._stages.steps.api
        if journal is None:
            return None
        prior = await journal.same_upload(md5.hex(), size, api.client_id)
        if prior is None or prior.asset_id is None:
            return None
        try:
            asset = await api.get_asset(prior.asset_id)
        except NotFoundError:
            return None
        return asset if asset.content_type in (None, self._content[2]) else None

    async def _create(self, asset: Asset) -> SpeechEnhancement:
        self._sent = False
        tries = self._record.entry.tries + 1 if self._record is not None else 1

        async def on_send() -> None:
            # From here on it is seen through even if it is cancelled, so that its id is known.
            self._sent = True
            for job in self._jobs:
                job.asked = True
            # Written down first: a run that dies after this may have made one more.
            await self._note(
                state=EntryState.SUBMITTING,
                tries=tries,
                extra=self._leader.extra_enhancements,
            )

        def failed(error: AudioEnhanceError) -> None:
            self._sent = False
            if error.outcome_unknown:
                self._one_more()
            for job in self._jobs:
                job.asked = self._leader.extra_enhancements > 0

        def on_retry(error: AudioEnhanceError, wait: float) -> None:
            failed(error)
            if not self._jobs:
                raise JobCancelledError("Nobody waits for this enhancement any more.")
            for job in self._jobs:
                job.on_retry(error, wait)

        try:
            enhancement = await self._stages.steps.api.create_speech_enhancement(
                asset.id, self._first.strength, on_send=on_send, on_retry=on_retry
            )
        except AudioEnhanceError as error:
            failed(error)
            raise
        await self._note_done(
            state=EntryState.SUBMITTED,
            enhancement_id=enhancement.id,
            extra=self._leader.extra_enhancements,
        )
        return enhancement

    def _submitted(self, outstanding: Outstanding) -> None:
        # Whoever was cancelled while the request was on its way still learns what is left there.
        for job in self._jobs or [self._first]:
            job.enhancement = outstanding.enhancement
            self._stages.on_submitted(job)
        self.tell(Submitted, position=self._stages.queue.position(outstanding))

    def _on_status(self, enhancement: SpeechEnhancement, expected_end: datetime | None) -> None:
        for job in self._jobs:
            job.enhancement = enhancement
        self.tell(Processing, status=enhancement.status, expected_end=expected_end)

    def _one_more(self) -> None:
        # Counted with one job only: the server makes it once, however many wait for it.
        self._leader.extra_enhancements += 1

    def set_asset(self, asset: Asset) -> None:
        """Take the asset, as soon as there is one."""
        self._asset = asset
        for job in self._jobs:
            job.asset = asset

    @property
    def jobs(self) -> list[Job]:
        """The jobs that want it."""
        return self._jobs

    def tell(self, kind: type[Event], **details: Any) -> None:
        """Record an event for every job that wants it."""
        for job in self._jobs:
            job.tell(kind, **details)

    async def _note(self, **changes: Any) -> None:
        if self._record is not None:
            await self._record.note(**changes)

    async def _note_done(self, **changes: Any) -> None:
        if self._record is not None:
            await self._record.note_done(**changes)
