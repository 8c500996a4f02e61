"""Traces and metrics, read back from the SDK's in-memory exporters."""

import asyncio
import json
import re
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.exporter.prometheus import PrometheusMetricReader
from opentelemetry.instrumentation.aiohttp_client import AioHttpClientInstrumentor
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import StatusCode
from prometheus_client import generate_latest
from prometheus_client.parser import text_string_to_metric_families

from audio_enhance import (
    AudioEnhanceError,
    EnhanceClient,
    EnhancementStatus,
    JobCancelledError,
    Processing,
    Queued,
    Submitted,
)
from audio_enhance.local import Behaviour, Fault, Faults, LocalService
from audio_enhance.local.enhancer import Rehearsal
from audio_enhance.otel import Telemetry
from tests.support.tools import needs

PAGE = (Path(__file__).parents[1] / "docs" / "web-backends.md").read_text()
RECORDING = b"ID3" + bytes(range(256)) * 40


class Watched:
    def __init__(self) -> None:
        self.spans = InMemorySpanExporter()
        tracers = TracerProvider(shutdown_on_exit=False)
        tracers.add_span_processor(SimpleSpanProcessor(self.spans))
        self.reader = InMemoryMetricReader()
        self.meters = MeterProvider([self.reader], shutdown_on_exit=False)
        self.telemetry = Telemetry(tracer_provider=tracers, meter_provider=self.meters)

    def metrics(self) -> list[Any]:
        data = self.reader.get_metrics_data()
        assert data is not None
        return [
            metric
            for resource in data.resource_metrics
            for scope in resource.scope_metrics
            for metric in scope.metrics
        ]

    def finished(self) -> Sequence[ReadableSpan]:
        return self.spans.get_finished_spans()

    def points(self) -> dict[str, list[Any]]:
        return {metric.name: list(metric.data.data_points) for metric in self.metrics()}


async def test_a_job_has_a_span_for_itself_and_each_step(
    enhance_service: LocalService, tmp_path: Path
) -> None:
    watched = Watched()
    enhance_service.faults.script(Fault.SERVER_ERROR, route="POST /assets", times=1)
    async with EnhanceClient(
        enhance_service.credentials,
        base_url=enhance_service.base_url,
        on_event=watched.telemetry.on_event,
    ) as client:
        watched.telemetry.observe(client)
        await client.enhance(RECORDING, strength=93, output_dir=tmp_path)
        points = watched.points()
    spans = {span.name: span for span in watched.spans.get_finished_spans()}
    whole = spans["enhance"]
    for step in ("hash", "upload", "process", "download"):
        parent = spans[f"enhance.{step}"].parent
        assert parent is not None
        assert whole.context is not None
        assert parent.span_id == whole.context.span_id
    assert whole.attributes is not None
    assert whole.attributes["audio_enhance.strength"] == 93
    assert [event.name for event in whole.events] == ["retry"]

    assert [point.value for point in points["audio_enhance.jobs"]] == [1]
    assert [point.value for point in points["audio_enhance.retries"]] == [1]
    assert [point.value for point in points["audio_enhance.queue.depth"]] == [0]
    moved = {
        point.attributes["network.io.direction"]: point.value
        for point in points["audio_enhance.io"]
    }
    assert moved["transmit"] == len(RECORDING)
    assert moved["receive"] > len(RECORDING)
    assert points["audio_enhance.processing.duration"][0].count == 1
    told = repr([span.to_json() for span in spans.values()])
    assert enhance_service.client_secret not in told
    assert "X-Amz" not in told


async def test_a_failed_job_is_an_error_in_its_trace(enhance_service: LocalService) -> None:
    watched = Watched()
    async with EnhanceClient(
        enhance_service.credentials,
        base_url=enhance_service.base_url,
        on_event=watched.telemetry.on_event,
    ) as client:
        job = await client.submit("nope.mp3", strength=93)
        with pytest.raises(AudioEnhanceError):
            await job
    [whole] = [span for span in watched.spans.get_finished_spans() if span.name == "enhance"]
    assert not whole.status.is_ok
    assert whole.attributes is not None
    assert whole.attributes["error.type"] == "InvalidSourceError"
    ended = {
        point.attributes["audio_enhance.outcome"]: point.value
        for point in watched.points()["audio_enhance.jobs"]
    }
    # None succeeded, which is something else than that nothing is known of any.
    assert ended == {"succeeded": 0, "InvalidSourceError": 1}


def program() -> str:
    [found] = [
        text for text in re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL) if "Telemetry" in text
    ]
    return str(found)


def documented(kind: str) -> str:
    [found] = re.findall(rf"```{kind}\n(.*?)```", PAGE, re.DOTALL)
    return str(found)


