"""Where this package was installed from, and how to install more of it from there."""

import json
import shlex
from typing import Any

_NAME = "audio-enhance"


def install_command(extra: str) -> str:
    """Return the command that installs an extra from where the package came from.

    That is an index, a clone, an archive or a repository. pip writes down which, in
    `direct_url.json` (PEP 610).
    """
    origin = _origin()
    url, folder = origin.get("url", ""), origin.get("dir_info")
    if folder is not None:
        from urllib.parse import urlsplit
        from urllib.request import url2pathname

        path = shlex.quote(f"{url2pathname(urlsplit(str(url)).path)}[{extra}]")
        return f"pip install -e {path}" if folder.get("editable") else f"pip install {path}"
    if (repository := origin.get("vcs_info")) is not None:
        url = f"{repository['vcs']}+{url}@{repository['commit_id']}"
    place = f" @ {url}" if url else ""
    return f"pip install {shlex.quote(f'{_NAME}[{extra}]{place}')}"


def _origin() -> dict[str, Any]:
    from importlib.metadata import PackageNotFoundError, distribution

    try:
        # Nothing is written down about what comes from an index.
        return dict(json.loads(distribution(_NAME).read_text("direct_url.json") or "{}"))
    except (PackageNotFoundError, ValueError):
        return {}
