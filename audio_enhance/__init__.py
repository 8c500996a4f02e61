"""An asyncio client for the Enhance Speech API of Adobe Audio Services."""

# Nothing is imported here: a Ctrl-C that comes while the command line starts can be met, but
# not before this is through.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from ._client import EnhanceClient as EnhanceClient
    from ._core.clock import Clock as Clock
    from ._core.clock import SystemClock as SystemClock
    from ._core.errors import ApiError as ApiError
    from ._core.errors import AudioEnhanceError as AudioEnhanceError
    from ._core.errors import AuthenticationError as AuthenticationError
    from ._core.errors import ClientClosedError as ClientClosedError
    from ._core.errors import ConfigurationError as ConfigurationError
    from ._core.errors import ConnectionFailedError as ConnectionFailedError
    from ._core.errors import CorruptTransferError as CorruptTransferError
    from ._core.errors import EnhancementFailedError as EnhancementFailedError
    from ._core.errors import InvalidInputError as InvalidInputError
    from ._core.errors import InvalidSourceError as InvalidSourceError
    from ._core.errors import InvalidStrengthError as InvalidStrengthError
    from ._core.errors import JobCancelledError as JobCancelledError
    from ._core.errors import JournalError as JournalError
    from ._core.errors import JournalLockedError as JournalLockedError
    from ._core.errors import LaneFullError as LaneFullError
    from ._core.errors import MissingExtraError as MissingExtraError
    from ._core.errors import NotFoundError as NotFoundError
    from ._core.errors import OutputError as OutputError
    from ._core.errors import OutputExistsError as OutputExistsError
    from ._core.errors import ProtocolError as ProtocolError
    from ._core.errors import RateLimitError as RateLimitError
    from ._core.errors import RequestTimeoutError as RequestTimeoutError
    from ._core.errors import ServerError as ServerError
    from ._core.errors import SourceChangedError as SourceChangedError
    from ._core.errors import SourceTooLargeError as SourceTooLargeError
    from ._core.errors import StorageError as StorageError
    from ._core.errors import TooManyWaitingError as TooManyWaitingError
    from ._core.errors import TransferStalledError as TransferStalledError
    from ._core.errors import UnsupportedMediaTypeError as UnsupportedMediaTypeError
    from ._core.errors import ValidationError as ValidationError
    from ._core.errors import WaitTimeoutError as WaitTimeoutError
    from ._core.events import Downloading as Downloading
    from ._core.events import Event as Event
    from ._core.events import Finished as Finished
    from ._core.events import Hashing as Hashing
    from ._core.events import Processing as Processing
    from ._core.events import Queued as Queued
    from ._core.events import Retrying as Retrying
    from ._core.events import Submitted as Submitted
    from ._core.events import Uploading as Uploading
    from ._core.events import Waiting as Waiting
    from ._core.models import Asset as Asset
    from ._core.models import AssetStatus as AssetStatus
    from ._core.models import EnhancementStatus as EnhancementStatus
    from ._core.models import SpeechEnhancement as SpeechEnhancement
    from ._core.models import check_strength as check_strength
    from ._core.paths import RemotePath as RemotePath
    from ._core.paths import path_of as path_of
    from ._core.phase import Phase as Phase
    from ._jobs.handle import Job as Job
    from ._jobs.report import BatchReport as BatchReport
    from ._jobs.report import Outcome as Outcome
    from ._jobs.report import OutcomeStatus as OutcomeStatus
    from ._jobs.result import EnhanceResult as EnhanceResult
    from ._jobs.state import JobStatus as JobStatus
    from ._journal.earlier import Earlier as Earlier
    from ._journal.earlier import earlier_result as earlier_result
    from ._journal.entry import EntryState as EntryState
    from ._journal.entry import JournalEntry as JournalEntry
    from ._journal.journal import Journal as Journal
    from ._recording.fetched import list_files as list_files
    from ._recording.file_object import BinaryFile as BinaryFile
    from ._recording.filenames import safe_name as safe_name
    from ._recording.fingerprint import Fingerprint as Fingerprint
    from ._recording.given import AnySource as AnySource
    from ._recording.given import SourceLike as SourceLike
    from ._recording.media_types import AUDIO_SUFFIXES as AUDIO_SUFFIXES
    from ._recording.media_types import CONTENT_TYPES as CONTENT_TYPES
    from ._recording.media_types import content_type_of as content_type_of
    from ._recording.source import Source as Source
    from ._recording.suffixes import recording_suffixes as recording_suffixes
    from ._scheduler.polling import PollPolicy as PollPolicy
    from ._session.rate_limits import RateLimits as RateLimits
    from ._session.retry import RetryPolicy as RetryPolicy
    from ._session.sessions import Timeouts as Timeouts
    from ._session.tokens import AccessToken as AccessToken
    from ._session.tokens import ClientCredentials as ClientCredentials
    from ._session.tokens import TokenProvider as TokenProvider
    from ._session.wire import ApiVersion as ApiVersion
    from ._transfer.part_file import check_output_place as check_output_place
    from ._transfer.stream import ResultStream as ResultStream
    from ._version import __version__ as __version__
    from ._video.kinds import VIDEO_SUFFIXES as VIDEO_SUFFIXES
