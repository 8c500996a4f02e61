"""The way of a result to its place on disk, and whether it may go there."""

from pathlib import Path

import aiofiles.os
import attrs

from audio_enhance._core.errors import OutputError, OutputExistsError
from audio_enhance._core.events import Downloading
from audio_enhance._journal.journal import EntryState
from audio_enhance._journal.row import Record, key_of
from audio_enhance._recording.filenames import result_name
from audio_enhance._transfer.output_folder import OutputFolder
from audio_enhance._transfer.part_file import PartialFile

from .handle import Job
from .work import Enhanced


@attrs.frozen
class Delivery:
    """Brings the result of one job into its folder.

    Attributes:
        job: Told of the progress.
        outputs: The folder.
        record: The job's row in the journal, if there is a journal.
    """

    job: Job
    outputs: OutputFolder
    record: Record | None

    async def check(self, byte_size: int) -> None:
        """See whether the result can have its place, before anything is paid for.

        Args:
            byte_size: Of the source; the result is about as large.

        Raises:
            OutputExistsError: Something else is there already.
            OutputError: The folder takes no result of that size.
        """
        await self.outputs.prove(byte_size)
        expected = self.outputs.expected(self.job.source, self.job.strength)
        if self.outputs.overwrite or not await aiofiles.os.path.exists(expected):
            return
        if self.record is None or await self.record.own_result(self.outputs.directory) is None:
            raise OutputExistsError(f"{expected} is there already.")

    async def fetch(self, enhanced: Enhanced) -> Path:
        """Download the result and put it in its place, which is returned (step 5).

        Raises:
            OutputExistsError: Something else is there already.
            OutputError: It cannot be written.
            AudioEnhanceError: Whatever else went wrong.
        """
        try:
            return await self._fetch(enhanced)
        except OutputError:
            self.outputs.doubt()
            raise

    async def _fetch(self, enhanced: Enhanced) -> Path:
        job, outputs, record = self.job, self.outputs, self.record
        file = PartialFile(outputs.directory)

        async def place(name: str) -> tuple[Path, bool]:
            if enhanced.asset.filename != job.source.filename:
                # Made for another source with the same content: the name is that one's.
                name = result_name(job.source.filename, job.strength)
            earlier = None if record is None else await record.own_result(outputs.directory)
            target = outputs.place(job.source, name, earlier=earlier)
            overwrite = outputs.overwrite or (record is not None and await record.is_own(target))
            if record is not None:
                await file.write()  # all of it: the journal notes what is about to get its name
                await record.placing(file.path, target)
            return target, overwrite

        job.tell(Downloading, received=0, total=None)
        if record is not None:
            await record.note(
                state=EntryState.DOWNLOADING,
                temporary=key_of(file.path),
                client_id=enhanced.steps.api.client_id,
                **job.ids,
            )
        saved = await enhanced.steps.download(
            enhanced.enhancement,
            file,
            place=place,
            original=job.source.filename,
            on_bytes=lambda received, total: job.tell(Downloading, received=received, total=total),
            on_retry=job.on_retry,
        )
        if record is not None:
            await record.note_done(
                state=EntryState.SUCCEEDED,
                temporary=None,
                error=None,
                extra=job.extra_enhancements,
            )
        return saved
