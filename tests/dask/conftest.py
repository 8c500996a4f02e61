"""One cluster for all tests here that need a real one."""

from collections.abc import AsyncGenerator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import attrs
import pytest

from audio_enhance import BatchReport, EnhanceClient, Source
from audio_enhance.dask import DaskEnhancer, EnhancerFactory
from audio_enhance.local import Behaviour, LocalService
from audio_enhance.local.enhancer import Rehearsal
from tests.support.warm import Warm

from .cluster import Cluster, warm_workers
from .support import Rehearse

WORKERS = 3


@pytest.fixture(scope="session")
def warm_worker() -> Iterator[Warm | None]:
    """What starts workers at once: what Dask imports takes longer than all that most tests do."""
    with warm_workers() as warm:
        yield warm


@pytest.fixture(scope="session")
def running(
    tmp_path_factory: pytest.TempPathFactory, warm_worker: Warm | None
) -> Iterator[Cluster]:
    cluster = Cluster(tmp_path_factory.mktemp("dask"), warm_worker)
    cluster.start()
    yield cluster
    cluster.stop()


@pytest.fixture
def cluster(running: Cluster) -> Iterator[Cluster]:
    """The cluster with three workers, whatever became of those that an earlier test had."""
    running.bury()
    running.add(WORKERS - len(running.workers))
    running.said.clear()
    yield running
    running.bury()


@attrs.frozen
class Stage:
    """A service whose enhancer is a cluster, and a client of it."""

    enhancer: DaskEnhancer
    service: LocalService
    client: EnhanceClient
    folder: Path

    async def batch(self, contents: list[bytes], **options: Any) -> BatchReport:
        sources = [Source.from_bytes(data, filename=f"{n}.wav") for n, data in enumerate(contents)]
        return await self.client.enhance_batch(
            sources, strength=93, output_dir=self.folder, **options
        )

    def check(self, report: BatchReport, contents: list[bytes]) -> None:
        """See that each recording has its own result, and that there is nothing else."""
        assert [outcome.error for outcome in report.failed] == []
        for outcome, data in zip(report, contents, strict=True):
            assert outcome.path is not None
            assert outcome.path.read_bytes() == Rehearsal.expected(data, 93)
        assert len([*self.folder.iterdir()]) == len(contents)


@asynccontextmanager
async def staged(
    address: str, folder: Path, factory: EnhancerFactory | None = None, **options: Any
) -> AsyncGenerator[Stage]:
    """Open a service on a cluster."""
    enhancer = DaskEnhancer(address, factory=factory or Rehearse())
    async with (
        LocalService(enhancer=enhancer, behaviour=Behaviour.unlimited(), **options) as service,
        service.connect(None) as client,
    ):
        yield Stage(enhancer, service, client, folder)
