"""The page and what it is made of, read once: no request's path is ever looked up on disk."""

import hashlib
from importlib.resources import files

from starlette.requests import Request
from starlette.responses import Response

from ._problems import Problem

# Our own table: on some systems the platform's says that JavaScript is plain text, which
# `nosniff` makes a browser refuse.
_TYPES = {
    "css": "text/css",
    "html": "text/html",
    "js": "text/javascript",
    "mp3": "audio/mpeg",
    "svg": "image/svg+xml",
}
_INDEX = "index.html"


class Page:
    """The files of the page."""

    def __init__(self) -> None:
        self._files = {
            file.name: file.read_bytes()
            for file in files("audio_enhance.web").joinpath("static").iterdir()
            if file.name.rpartition(".")[2] in _TYPES
        }
        # `sample-after.mp3` is what the local service makes of it at strength 93.
        sample = ("local", "enhancer", "data", "noisy-speech.mp3")
        self._files["sample-before.mp3"] = files("audio_enhance").joinpath(*sample).read_bytes()
        self._etags = {
            name: f'"{hashlib.sha256(data).hexdigest()[:32]}"' for name, data in self._files.items()
        }

    async def index(self, request: Request) -> Response:
        """Answer with the page itself."""
        return self._answer(request, _INDEX)

    async def file(self, request: Request) -> Response:
        """Answer with one of its files."""
        return self._answer(request, request.path_params["name"])

    def _answer(self, request: Request, name: str) -> Response:
        if name not in self._files:
            raise Problem(404, "gone", "There is no such file.")
        # Asked for anew every time, and mostly answered with a 304: a new version of the
        # package never runs with half of the old one.
        headers = {"Cache-Control": "no-cache", "ETag": self._etags[name]}
        if request.headers.get("if-none-match") == self._etags[name]:
            return Response(status_code=304, headers=headers)
        kind = _TYPES[name.rpartition(".")[2]]
        return Response(self._files[name], headers=headers, media_type=kind)
