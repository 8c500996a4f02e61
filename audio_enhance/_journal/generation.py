"""Which generation of the API a journal's jobs are at: the other one may not know them."""

from audio_enhance._core.errors import ConfigurationError

from .entry import EntryState
from .journal import Journal, rows_of

_SETTING = "api version"
# Journals that do not tell were written when there was no other.
_FIRST = "v1"
_AT_THE_SERVER = (
    EntryState.UPLOADING,
    EntryState.UPLOADED,
    EntryState.SUBMITTING,
    EntryState.SUBMITTED,
    EntryState.PROCESSED,
    EntryState.DOWNLOADING,
)


async def check_generation(journal: Journal, version: str) -> None:
    """Write down which generation the jobs of a journal are at from now on.

    What is finished is no matter; what is under way there is gone on with where it was begun.

    Raises:
        ConfigurationError: There are jobs under way at the other one.
    """
    rows = rows_of(journal)
    if rows.api_version == version:
        return
    known = await journal.setting(_SETTING) or _FIRST
    if known != version:
        counts = await journal.counts()
        under_way = sum(counts[state] for state in _AT_THE_SERVER)
        if under_way:
            raise ConfigurationError(
                f"The journal {journal.path} has {under_way} under way at {known} of the API,"
                f" and this is {version}.",
                hint=f"Finish them first with {known} (AUDIO_ENHANCE_API_VERSION={known}),"
                " or start another journal.",
            )
    await journal.set_setting(_SETTING, version)
    rows.api_version = version