else:
    # The same for programs that run. Each name comes from its own module, when somebody asks for
    # it first (PEP 562): a process that works on sound and raises one of the errors gets by
    # without a client, which takes more time and memory to import than the rest of it.
    _NAMES = {
        "_client": ("EnhanceClient",),
        "_core.clock": ("Clock", "SystemClock"),
        "_core.errors": (
            "ApiError",
            "AudioEnhanceError",
            "AuthenticationError",
            "ClientClosedError",
            "ConfigurationError",
            "ConnectionFailedError",
            "CorruptTransferError",
            "EnhancementFailedError",
            "InvalidInputError",
            "InvalidSourceError",
            "InvalidStrengthError",
            "JobCancelledError",
            "JournalError",
            "JournalLockedError",
            "LaneFullError",
            "MissingExtraError",
            "NotFoundError",
            "OutputError",
            "OutputExistsError",
            "ProtocolError",
            "RateLimitError",
            "RequestTimeoutError",
            "ServerError",
            "SourceChangedError",
            "SourceTooLargeError",
            "StorageError",
            "TooManyWaitingError",
            "TransferStalledError",
            "UnsupportedMediaTypeError",
            "ValidationError",
            "WaitTimeoutError",
        ),
        "_core.events": (
            "Downloading",
            "Event",
            "Finished",
            "Hashing",
            "Processing",
            "Queued",
            "Retrying",
            "Submitted",
            "Uploading",
            "Waiting",
        ),
        "_core.models": (
            "Asset",
            "AssetStatus",
            "EnhancementStatus",
            "SpeechEnhancement",
            "check_strength",
        ),
        "_core.paths": ("RemotePath", "path_of"),
        "_core.phase": ("Phase",),
        "_jobs.handle": ("Job",),
        "_jobs.report": ("BatchReport", "Outcome", "OutcomeStatus"),
        "_jobs.result": ("EnhanceResult",),
        "_jobs.state": ("JobStatus",),
        "_journal.earlier": ("Earlier", "earlier_result"),
        "_journal.entry": ("EntryState", "JournalEntry"),
        "_journal.journal": ("Journal",),
        "_recording.fetched": ("list_files",),
        "_recording.file_object": ("BinaryFile",),
        "_recording.filenames": ("safe_name",),
        "_recording.fingerprint": ("Fingerprint",),
        "_recording.given": ("AnySource", "SourceLike"),
        "_recording.media_types": ("AUDIO_SUFFIXES", "CONTENT_TYPES", "content_type_of"),
        "_recording.source": ("Source",),
        "_recording.suffixes": ("recording_suffixes",),
        "_scheduler.polling": ("PollPolicy",),
        "_session.rate_limits": ("RateLimits",),
        "_session.retry": ("RetryPolicy",),
        "_session.sessions": ("Timeouts",),
        "_session.tokens": ("AccessToken", "ClientCredentials", "TokenProvider"),
        "_session.wire": ("ApiVersion",),
        "_transfer.part_file": ("check_output_place",),
        "_transfer.stream": ("ResultStream",),
        "_version": ("__version__",),
        "_video.kinds": ("VIDEO_SUFFIXES",),
    }
    _MODULES = {name: f".{module}" for module, names in _NAMES.items() for name in names}
    __all__ = list(_MODULES)

    def __getattr__(name: str) -> object:
        if name not in _MODULES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        import logging
        from importlib import import_module

        log = logging.getLogger("audio_enhance")
        if not log.handlers:
            # Nobody is told anything who did not ask: otherwise Python prints warnings itself.
            log.addHandler(logging.NullHandler())
        value = globals()[name] = getattr(import_module(_MODULES[name], __name__), name)
        return value

    def __dir__() -> list[str]:
        return sorted({*globals(), *__all__})
