"""OpenStack Swift as a foreign S3, for the whole session of tests.

The interpreter that has ``swift`` installed is named in ``AUDIO_ENHANCE_TEST_SWIFT_PYTHON``.
Without it the tests that need Swift are skipped; with one that cannot run it they fail.
"""

import json
import os
import select
import subprocess
import tempfile
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import botocore.config
import botocore.session
import pytest

_VARIABLE = "AUDIO_ENHANCE_TEST_SWIFT_PYTHON"
_SERVER = Path(__file__).with_name("swift_server.py")


@dataclass(frozen=True)
class Swift:
    """Where Swift's S3 interface answers, who may ask it, and a bucket that is there."""

    endpoint_url: str
    access_key: str
    secret_key: str = field(repr=False)
    region: str
    bucket: str


@contextmanager
def swift_process(
    python: str, directory: str | Path
) -> Generator[tuple[subprocess.Popen[str], dict[str, str]], None, None]:
    """Run Swift in the directory; give the process and what it says of itself when it is ready.

    Swift's errors go to this process's standard error, where pytest shows them with the test.
    """
    with subprocess.Popen(
        [python, str(_SERVER), "--directory", str(directory)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,  # a Ctrl-C at the terminal is for pytest, which then ends Swift
    ) as process:
        assert process.stdout is not None
        try:
            ready, _, _ = select.select([process.stdout], [], [], 60)
            line = process.stdout.readline() if ready else ""
            if not line:
                pytest.fail(f"Swift did not start with {python}: see standard error")
            yield process, json.loads(line)
        finally:
            process.terminate()


@pytest.fixture(scope="session")
def swift_python() -> str:
    """The interpreter that has swift."""
    python = os.environ.get(_VARIABLE)
    if not python:
        pytest.skip(f"needs OpenStack Swift: {_VARIABLE} names no Python that has it")
    return python


@pytest.fixture(scope="session")
def swift(swift_python: str) -> Iterator[Swift]:
    """A running Swift with an empty bucket."""
    with (
        tempfile.TemporaryDirectory(prefix="audio-enhance-swift-") as directory,
        swift_process(swift_python, directory) as (_, access),
    ):
        running = Swift(**access, bucket="recordings")
        client = botocore.session.get_session().create_client(
            "s3",
            endpoint_url=running.endpoint_url,
            aws_access_key_id=running.access_key,
            aws_secret_access_key=running.secret_key,
            region_name=running.region,
            config=botocore.config.Config(s3={"addressing_style": "path"}),
        )
        client.create_bucket(Bucket=running.bucket)
        client.close()
        yield running
