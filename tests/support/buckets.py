"""Buckets for tests: in memory, and a real S3 over HTTP."""

import logging
import os
from collections.abc import Iterable, Iterator
from typing import Any
from unittest.mock import patch

import attrs
import pytest
from fsspec.implementations.memory import MemoryFileSystem
from moto.core.models import DEFAULT_ACCOUNT_ID
from moto.s3.models import s3_backends
from s3fs import S3FileSystem

KEY, SECRET = "AKIAOURS", "a-secret-of-the-bucket"


@attrs.frozen
class Bucket:
    """A bucket on a real S3.

    Attributes:
        name: What it is called.
        s3: boto3's client of it.
    """

    name: str
    s3: Any

    def url(self, key: str = "") -> str:
        return f"s3://{self.name}/{key}"

    def put(self, key: str, data: bytes) -> str:
        """Put an object there, and return its URL."""
        self.s3.put_object(Bucket=self.name, Key=key, Body=data)
        return self.url(key)

    def fill(self, keys: Iterable[str], data: bytes) -> None:
        """Put many objects there, past the network: each request would take its time."""
        backend = s3_backends[DEFAULT_ACCOUNT_ID]["aws"]
        for key in keys:
            backend.put_object(self.name, key, data)

    def get(self, key: str) -> bytes:
        data: bytes = self.s3.get_object(Bucket=self.name, Key=key)["Body"].read()
        return data

    @property
    def keys(self) -> list[str]:
        """The names of all objects."""
        pages = self.s3.get_paginator("list_objects_v2").paginate(Bucket=self.name)
        return [found["Key"] for page in pages for found in page.get("Contents", ())]


@pytest.fixture(scope="session")
def s3() -> Iterator[Any]:
    """boto3's client of an S3 over HTTP, which fsspec finds in the environment."""
    import boto3
    from moto.server import ThreadedMotoServer

    logging.getLogger("werkzeug").setLevel(logging.WARNING)
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    environment = {
        "AWS_ACCESS_KEY_ID": KEY,
        "AWS_SECRET_ACCESS_KEY": SECRET,
        "AWS_ENDPOINT_URL": f"http://{host}:{port}",
        "AWS_DEFAULT_REGION": "us-east-1",
    }
    with patch.dict(os.environ, environment):
        S3FileSystem.clear_instance_cache()  # one without these may be known
        yield boto3.client("s3")
    server.stop()


@pytest.fixture
def bucket(s3: Any, request: pytest.FixtureRequest) -> Bucket:
    """An empty bucket of the test's own."""
    name = f"bucket-{abs(hash(request.node.nodeid)):x}"
    s3.create_bucket(Bucket=name)
    return Bucket(name, s3)


def environment_of_s3() -> dict[str, str]:
    """Return what a program has to have in its environment to find the S3 of the tests."""
    return {name: value for name, value in os.environ.items() if name.startswith("AWS_")}


@pytest.fixture
def memory() -> Iterator[MemoryFileSystem]:
    """What `memory://` leads to, empty before and after."""
    system = MemoryFileSystem()
    _empty(system)
    yield system
    _empty(system)


def _empty(system: MemoryFileSystem) -> None:
    system.store.clear()
    system.pseudo_dirs[:] = [""]  # its folders, which stay without the files
