"""Everything public, by name; `import audio_enhance` imports it when it is asked for."""

from ._client import EnhanceClient
from ._core.clock import Clock, SystemClock
from ._core.errors import (
    ApiError,
    AudioEnhanceError,
    AuthenticationError,
    ClientClosedError,
    ConfigurationError,
    ConnectionFailedError,
    CorruptTransferError,
    EnhancementFailedError,
    InvalidInputError,
    InvalidSourceError,
    InvalidStrengthError,
    JobCancelledError,
    JournalError,
    JournalLockedError,
    LaneFullError,
    MissingExtraError,
    NotFoundError,
    OutputError,
    OutputExistsError,
    Phase,
    ProtocolError,
    RateLimitError,
    RequestTimeoutError,
    ServerError,
    SourceChangedError,
    SourceTooLargeError,
    StorageError,
    TooManyWaitingError,
    TransferStalledError,
    UnsupportedMediaTypeError,
    ValidationError,
    WaitTimeoutError,
)
from ._core.events import (
    Downloading,
    Event,
    Finished,
    Hashing,
    Processing,
    Queued,
    Retrying,
    Submitted,
    Uploading,
    Waiting,
)
from ._core.models import (
    Asset,
    AssetStatus,
    EnhancementStatus,
    SpeechEnhancement,
    check_strength,
)
from ._core.paths import RemotePath, path_of
from ._jobs.handle import Job
from ._jobs.report import BatchReport, Outcome, OutcomeStatus
from ._jobs.result import EnhanceResult
from ._jobs.state import JobStatus
from ._journal.earlier import Earlier, earlier_result
from ._journal.entry import EntryState, JournalEntry
from ._journal.journal import Journal
from ._recording.fetched import list_files
from ._recording.file_object import BinaryFile
from ._recording.filenames import safe_name
from ._recording.fingerprint import Fingerprint
from ._recording.given import AnySource, SourceLike
from ._recording.media_types import AUDIO_SUFFIXES, CONTENT_TYPES, content_type_of
from ._recording.source import Source
from ._recording.suffixes import recording_suffixes
from ._scheduler.polling import PollPolicy
from ._session.rate_limits import RateLimits
from ._session.retry import RetryPolicy
from ._session.sessions import Timeouts
from ._session.tokens import AccessToken, ClientCredentials, TokenProvider
from ._session.wire import ApiVersion
from ._transfer.part_file import check_output_place
from ._transfer.stream import ResultStream
from ._version import __version__
from ._video.kinds import VIDEO_SUFFIXES

__all__ = [
    "AUDIO_SUFFIXES",
    "CONTENT_TYPES",
    "VIDEO_SUFFIXES",
    "AccessToken",
    "AnySource",
    "ApiError",
    "ApiVersion",
    "Asset",
    "AssetStatus",
    "AudioEnhanceError",
    "AuthenticationError",
    "BatchReport",
    "BinaryFile",
    "ClientClosedError",
    "ClientCredentials",
    "Clock",
    "ConfigurationError",
    "ConnectionFailedError",
    "CorruptTransferError",
    "Downloading",
    "Earlier",
    "EnhanceClient",
    "EnhanceResult",
    "EnhancementFailedError",
    "EnhancementStatus",
    "EntryState",
    "Event",
    "Fingerprint",
    "Finished",
    "Hashing",
    "InvalidInputError",
    "InvalidSourceError",
    "InvalidStrengthError",
    "Job",
    "JobCancelledError",
    "JobStatus",
    "Journal",
    "JournalEntry",
    "JournalError",
    "JournalLockedError",
    "LaneFullError",
    "MissingExtraError",
    "NotFoundError",
    "Outcome",
    "OutcomeStatus",
    "OutputError",
    "OutputExistsError",
    "Phase",
    "PollPolicy",
    "Processing",
    "ProtocolError",
    "Queued",
    "RateLimitError",
    "RateLimits",
    "RemotePath",
    "RequestTimeoutError",
    "ResultStream",
    "RetryPolicy",
    "Retrying",
    "ServerError",
    "Source",
    "SourceChangedError",
    "SourceLike",
    "SourceTooLargeError",
    "SpeechEnhancement",
    "StorageError",
    "Submitted",
    "SystemClock",
    "Timeouts",
    "TokenProvider",
    "TooManyWaitingError",
    "TransferStalledError",
    "UnsupportedMediaTypeError",
    "Uploading",
    "ValidationError",
    "WaitTimeoutError",
    "Waiting",
    "__version__",
    "check_output_place",
    "check_strength",
    "content_type_of",
    "earlier_result",
    "list_files",
    "path_of",
    "recording_suffixes",
    "safe_name",
]
