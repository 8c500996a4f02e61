"""From content to a finished enhancement: uploaded, submitted, waited for, once for all."""

from collections.abc import Callable
from datetime import datetime
from itertools import count
from typing import NamedTuple, Protocol

from audio_enhance._core.errors import (
    ApiError,
    AudioEnhanceError,
    EnhancementFailedError,
    InvalidSourceError,
    JobCancelledError,
    NotFoundError,
    SourceChangedError,
    ValidationError,
)
from audio_enhance._core.events import Processing, Submitted
from audio_enhance._core.models import Asset, SpeechEnhancement
from audio_enhance._core.phase import Phase
from audio_enhance._journal.entry import EntryState
from audio_enhance._recording.fingerprint import ContentKey
from audio_enhance._recording.source import Source

from .enhanced import Enhanced
from .gate import PriorityGate
from .once import Once, Shareable
from .result import ResultAwayError
from .state import JobState
from .steps import Steps, check_succeeded
from .subscribers import Subscriber, Subscribers
from .watcher import Outstanding, ServerQueue

# The guide calls a failed enhancement a rare fault of the server's: one more try.
_MOST_TRIES = 2


class BeginUpload(Protocol):
    """How a content is uploaded: by something that other work joins, if it needs the same."""

    def __call__(
        self, content: ContentKey, first: Subscribers, gone: set[Source], *, anew: bool
    ) -> Shareable[Asset, Subscribers]:
        """Return the upload; `Uploading` says what the arguments mean."""
        ...


class Stages(NamedTuple):
    """The places that all jobs of a lane pass on their way to the server.

    Attributes:
        steps: The API client's five steps.
        queue: What is outstanding at the server.
        ahead: For what is being uploaded or waits, uploaded, before the window.
        assets: The uploads of the whole client, under way and finished.
        upload: Begins one.
        room_changed: Called when a job needs no place before the window any more.
    """

    steps: Steps
    queue: ServerQueue
    ahead: PriorityGate
    assets: Once[Asset, Subscribers]
    upload: BeginUpload
    room_changed: Callable[[], None]


