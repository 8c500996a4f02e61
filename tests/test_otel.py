"""Traces and metrics, read back from the SDK's in-memory exporters."""

import re
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import Histogram, InMemoryMetricReader, Sum
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from audio_enhance import (
    AudioEnhanceError,
    EnhanceClient,
    EnhancementStatus,
    Processing,
    Queued,
    Submitted,
)
from audio_enhance.local import Fault, Faults, LocalService
from audio_enhance.otel import Telemetry

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


def prometheus_names(metric: Any) -> set[str]:
    """What a metric is called in Prometheus, as OpenTelemetry's exporter and its rules have it."""
    unit = {"s": "_seconds", "By": "_bytes"}.get(metric.unit, "")  # those in braces are left out
    name = metric.name.replace(".", "_") + unit
    match metric.data:
        case Sum(is_monotonic=True):
            return {f"{name}_total"}
        case Histogram():
            return {f"{name}_bucket", f"{name}_count", f"{name}_sum"}
        case _:
            return {name}


@pytest.mark.enhance_service(faults=Faults(retry_after=0))
async def test_dashboards_find_what_is_documented(
    enhance_service: LocalService, tmp_path: Path
) -> None:
    watched = Watched()
    [program] = [
        text for text in re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL) if "Telemetry" in text
    ]
    known: dict[str, Any] = {}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("audio_enhance.otel.Telemetry", lambda: watched.telemetry)
        for name, value in enhance_service.environment.items():
            patch.setenv(name, value)
        exec(program, known)
    enhance_service.faults.script(Fault.TOO_MANY_REQUESTS, route="POST /assets", times=1)
    enhance_service.faults.script(Fault.RESET_BEFORE, route="PUT /object", times=1)
    async with known["client"] as client:
        await client.enhance(RECORDING, strength=93, output_dir=tmp_path)
        metrics = watched.metrics()
    documented = re.findall(r"^\| `(audio_enhance\.[\w.]+)` \|", PAGE, re.MULTILINE)
    assert sorted(documented) == sorted(metric.name for metric in metrics)
    [queries] = re.findall(r"```promql\n(.*?)```", PAGE, re.DOTALL)
    names: set[str] = set().union(*map(prometheus_names, metrics))
    points = [point for metric in metrics for point in metric.data.data_points]
    labels = {label.replace(".", "_") for point in points for label in point.attributes}
    assert set(re.findall(r"\b(audio_enhance_\w+)[\[{)]", queries)) - labels <= names
    grouped = set(re.findall(r"\w+", " ".join(re.findall(r"by \(([^)]*)\)", queries)))) - {"le"}
    assert grouped | set(re.findall(r"{(\w+)", queries)) <= labels
    causes = {
        (point.attributes["audio_enhance.phase"], point.attributes["error.type"])
        for metric in metrics
        if metric.name == "audio_enhance.retries"
        for point in metric.data.data_points
    }
    assert causes == {("create asset", "RateLimitError"), ("upload", "ConnectionFailedError")}
    for metric in metrics:
        if isinstance(metric.data, Histogram):
            # Jobs of a second are to be told from those of three.
            assert [at for at in metric.data.data_points[0].explicit_bounds if at < 5]


async def test_an_end_that_has_another_name_is_one() -> None:
    watched = Watched()
    told: dict[str, Any] = {"job_id": "1", "source": "a.mp3", "strength": 93}
    watched.telemetry.on_event(Queued(**told))
    watched.telemetry.on_event(Submitted(**told, position=0))
    for finished in (False, True):
        status = EnhancementStatus("canceled")
        watched.telemetry.on_event(Processing(**told, status=status, finished=finished))
    assert watched.points()["audio_enhance.processing.duration"][0].count == 1
