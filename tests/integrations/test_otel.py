"""Traces and metrics, read back from the SDK's in-memory exporters."""

from pathlib import Path
from typing import Any

import pytest
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from audio_enhance import AudioEnhanceError, EnhanceClient
from audio_enhance.local import Fault, LocalService
from audio_enhance.otel import Telemetry

RECORDING = b"ID3" + bytes(range(256)) * 40


class Watched:
    def __init__(self) -> None:
        self.spans = InMemorySpanExporter()
        tracers = TracerProvider(shutdown_on_exit=False)
        tracers.add_span_processor(SimpleSpanProcessor(self.spans))
        self.reader = InMemoryMetricReader()
        self.meters = MeterProvider([self.reader], shutdown_on_exit=False)
        self.telemetry = Telemetry(tracer_provider=tracers, meter_provider=self.meters)

    def points(self) -> dict[str, list[Any]]:
        data = self.reader.get_metrics_data()
        assert data is not None
        return {
            metric.name: list(metric.data.data_points)
            for resource in data.resource_metrics
            for scope in resource.scope_metrics
            for metric in scope.metrics
        }


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
    [point] = watched.points()["audio_enhance.jobs"]
    assert point.attributes == {"audio_enhance.outcome": "InvalidSourceError"}
