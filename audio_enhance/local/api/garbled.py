"""Answers of success whose body is not what was asked for."""

import gzip

from aiohttp import hdrs, web

from audio_enhance.local.conditions.faults import Garble

# What a proxy says in the name of the server behind it.
PAGE = b"<!DOCTYPE html>\n<html><head><title>Please wait</title></head><body></body></html>\n"


def garbled(response: web.StreamResponse, way: Garble) -> web.StreamResponse:
    """Return what is left of an answer; one that is no success stays whole.

    A redirect becomes an answer of 200, or of 202 if nothing is left of it. One without a body
    becomes an answer of 200 with one.
    """
    if not isinstance(response, web.Response) or response.status >= 400:
        return response
    body = response.body if isinstance(response.body, bytes) else b""
    status = 200 if response.status == 204 else response.status
    if status == 302:
        status, body = (202 if way == "empty" else 200), b'{"status": "succeeded"}'
    kind = response.content_type if body else "application/json"
    headers: dict[str, str] = {}
    match way:
        case "cut":
            body = body[: len(body) // 2]
        case "page":
            body, kind = PAGE, "text/html"
        case "empty":
            body = b""
        case "packed":
            # Cut off, with a length that fits: only whoever unpacks it can tell.
            body = gzip.compress(body)[:-12]
            headers[hdrs.CONTENT_ENCODING] = "gzip"
    return web.Response(status=status, body=body, content_type=kind, headers=headers)