class Scraped:
    """What Prometheus is given by OpenTelemetry's own exporter."""

    def __init__(self) -> None:
        self.reader = PrometheusMetricReader()
        self.meters = MeterProvider([self.reader], shutdown_on_exit=False)
        self.spans = InMemorySpanExporter()
        self.tracers = TracerProvider(shutdown_on_exit=False)
        self.tracers.add_span_processor(SimpleSpanProcessor(self.spans))
        self.telemetry = Telemetry(meter_provider=self.meters, tracer_provider=self.tracers)

    def close(self) -> None:
        self.meters.shutdown()  # takes the reader out of the registry, which all share

    def samples(self) -> list[Any]:
        text = generate_latest().decode()
        return [
            sample
            for family in text_string_to_metric_families(text)
            for sample in family.samples
            if sample.name.startswith("audio_enhance")
        ]


@pytest.fixture
def scraped() -> Iterator[Scraped]:
    scraped = Scraped()
    yield scraped
    scraped.close()


@pytest.mark.enhance_service(faults=Faults(retry_after=0))
async def test_dashboards_and_alerts_find_what_is_documented(
    enhance_service: LocalService,
    enhance_environment: dict[str, str],
    scraped: Scraped,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    known: dict[str, Any] = {}
    monkeypatch.setattr("audio_enhance.otel.Telemetry", lambda: scraped.telemetry)
    exec(program(), known)
    enhance_service.faults.script(Fault.TOO_MANY_REQUESTS, route="POST /assets", times=1)
    enhance_service.faults.script(Fault.RESET_BEFORE, route="PUT /object", times=1)
    async with known["client"] as client:
        await client.enhance(RECORDING, strength=93, output_dir=tmp_path)
        samples = scraped.samples()
    names = {sample.name for sample in samples}
    labels = {label for sample in samples for label in sample.labels}
    rows = re.findall(r"^\| `(audio_enhance\.[\w.]+)` \|", PAGE, re.MULTILINE)
    for row in rows:
        prefix = row.replace(".", "_")
        assert any(name.startswith(prefix) for name in names), row
    alerts = "\n".join(re.findall(r"expr: (.*)", documented("yaml")))
    queries = documented("promql") + alerts
    assert alerts
    assert set(re.findall(r"\b(audio_enhance_\w+)[\[{)]", queries)) - labels <= names
    grouped = set(re.findall(r"\w+", " ".join(re.findall(r"by \(([^)]*)\)", queries))))
    assert grouped | set(re.findall(r"{(\w+)", queries)) <= labels
    used = set(re.findall(r'=~?"([\w|]+)"', queries))
    assert {word for words in used for word in words.split("|")} <= {
        "succeeded", "cancelled", "AuthenticationError",
    } | {value for sample in samples for value in sample.labels.values()}  # fmt: skip
    causes = {
        (sample.labels["audio_enhance_phase"], sample.labels["error_type"])
        for sample in samples
        if sample.name == "audio_enhance_retries_total"
    }
    assert causes == {("create asset", "RateLimitError"), ("upload", "ConnectionFailedError")}
    bounds = {
        float(sample.labels["le"])
        for sample in samples
        if sample.name == "audio_enhance_job_duration_seconds_bucket"
    }
    # Jobs of a second are to be told from those of three.
    assert {bound for bound in bounds if bound < 5}
    phases = {
        sample.labels["audio_enhance_phase"]
        for sample in samples
        if sample.name == "audio_enhance_phase_duration_seconds_count"
    }
    assert phases == {"wait", "hash", "upload", "process", "download"}


@needs("promtool")
def test_prometheus_takes_the_queries_and_the_alerts(tmp_path: Path) -> None:
    alerts = tmp_path / "alerts.yml"
    alerts.write_text(documented("yaml"))
    queries = documented("promql")
    lines = [line for line in queries.splitlines() if line and not line.startswith("#")]
    # One that goes on in a second line is indented there.
    whole = re.sub(r"\n\s+", " ", "\n".join(lines)).splitlines()
    recorded = [{"record": f"query:{at}", "expr": query} for at, query in enumerate(whole)]
    as_rules = tmp_path / "queries.yml"
    as_rules.write_text(json.dumps({"groups": [{"name": "queries", "rules": recorded}]}))
    for path in (alerts, as_rules):
        done = subprocess.run(
            ["promtool", "check", "rules", path], capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr


async def test_uploads_and_waits_are_told_apart(tmp_path: Path) -> None:
    watched = Watched()
    let = asyncio.Event()

    async def until_let(_: float) -> None:
        await let.wait()

    async with (
        LocalService(enhancer=Rehearsal(seconds=1, sleep=until_let)) as service,
        service.connect(on_event=watched.telemetry.on_event) as client,
    ):
        jobs = [await client.submit(RECORDING + bytes([n]), strength=93) for n in range(4)]
        # All are uploaded; the first of them are at the server, and the last wait for a place.
        while sum(span.name == "enhance.upload" for span in watched.finished()) < 4:
            await asyncio.sleep(0.005)
        assert any(job.enhancement is None for job in jobs)
        let.set()
        await asyncio.gather(*jobs)
    spans = {span.context.span_id: span for span in watched.finished() if span.context}
    for span in spans.values():
        if span.name == "enhance":
            phases = [one.name for one in spans.values() if one.parent and span.context
                      and one.parent.span_id == span.context.span_id]  # fmt: skip
            assert phases == [
                f"enhance.{name}" for name in ("wait", "hash", "wait", "upload", "wait", "process")
            ]
            assert span.attributes is not None
            assert span.attributes["audio_enhance.byte_size"] == len(RECORDING) + 1
            assert span.attributes["audio_enhance.client_id"] == service.client_id
            assert span.attributes["audio_enhance.job_id"] in {job.id for job in jobs}


async def test_a_cancellation_is_no_error(enhance_client: EnhanceClient) -> None:
    watched = Watched()
    job = await enhance_client.submit(RECORDING, strength=93, on_event=watched.telemetry.on_event)
    job.cancel()
    with pytest.raises(JobCancelledError):
        await job
    [whole] = [span for span in watched.finished() if span.name == "enhance"]
    assert whole.status.status_code is StatusCode.UNSET
    assert whole.attributes is not None
    assert "error.type" not in whole.attributes
    assert whole.attributes["audio_enhance.outcome"] == "cancelled"


async def test_a_second_client_is_watched_too(enhance_service: LocalService) -> None:
    watched = Watched()
    behaviour = Behaviour(ready_lag=3600)  # what is uploaded waits
    async with (
        LocalService(behaviour=behaviour, enhancer=Rehearsal()) as slow,
        slow.connect() as one,
        enhance_service.connect() as other,
        slow.connect() as third,
    ):
        for client in (one, other, third):
            watched.telemetry.observe(client)
        for client in (one, third):
            await client.submit(RECORDING, strength=93)
        assert [point.value for point in watched.points()["audio_enhance.queue.depth"]] == [2]
        assert watched.points()["audio_enhance.queue.backlog"][0].value == one.backlog_seconds


@pytest.fixture
def instrumented() -> Iterator[InMemorySpanExporter]:
    """aiohttp as OpenTelemetry's own instrumentation has it."""
    spans = InMemorySpanExporter()
    tracers = TracerProvider(shutdown_on_exit=False)
    tracers.add_span_processor(SimpleSpanProcessor(spans))
    instrumentor = AioHttpClientInstrumentor()
    instrumentor.instrument(tracer_provider=tracers)
    yield spans
    instrumentor.uninstrument()


async def test_spans_of_requests_lie_below_their_jobs_and_hold_no_signature(
    instrumented: InMemorySpanExporter, enhance_service: LocalService, tmp_path: Path
) -> None:
    watched = Watched()
    async with enhance_service.connect(on_event=watched.telemetry.on_event) as client:
        recordings = [RECORDING + bytes([number]) for number in range(2)]
        await asyncio.gather(
            *(
                client.enhance(recording, strength=93, output_dir=tmp_path / str(number))
                for number, recording in enumerate(recordings)
            )
        )
    requests = instrumented.get_finished_spans()
    assert not re.search(r"X-Amz|Signature", repr([span.to_json() for span in requests]))
    jobs = {
        span.context.span_id: span.attributes
        for span in watched.finished()
        if span.name == "enhance" and span.context and span.attributes
    }
    asked = 0
    for span in requests:
        assert span.parent is not None
        of = jobs[span.parent.span_id]
        known = span.attributes or {}
        url = str(known.get("http.url") or known["url.full"])  # the names of two generations
        if found := re.search(r"/assets/([^/]+)", url):
            assert of["audio_enhance.asset_id"] == found[1]
            asked += 1
    assert asked >= 6


async def test_an_end_that_has_another_name_is_one() -> None:
    watched = Watched()
    told: dict[str, Any] = {"job_id": "1", "source": "a.mp3", "strength": 93}
    watched.telemetry.on_event(Queued(**told))
    watched.telemetry.on_event(Submitted(**told, position=0))
    for finished in (False, True):
        status = EnhancementStatus("canceled")
        watched.telemetry.on_event(Processing(**told, status=status, finished=finished))
    assert watched.points()["audio_enhance.processing.duration"][0].count == 1
