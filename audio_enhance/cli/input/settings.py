"""What `resume` has to know of the command that began a journal."""

import json
from contextlib import suppress
from pathlib import Path, PurePath
from typing import Any, Self

import attrs

from audio_enhance import ConfigurationError, EntryState, Journal, path_of
from audio_enhance.cli.journals import JOURNAL_NAME

from .placing import Placing
from .server import Server

#: What tells a folder with results whose journal is elsewhere from one with recordings.
MARK_NAME = ".audio-enhance-results"
#: What a line of it begins with that says what results are called.
MARK_TEMPLATE = "name: "
_KEY = "enhance"


@attrs.frozen(kw_only=True)
class Settings:
    """How a batch is enhanced, apart from what and at which strengths.

    Attributes:
        output_dir: The folder for the results.
        overwrite: Whether results replace files that were there before.
        root: Below this folder the structure is kept where names clash.
        content_type: Sent instead of the type that each name stands for.
        server: Which service does the work.
        delete_uploads: Whether uploads are deleted at the server when their results are saved.
        placing: Where each result goes.
    """

    output_dir: PurePath
    overwrite: bool = False
    root: PurePath | None = None
    content_type: str | None = None
    server: Server = attrs.field(factory=Server)
    delete_uploads: bool = False
    placing: Placing = attrs.field(factory=Placing)

    async def write(self, journal: Journal) -> None:
        """Write them into a journal; raises `ConfigurationError`, see `check`."""
        await self.check(journal)
        tops = await self._all_tops(journal)
        values = self.server.for_journal() | {
            "output_dir": str(self.output_dir),
            "overwrite": self.overwrite,
            "root": None if self.root is None else str(self.root),
            "content_type": self.content_type,
            "delete_uploads": self.delete_uploads,
            "placing": {
                "mirror": self.placing.mirror,
                "name": self.placing.name,
                "tops": len(tops),
            },
        }
        await journal.set_setting(_KEY, json.dumps(values))
        # Once more as paths, which go where the journal goes.
        await journal.set_path_setting("output_dir", self.output_dir)
        if self.root is not None:
            await journal.set_path_setting("root", self.root)
        for number, top in enumerate(tops):
            await journal.set_path_setting(f"top:{number}", top)

    async def _all_tops(self, journal: Journal) -> list[PurePath]:
        """Return the folders that this command names, and then those of earlier ones.

        A later command that names others must not move the results of what they left.
        """
        if not self.placing.mirror:
            return []
        before = list[PurePath]()
        with suppress(ConfigurationError):  # it is new, or a program's, which is told elsewhere
            before = [*(await self.of(journal)).placing.tops]
        return list(dict.fromkeys([*self.placing.tops, *before]))

    async def check(self, journal: Journal) -> None:
        """See that what a journal holds was done by the service that these settings are for.

        Raises:
            ConfigurationError: It holds results of the local service and these are of the API,
                or the other way round: those would be taken for these.
        """
        if await journal.setting(_KEY) is None:
            return
        was_local = (await self.of(journal)).server.local
        if was_local != self.server.local and (await journal.counts())[EntryState.SUCCEEDED]:
            service = "local service" if was_local else "API"
            raise ConfigurationError(
                f"The results in the journal {journal.path} were made by the {service}.",
                hint="Choose another --output-dir, so that the two are not mixed up.",
            )

    @classmethod
    async def of(cls, journal: Journal) -> Self:
        """Read them from a journal.

        Raises:
            ConfigurationError: It was begun by a program, or by another version.
        """
        try:
            values = json.loads(await journal.setting(_KEY) or "")
            root = values["root"]
            output_dir = await journal.path_setting("output_dir") or _early(
                journal, path_of(values["output_dir"])
            )
            if root is not None:
                root = await journal.path_setting("root") or path_of(root)
            return cls(
                output_dir=output_dir,
                overwrite=values["overwrite"],
                root=root,
                content_type=values["content_type"],
                server=Server.from_journal(values),
                delete_uploads=values.get("delete_uploads", False),
                placing=await _placing_in(journal, values.get("placing", {})),
            )
        except (ValueError, KeyError, TypeError):
            raise ConfigurationError(
                f"The journal {journal.path} was not started by `audio-enhance enhance`.",
                hint="Run the program that started it again, with the same journal.",
            ) from None


async def _placing_in(journal: Journal, values: dict[str, Any]) -> Placing:
    tops = [await journal.path_setting(f"top:{n}") for n in range(values.get("tops", 0))]
    return Placing(
        mirror=values.get("mirror", False),
        name=values.get("name"),
        tops=tuple(top for top in tops if top is not None),
    )


def _early(journal: Journal, output_dir: PurePath) -> PurePath:
    """Return where the results are of a journal whose version wrote down no path to go with it."""
    if not isinstance(output_dir, Path):
        return output_dir
    moved = journal.path.name == JOURNAL_NAME and not output_dir.is_dir()
    return journal.path.absolute().parent if moved else output_dir
