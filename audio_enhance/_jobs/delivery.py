"""The way of a result to its place on disk, and whether it may go there."""

from functools import partial
from pathlib import Path, PurePath
from typing import Self

import attrs

from audio_enhance._core.cancellation import to_its_end
from audio_enhance._core.errors import ConnectionFailedError, OutputError, OutputExistsError
from audio_enhance._core.events import Downloading
from audio_enhance._core.paths import absolute, path_of
from audio_enhance._journal.entry import EntryState
from audio_enhance._journal.row import JournalRow
from audio_enhance._recording.filenames import result_name
from audio_enhance._recording.film import film_of
from audio_enhance._recording.fingerprint import Fingerprint
from audio_enhance._recording.source import original_of
from audio_enhance._transfer.held_places import Hold
from audio_enhance._transfer.output_folder import OutputFolder
from audio_enhance._transfer.part_file import PartialFile
from audio_enhance._transfer.store import staging, taken

from .enhanced import Enhanced
from .running import RunningJob


@attrs.define(eq=False, repr=False)
class Delivery:
    """Brings the result of one job into its folder; a context manager that gives back its place.

    Attributes:
        job: Told of the progress.
        outputs: The folder.
        row: The job's row in the journal, if there is a journal.
    """

    job: RunningJob
    outputs: OutputFolder
    row: JournalRow | None
    _hold: Hold = attrs.field(init=False)
    _expected: PurePath = attrs.field(init=False)
    _claims: list[PurePath] = attrs.field(factory=list[PurePath], init=False)
    _checked: PurePath | None = attrs.field(default=None, init=False)
    _is_there: bool = attrs.field(default=False, init=False)

    def __attrs_post_init__(self) -> None:
        self._hold = Hold(self.outputs, self.outputs.directory)

    def __enter__(self) -> Self:
        """Claim the place where the result will probably be: who was given first has the name.

        Raises:
            OutputExistsError: The result of another job is going to be there.
        """
        outputs, row = self.outputs, self.row
        earlier = None if row is None else row.earlier_place(outputs.directory)
        if outputs.rule is not None or earlier is None or outputs.has(earlier):
            self._expected = outputs.expected(self.job.source, self.job.strength)
        else:
            self._expected = earlier
        self._hold.announce(self._expected)
        self._claim(self._expected)
        return self

    def __exit__(self, *exception: object) -> None:
        for path in self._claims:
            self.outputs.release(path)
        self._hold.release()

    def _claim(self, path: PurePath) -> None:
        self.outputs.claim(path)
        self._claims.append(path)

    def _may_have(self, path: PurePath) -> bool:
        return path in self._claims or not self.outputs.has(path)

    def look(self, sent: Fingerprint) -> None:
        """Take the place where the result will probably be, and see whether it is free; blocks.

        Args:
            sent: Of what is sent; the result is about as large.

        Raises:
            OutputExistsError: Something else is going to be there.
            OutputError: The folder takes no result of that size.
        """
        byte_size = sent.byte_size
        film = film_of(original_of(self.job.source).content)
        if film is not None:
            byte_size += film.byte_size  # what it is put back into is written once more
        expected = self._expected
        self._is_there = self.outputs.check(expected, byte_size, taking=self._hold.take)
        self._checked = expected

    async def check(self) -> None:
        """See whether the result can have the place that was looked at, before anything is paid.

        Raises:
            OutputExistsError: Something else is there already.
            OutputError: A recording of an earlier run is.
        """
        outputs, row, expected = self.outputs, self.row, self._expected
        if self._is_there:
            await self._protect_recordings(expected)
        if outputs.overwrite or not self._is_there:
            return
        if row is None or not (
            row.names(expected) or await row.own_result(outputs.directory) is not None
        ):
            raise OutputExistsError(f"{expected} already exists.")

    async def fetch(self, enhanced: Enhanced) -> PurePath:
        """Download the result and put it in its place, which is returned (step 5).

        Raises:
            OutputExistsError: Something else is there already.
            OutputError: It cannot be written.
            AudioEnhanceError: Whatever else went wrong.
        """
        try:
            return path_of(absolute(await self._fetch(enhanced)))
        except (OutputError, ConnectionFailedError):  # the latter may be the bucket's
            self.outputs.doubt()
            raise

    async def _fetch(self, enhanced: Enhanced) -> PurePath:
        job, row = self.job, self.row
        file = PartialFile(await self._folder())

        async def place(name: str) -> tuple[PurePath, bool]:
            if enhanced.asset.filename != job.source.filename:
                # Made for another source with the same content: the name is that one's.
                name = result_name(job.source.filename, job.strength)
            film = film_of(original_of(job.source).content)
            if film is not None and film.has_picture:
                await file.rework(film.put_back)
            target, replace = await self._place(name)
            if row is not None:
                await file.write()  # all of it: the journal notes what is about to get its name
                await row.placing(file.path, target)
            return target, replace

        job.tell(Downloading, received=0, total=None)
        if row is not None:
            await row.note(
                state=EntryState.DOWNLOADING,
                temporary=absolute(file.path),
                client_id=enhanced.owner.client_id,
                **job.ids,
            )
        try:
            saved = await enhanced.owner.download(
                enhanced.enhancement,
                file,
                place=place,
                original=job.source.filename,
                source_bytes=job.byte_size or None,
                on_bytes=lambda received, total: job.tell(
                    Downloading, received=received, total=total
                ),
                on_retry=job.on_retry,
            )
        except BaseException:
            if row is not None:
                await row.settle()  # it may have its place by now
            raise
        self.outputs.keep(saved)
        if row is not None:
            await row.note_placed(extra=job.extra_enhancements)
        return saved

    async def _folder(self) -> Path:
        """Return where it is collected.

        In the folder that it will probably be in, so that renaming crosses no disks.
        """
        row = self.row
        earlier = None if row is None else await row.own_result(self.outputs.directory)
        ruled = self.outputs.rule is not None
        return staging((self._expected if ruled or earlier is None else earlier).parent)

    async def _place(self, name: str) -> tuple[PurePath, bool]:
        """Return where the result goes, and whether a file that is there may go."""
        job, outputs, row = self.job, self.outputs, self.row
        earlier = None if row is None else await row.own_result(outputs.directory)
        if outputs.rule is not None:
            target = self._expected
        elif earlier is not None and self._may_have(earlier):
            target = earlier
        elif name == result_name(job.source.filename, job.strength):  # as it was expected
            target = self._expected
        else:
            target = outputs.free(job.source, name)
        self._claim(target)
        replace = outputs.overwrite or target == earlier
        if row is not None and not replace:
            replace = await row.is_own(target)
            if not replace and row.names(target) and await to_its_end(partial(taken, target)):
                # Somebody changed the earlier result, whose it is now: this one goes beside it.
                target = await self._beside(target)
        if target != self._checked and await to_its_end(
            partial(outputs.check, target, taking=self._hold.take)
        ):
            await self._protect_recordings(target)
        return target, replace

    async def _protect_recordings(self, path: PurePath) -> None:
        """See that what is there is no recording that the journal knows, and not only this call."""
        outputs = self.outputs
        if self.row is not None and not outputs.knows_recordings:
            outputs.protected.add_recordings(await self.row.recordings())
            outputs.knows_recordings = True
            await to_its_end(partial(outputs.check, path))

    async def _beside(self, path: PurePath) -> PurePath:
        number = 1
        while True:
            numbered = path.with_name(f"{path.stem}-{number}{path.suffix}")
            if self._may_have(numbered):
                self._claim(numbered)  # before looking: others look, too
                if not await to_its_end(partial(taken, numbered)):
                    return numbered
            number += 1
