"""What `resume` has to know of the command that began a journal."""

import hashlib
import json
import re
from contextlib import suppress
from pathlib import Path, PurePath
from typing import Any, Self

import attrs

from audio_enhance import ApiVersion, ConfigurationError, EntryState, Journal, path_of

from .placing import Placing

JOURNAL_NAME = ".audio-enhance.sqlite"
#: What a journal's name has to end in for its folder to be known by it.
JOURNAL_SUFFIX = ".sqlite"
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
        local: Whether the local service does the work.
        engine: What it enhances with; the best that works if None.
        cluster: The Dask scheduler whose workers do its work, this machine if None.
        api_version: The generation of the API.
        delete_uploads: Whether uploads are deleted at the server when their results are saved.
        placing: Where each result goes.
        credentials: The files with those of the API clients, absolute; none if they come from the
            environment.
    """

    output_dir: PurePath
    overwrite: bool = False
    root: PurePath | None = None
    content_type: str | None = None
    local: bool = False
    engine: str | None = None
    cluster: str | None = None
    api_version: ApiVersion = "v1"
    delete_uploads: bool = False
    placing: Placing = attrs.field(factory=Placing)
    credentials: tuple[str, ...] = ()

    async def write(self, journal: Journal) -> None:
        """Write them into a journal; raises `ConfigurationError`, see `check`."""
        await self.check(journal)
        tops = await self._all_tops(journal)
        values = attrs.asdict(self, recurse=False) | {
            "output_dir": str(self.output_dir),
            "root": None if self.root is None else str(self.root),
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
        was_local = (await self.of(journal)).local
        if was_local != self.local and (await journal.counts())[EntryState.SUCCEEDED]:
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
                local=values["local"],
                engine=values.get("engine"),
                cluster=values.get("cluster"),
                # Journals of earlier versions know of the first one only.
                api_version=values.get("api_version", "v1"),
                delete_uploads=values.get("delete_uploads", False),
                placing=await _placing_in(journal, values.get("placing", {})),
                credentials=tuple(values.get("credentials", ())),
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


def journal_for(output_dir: PurePath) -> Path:
    """Return where the journal is kept where nothing else is said: with the results.

    If those go to a bucket, it is in the current folder, by a name that tells which bucket's.
    """
    if isinstance(output_dir, Path):
        return output_dir / JOURNAL_NAME
    url = str(output_dir)
    told = re.sub(r"[^A-Za-z0-9.]+", "-", url.partition("://")[2]).strip("-.")[:80]
    mark = hashlib.sha256(url.encode()).hexdigest()[:6]
    return Path.cwd() / f"audio-enhance-{told}-{mark}{JOURNAL_SUFFIX}"


def journal_in(path: Path) -> Path:
    """Return the journal that a path means: the file itself, or the one in an output folder."""
    return path / JOURNAL_NAME if path.is_dir() else path
