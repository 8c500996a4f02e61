"""`--credentials FILE`: the credentials of one API client or several, each time it is given."""

import json
import os
import shlex
import stat
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeGuard

from audio_enhance import AccessToken, ClientCredentials, ConfigurationError, EntryState, Journal
from audio_enhance.cli.display.outcome import near
from audio_enhance.cli.display.screen import error_console, say
from audio_enhance.cli.display.text import several, shown

_ID, _SECRET = "FIREFLY_SERVICES_CLIENT_ID", "FIREFLY_SERVICES_CLIENT_SECRET"
_TOKEN, _TOKEN_URL = "FIREFLY_SERVICES_ACCESS_TOKEN", "AUDIO_ENHANCE_TOKEN_URL"
_LONGEST_BYTES = 1 << 20  # of what can be such a file
# What is with the server and was paid for.
_OWED = (EntryState.SUBMITTED, EntryState.PROCESSED, EntryState.DOWNLOADING)

Auth = ClientCredentials | AccessToken


def credentials_in(files: Sequence[Path]) -> list[Auth]:
    """Return the credentials in some files, and warn of files that everybody can read. Blocks.

    Raises:
        ConfigurationError: A file cannot be read, holds none, or those of an API client that
            another one has, too.
    """
    found: dict[str, Path] = {}
    several_of: list[Auth] = []
    for file in files:
        for auth in _credentials_in(file):
            if (other := found.get(auth.client_id)) is not None:
                raise ConfigurationError(
                    f"The API client {auth.client_id} is in {near(other)} and in {near(file)}.",
                    hint="The server works on one recording of an API client at a time. Give each"
                    " one once.",
                )
            found[auth.client_id] = file
            several_of.append(auth)
    return several_of


async def check_owners(
    journal: Journal, client_ids: frozenset[str] | None, jobs: frozenset[tuple[str, int]] | None
) -> None:
    """See that whoever submitted what is at the server can ask for it.

    Args:
        journal: What knows who did.
        client_ids: The API clients whose credentials there are; `None` for a local service's.
        jobs: The sources, as journals write them, and strengths that are meant; all if `None`.

    Raises:
        ConfigurationError: The credentials of one are missing.
    """
    if client_ids is None:
        return
    missing = [
        entry.client_id
        async for entry in journal.entries(*_OWED)
        if entry.client_id not in client_ids
        and (jobs is None or (entry.source, entry.strength) in jobs)
    ]
    if missing:
        whose = ", ".join(sorted({str(client_id) for client_id in missing}))
        are = "is" if len(missing) == 1 else "are"
        raise ConfigurationError(
            f"{several(len(missing), 'result')} of {near(journal.path)} {are} at the server, made"
            f" for the API client {whose}, whose credentials are not given.",
            hint="Add them with --credentials. If you no longer have them, forget these recordings"
            " with `audio-enhance forget`. They are then uploaded and paid for again.",
        )


def _credentials_in(file: Path) -> list[Auth]:
    try:
        with file.open("rb") as opened:
            text = opened.read(_LONGEST_BYTES).decode()
            _warn(file, os.fstat(opened.fileno()).st_mode)
    except OSError as error:
        raise ConfigurationError(
            f"The credentials in {near(file)} cannot be read: {error.strerror}.",
            hint="Give --credentials a file with the credentials of an API client.",
        ) from None
    except ValueError:
        text = ""
    try:
        found = list(_from_json(json.loads(text)))
    except ConfigurationError as error:
        raise ConfigurationError(f"{near(file)}: {error.message}", hint=error.hint) from None
    except ValueError:  # it is no JSON
        found = list(_from_lines(text))
    if not found:
        raise ConfigurationError(
            f"There are no credentials of an API client in {near(file)}.",
            hint='It should be {"client_id": "…", "client_secret": "…"}, or the file that you can'
            f" download from Adobe's developer console, or have lines such as {_ID}=….",
        )
    return found


def _from_json(data: Any) -> Iterator[Auth]:
    """Yield what is in an object with an id and a secret, or in a project of Adobe's console."""
    given = _object(data)
    if "client_id" in given and given.get("client_secret"):
        yield _with_secret(given["client_id"], given["client_secret"], given.get("scopes"))
        return
    for name in ("project", "workspace", "details"):
        given = _object(given.get(name))
    for each in _list(given.get("credentials")):
        oauth = _object(_object(each).get("oauth_server_to_server"))
        if secrets := _list(oauth.get("client_secrets")):
            yield _with_secret(oauth.get("client_id"), secrets[-1], oauth.get("scopes"))


def _object(value: object) -> dict[str, Any]:
    return value if _is_object(value) else {}


def _list(value: object) -> list[Any]:
    return value if _is_list(value) else []


def _is_object(value: object) -> TypeGuard[dict[str, Any]]:
    return isinstance(value, dict)


def _is_list(value: object) -> TypeGuard[list[Any]]:
    return isinstance(value, list)


def _with_secret(client_id: Any, secret: Any, scopes: Any) -> ClientCredentials:
    several = (
        scopes if isinstance(scopes, str) else [s for s in _list(scopes) if isinstance(s, str)]
    )
    options: dict[str, Any] = {"scopes": several} if several else {}
    if url := os.environ.get(_TOKEN_URL, "").strip():
        options["token_url"] = url
    return ClientCredentials(client_id, secret, **options)


def _from_lines(text: str) -> Iterator[Auth]:
    """Yield what the lines of a shell set, as `audio-enhance serve` prints them."""
    values = _variables(text)
    if _ID in values and values.get(_SECRET):
        yield _with_secret(values[_ID], values[_SECRET], None)
    elif _ID in values and values.get(_TOKEN):
        yield AccessToken(values[_TOKEN], client_id=values[_ID])


def _variables(text: str) -> Mapping[str, str]:
    values: dict[str, str] = {}
    for line in text.splitlines():
        try:
            words = shlex.split(line, comments=True)
        except ValueError:  # a quote that does not end
            continue
        for word in words:
            name, is_set, value = word.partition("=")
            if is_set:
                values[name] = value
    return values


def _warn(file: Path, mode: int) -> None:
    if sys.platform != "win32" and mode & stat.S_IROTH:
        name = near(file)
        said = f"Everybody on this machine can read {shown(name)}. To keep it to yourself:"
        command = f"chmod 600 {shlex.quote(name)}"
        say(error_console(), f"{said}\n{command}", "yellow")
