"""The service's log: a line for what is no request."""

import logging

import pytest
from aiohttp.http_exceptions import BadStatusLine

from audio_enhance.local.serving.log import one_line


def test_what_is_no_http_is_one_warning_without_what_came(
    caplog: pytest.LogCaptureFixture,
) -> None:
    error = BadStatusLine("GET /?X-Amz-Signature=45bad")
    one_line().error("Error handling request", exc_info=error)
    [record] = caplog.records
    assert record.levelno == logging.WARNING
    assert record.getMessage() == "Error handling request (BadStatusLine)"
    assert record.exc_info is None


def test_mistakes_of_our_own_keep_their_traceback(caplog: pytest.LogCaptureFixture) -> None:
    error = ValueError("a mistake")
    one_line().error("Error handling request", exc_info=error)
    [record] = caplog.records
    assert record.levelno == logging.ERROR
    assert record.exc_info is not None
    assert record.name == "audio_enhance.local"
