"""Traces and metrics through OpenTelemetry's API (extra `otel`).

`Telemetry` listens to a client's events. Without an SDK set up by the application, the API's
own do-nothing implementations are used. Attributes hold ids, sizes and statuses; never a URL.
"""

import time
from collections.abc import Iterable
from typing import TYPE_CHECKING

from audio_enhance import (
    Downloading,
    Event,
    Finished,
    Hashing,
    MissingExtraError,
    Processing,
    Queued,
    RateLimitError,
    Retrying,
    Submitted,
    Uploading,
    __version__,
)

try:
    from opentelemetry import metrics, trace
except ImportError:
    raise MissingExtraError("otel", "opentelemetry-api") from None

if TYPE_CHECKING:
    from audio_enhance import EnhanceClient

_STEPS: dict[type[Event], str] = {
    Hashing: "hash",
    Uploading: "upload",
    Submitted: "process",
    Downloading: "download",
}
# The SDK's own begin at 5, which is for milliseconds.
_SECONDS = (0.25, 0.5, 1, 2.5, 5, 10, 20, 30, 60, 120, 300, 600, 1200, 1800, 3600, 7200, 21600)
_SUCCEEDED = {"audio_enhance.outcome": "succeeded"}


class _JobTrace:
    """The spans of one job: its own, and that of the step it is in."""

    def __init__(self, tracer: trace.Tracer, event: Event) -> None:
        self._tracer = tracer
        self.started = time.monotonic()
        self.submitted: float | None = None
        self.moved = 0
        self.span = tracer.start_span(
            "enhance", attributes={"audio_enhance.strength": event.strength}
        )
        self._step: trace.Span | None = None
        self._name: str | None = None

    @property
    def step(self) -> str:
        """The step that it is in, by the name of its span."""
        return self._name or "unknown"

    def enter(self, name: str) -> None:
        if name == self._name:
            return
        self.leave()
        self._name = name
        self._step = self._tracer.start_span(
            f"enhance.{name}", context=trace.set_span_in_context(self.span)
        )

    def leave(self) -> None:
        if self._step is not None:
            self._step.end()
        self._step = self._name = None

    def end(self, event: Finished) -> None:
        self.leave()
        for name in ("asset_id", "enhancement_id"):
            if (value := getattr(event, name)) is not None:
                self.span.set_attribute(f"audio_enhance.{name}", value)
        if event.error is not None:
            kind = type(event.error).__name__
            self.span.set_attribute("error.type", kind)
            self.span.set_status(trace.StatusCode.ERROR, event.error.message)
        self.span.end()


def _seconds(meter: metrics.Meter, name: str, description: str) -> metrics.Histogram:
    try:
        return meter.create_histogram(
            name,
            unit="s",
            description=description,
            explicit_bucket_boundaries_advisory=_SECONDS,
        )
    except TypeError:  # the API before 1.30: its bounds can be set by the application's views only
        return meter.create_histogram(name, unit="s", description=description)


class Telemetry:
    """Turns a client's events into spans and metrics; its `on_event` is given to the client.

    A span `enhance` for every job, with a span for each of its steps: `enhance.hash`,
    `enhance.upload`, `enhance.process`, `enhance.download`. The metrics are listed in
    `docs/web-backends.md`.

    Args:
        tracer_provider: The application's, or else the global one.
        meter_provider: The application's, or else the global one.
    """

    def __init__(
        self,
        *,
        tracer_provider: trace.TracerProvider | None = None,
        meter_provider: metrics.MeterProvider | None = None,
    ) -> None:
        self._tracer = trace.get_tracer("audio_enhance", __version__, tracer_provider)
        meter = metrics.get_meter("audio_enhance", __version__, meter_provider)
        self._meter = meter
        self._jobs: dict[str, _JobTrace] = {}
        self._finished = meter.create_counter(
            "audio_enhance.jobs", unit="{job}", description="Jobs that ended."
        )
        self._duration = _seconds(
            meter, "audio_enhance.job.duration", "From submit to the end of a job."
        )
        self._processing = _seconds(
            meter,
            "audio_enhance.processing.duration",
            "From the creation of an enhancement to its end, as seen from here.",
        )
        self._bytes = meter.create_counter(
            "audio_enhance.io", unit="By", description="Bytes of recordings moved."
        )
        self._retries = meter.create_counter(
            "audio_enhance.retries", unit="{retry}", description="Requests that were retried."
        )
        self._limited = meter.create_counter(
            "audio_enhance.rate_limited", unit="{answer}", description="Answers 429."
        )
        # What was never counted is not there, and a rate of it is nothing instead of zero.
        self._finished.add(0, _SUCCEEDED)
        self._limited.add(0)

    def observe(self, client: "EnhanceClient") -> None:
        """Report a client's queue depth and backlog whenever the metrics are read."""

        def waiting(_: metrics.CallbackOptions) -> Iterable[metrics.Observation]:
            yield metrics.Observation(client.waiting)

        def backlog(_: metrics.CallbackOptions) -> Iterable[metrics.Observation]:
            yield metrics.Observation(client.backlog_seconds)

        self._meter.create_observable_gauge(
            "audio_enhance.queue.depth",
            [waiting],
            unit="{job}",
            description="Jobs that are not submitted yet.",
        )
        self._meter.create_observable_gauge(
            "audio_enhance.queue.backlog",
            [backlog],
            unit="s",
            description="When a job that came now would be begun.",
        )

    def on_event(self, event: Event) -> None:
        """Take note of an event."""
        if isinstance(event, Queued):
            self._jobs[event.job_id] = _JobTrace(self._tracer, event)
        job = self._jobs.get(event.job_id)
        if job is None:
            return
        if (step := _STEPS.get(type(event))) is not None:
            job.enter(step)
        match event:
            case Uploading(sent=sent):
                self._count_bytes(job, sent, "upload")
            case Downloading(received=received):
                self._count_bytes(job, received, "download")
            case Submitted():
                job.submitted, job.moved = time.monotonic(), 0
            case Processing(finished=True) if job.submitted is not None:
                self._processing.record(time.monotonic() - job.submitted)
                job.submitted = None
            case Retrying(error=error):
                kind = type(error).__name__
                phase = error.phase.value if error.phase is not None else job.step
                self._retries.add(1, {"error.type": kind, "audio_enhance.phase": phase})
                self._limited.add(1 if isinstance(error, RateLimitError) else 0)
                job.span.add_event("retry", {"error.type": kind, "wait": event.wait})
            case Finished():
                self._end(job, event)
            case _:
                pass

    def _count_bytes(self, job: _JobTrace, total: int, direction: str) -> None:
        # A transfer that starts over counts again: those bytes were moved as well.
        self._bytes.add(
            total - job.moved if total >= job.moved else total,
            {"network.io.direction": "transmit" if direction == "upload" else "receive"},
        )
        job.moved = total

    def _end(self, job: _JobTrace, event: Finished) -> None:
        outcome = "succeeded" if event.error is None else type(event.error).__name__
        self._finished.add(1, {"audio_enhance.outcome": outcome})
        self._duration.record(time.monotonic() - job.started, {"audio_enhance.outcome": outcome})
        job.end(event)
        del self._jobs[event.job_id]