class Work:
    """The work on one content at one strength, for every job that wants it.

    Attributes:
        wanting: The jobs.
    """

    def __init__(self, stages: Stages, content: ContentKey, first: Subscriber) -> None:
        self._stages = stages
        self._api = stages.steps.api
        self._content = content
        self._strength = first.job.strength
        self._subscribers = Subscribers(first, self._api.client_id)
        self._track = self._subscribers.track
        self.wanting = self._subscribers.wanting
        self._gone = set[Source]()
        self._lost = False  # an answer to a creation, of the asset that is in use
        self._spent: list[str] = []  # assets that were of no use any more

    async def catch_up(self, newcomer: Subscriber) -> None:
        """Let a job that joins know how far it is."""
        await self._subscribers.catch_up(newcomer)
        self._stages.room_changed()

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
                self._track.enhancement = None  # nothing to be taken up
                await self._subscribers.note_done(enhancement_id=None)
                self._subscribers.job.failed_enhancements += 1
                if tries >= _MOST_TRIES:
                    raise
                self._subscribers.on_retry(error, 0.0)
                outstanding = None
            else:
                self._track.enhancement = enhancement
                self._track.enter(JobState.PROCESSED)
                await self._subscribers.note_done(state=EntryState.PROCESSED)
                assert self._track.asset is not None
                return Enhanced(
                    self._track.asset, enhancement, self._stages.steps, tuple(self._spent)
                )

    async def _taken_up(self) -> Outstanding | None:
        """Go on with an enhancement that an earlier run asked for, if the server has it."""
        leader = self._subscribers.leader
        row = leader.row
        if row is None:
            return None
        if row.entry.state == EntryState.SUBMITTING:
            # The earlier run died while it asked: what it asked for may exist, unknown to us.
            self._one_more()
        content, client_id = self._content, self._api.client_id
        prior = await row.rows.same_content(
            content.md5.hex(), content.byte_size, self._strength, client_id
        )
        if prior is None or prior.asset_id is None or prior.enhancement_id is None:
            return None
        if prior.state == EntryState.SUBMITTED:  # written down as soon as it was created
            for known in (prior.asset_id, prior.enhancement_id):
                self._api.created_earlier(known, self._stages.steps.clock.time() - prior.updated_at)
        try:
            found = await self._api.get_speech_enhancement(prior.asset_id, prior.enhancement_id)
            self._track.asset = await self._api.get_asset(prior.asset_id)
        except NotFoundError:
            if leader.spare and row.entry.state == EntryState.SUCCEEDED:
                raise ResultAwayError("The result is no longer there.") from None
            return None
        self._has(found)
        await self._subscribers.note_done(
            state=EntryState.SUBMITTED,
            asset_id=found.asset_id,
            enhancement_id=found.id,
            client_id=client_id,
        )
        outstanding = self._stages.queue.take_up(
            found,
            byte_size=content.byte_size,
            content_type=content.content_type,
            on_status=self._on_status,
            on_retry=self._subscribers.on_retry,
        )
        self._submitted(outstanding)
        return outstanding

    async def _submit(self) -> Outstanding:
        async with self._stages.ahead.place(self._subscribers.job.priority):
            asset = await self._uploaded()
            for number in count(1):
                self._lost = False
                try:
                    return await self._window(asset)
                except (NotFoundError, ValidationError) as error:
                    if not self._another_helps(error, number):
                        raise
                    if error.status == 422 and not self._subscribers.job.extra_enhancements:
                        self._one_more()  # unless the request with the lost answer was counted
                    if error.status == 422:
                        self._spent.append(asset.id)
                self._stages.assets.forget(self._upload_key, asset)
                asset = await self._uploaded(anew=True)
        raise AssertionError("it returns or raises")

    def _another_helps(self, error: ApiError, number: int) -> bool:
        """Whether another asset can be enhanced where this one, of some number, was refused.

        The server has dropped an upload from earlier, or it is of no use any more: once more,
        anew. And again where the refusal of the new one has a reason of its own, another answer
        that was lost: each is a try, of which there are as many as of any request.
        """
        if isinstance(error, ValidationError) and not error.asset_spent:
            return False
        return number == 1 or (self._lost and number < self._stages.steps.attempts)

    async def _window(self, asset: Asset) -> Outstanding:
        return await self._stages.queue.submit(
            lambda: self._create(asset),
            sent=lambda: self._track.state is JobState.SUBMITTING,
            byte_size=self._content.byte_size,
            content_type=self._content.content_type,
            priority=self._subscribers.job.priority,
            on_submitted=self._submitted,
            on_status=self._on_status,
            on_retry=self._subscribers.on_retry,
        )

    @property
    def _upload_key(self) -> tuple[str, ContentKey]:
        return self._api.client_id, self._content  # others cannot see the asset

    async def _uploaded(self, *, anew: bool = False) -> Asset:
        stages, subscribers = self._stages, self._subscribers
        while True:
            try:
                asset = await stages.assets.get(
                    self._upload_key,
                    subscribers,
                    lambda: stages.upload(self._content, subscribers, self._gone, anew=anew),
                )
            except (InvalidSourceError, SourceChangedError) as error:
                # Whoever joined just after the last of the sources was tried has another one.
                if error.phase is not Phase.UPLOAD or self._gone.issuperset(subscribers.sources):
                    raise
            else:
                await subscribers.reached(JobState.UPLOADED, asset)
                return asset

    async def _create(self, asset: Asset) -> SpeechEnhancement:
        try:
            enhancement = await self._api.create_speech_enhancement(
                asset.id, self._strength, on_send=self._on_send, on_retry=self._on_create_retry
            )
        except AudioEnhanceError as error:
            self._not_created(error)
            raise
        self._has(enhancement)
        await self._subscribers.note_done(state=EntryState.SUBMITTED, enhancement_id=enhancement.id)
        return enhancement

    async def _on_send(self) -> None:
        # From here on it is seen through even if it is cancelled, so that its id is known.
        self._track.enter(JobState.SUBMITTING)
        # Written down first: a run that dies after this may have made one more.
        await self._subscribers.note_sending()

    def _on_create_retry(self, error: AudioEnhanceError, wait: float) -> None:
        self._not_created(error)
        if not self.wanting:
            raise JobCancelledError("Nobody waits for this enhancement any more.")
        self._subscribers.on_retry(error, wait)

    def _not_created(self, error: AudioEnhanceError) -> None:
        if error.outcome_unknown:
            self._lost = True
            self._track.suspect()
            self._one_more()
        self._track.enter(JobState.UPLOADED)

    def _has(self, enhancement: SpeechEnhancement) -> None:
        """Take note of the enhancement that the server has."""
        self._track.enhancement = enhancement
        self._track.enter(JobState.SUBMITTED)

    def _submitted(self, outstanding: Outstanding) -> None:
        self._stages.room_changed()
        self._subscribers.tell(Submitted, position=self._stages.queue.position(outstanding))

    def _on_status(self, enhancement: SpeechEnhancement, expected_end: datetime | None) -> None:
        self._track.enhancement = enhancement
        self._subscribers.tell(
            Processing,
            status=enhancement.status,
            finished=enhancement.finished,
            expected_end=expected_end,
        )

    def _one_more(self) -> None:
        # Counted with one job only: the server makes it once, however many wait for it.
        self._subscribers.job.extra_enhancements += 1
