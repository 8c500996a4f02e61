"""Which service does the work, as the options say."""

import os
from collections.abc import Callable, Mapping
from functools import wraps
from pathlib import Path
from typing import Any, Self, TypeVar

import attrs
import click

from audio_enhance import ApiVersion

from .options import (
    cluster_option,
    credentials_option,
    engine_option,
    local_option,
    version_option,
    workers_option,
)

_Command = TypeVar("_Command", bound=Callable[..., Any])


@attrs.frozen(kw_only=True)
class Server:
    """The API, or a local service, and how either does the work.

    Attributes:
        local: Whether a local service does the work, started for the run.
        workers: How many recordings that works on at once; as many as there are cores if None.
        engine: What it enhances with; the best that works here if None.
        cluster: The Dask scheduler whose workers do its work; this machine if None.
        api_version: The generation of the API.
        credentials: The files with those of the API clients; none if they come from the
            environment.
    """

    local: bool = False
    workers: int | None = None
    engine: str | None = None
    cluster: str | None = None
    api_version: ApiVersion = "v1"
    credentials: tuple[Path, ...] = ()

    @classmethod
    def from_journal(cls, values: Mapping[str, Any]) -> Self:
        """Return the one of an earlier run, from what `for_journal` returned.

        Raises:
            KeyError: It does not say which service it was.
        """
        return cls(
            local=values["local"],
            engine=values.get("engine"),
            cluster=values.get("cluster"),
            # Journals of earlier versions know of the first one only.
            api_version=values.get("api_version", "v1"),
            credentials=tuple(map(Path, values.get("credentials", ()))),
        )

    def check(self) -> None:
        """See that the options fit together.

        Raises:
            UsageError: Some are about the local service and it is not that, or the other way round.
        """
        if self.local and self.credentials:
            raise click.UsageError("Use either --local or --credentials, not both.")
        for option, value in (
            ("--workers", self.workers),
            ("--engine", self.engine),
            ("--cluster", self.cluster),
        ):
            if value is not None and not self.local:
                raise click.UsageError(f"{option} is for the local service: add --local.")

    def for_journal(self) -> dict[str, Any]:
        """Return what a later run on the same journal has to know of it."""
        return {
            "local": self.local,
            "engine": self.engine,
            "cluster": self.cluster,
            "api_version": self.api_version,
            "credentials": [os.path.abspath(file) for file in self.credentials],  # noqa: PTH100
        }

    def resumed(self, given: "Server") -> "Server":
        """Return the one of an earlier run as the options of a later one change it."""
        local = given.local or self.local
        return Server(
            local=local,
            workers=given.workers,
            engine=self.engine,
            cluster=given.cluster or (None if given.workers else self.cluster),
            api_version=self.api_version,
            credentials=given.credentials or (() if local else self.credentials),
        )


_FIELDS = [field.name for field in attrs.fields(Server)]
_RESUMING = (credentials_option, local_option, workers_option, cluster_option)
_CHECKED = (credentials_option, local_option, cluster_option, engine_option, version_option)


def server_options(command: _Command) -> _Command:
    """Add the options that say which service does the work; the command takes it as `server`."""
    return _with((*_RESUMING, engine_option, version_option), command)


def resumed_server_options(command: _Command) -> _Command:
    """Add those of them that a later run on a journal may change."""
    return _with(_RESUMING, command)


def checked_server_options(command: _Command) -> _Command:
    """Add those of them that make a difference to whether a run can work."""
    return _with(_CHECKED, command)


def _with(options: tuple[Callable[[Any], Any], ...], command: _Command) -> _Command:
    @wraps(command)
    def called(*arguments: Any, **given: Any) -> Any:
        own = {name: given.pop(name) for name in _FIELDS if name in given}
        return command(*arguments, server=Server(**own), **given)

    added: Any = called
    for option in reversed(options):
        added = option(added)
    return added  # type: ignore[no-any-return]  # the command, with other options
