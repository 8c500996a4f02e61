"""Traces and metrics through OpenTelemetry's API (extra `otel`).

`Telemetry` listens to a client's events. Without an SDK set up by the application, the API's
own do-nothing implementations are used. Attributes hold ids, sizes and statuses; never a URL.
"""

import time
from collections.abc import Iterable
from typing import TYPE_CHECKING
from weakref import WeakSet

from audio_enhance import (
    Downloading,
    Event,
    Finished,
    Hashing,
    JobCancelledError,
    MissingExtraError,
    Processing,
    Queued,
    RateLimitError,
    Retrying,
    Submitted,
    Uploading,
    Waiting,
    __version__,
)

try:
    from opentelemetry import context, metrics, trace
except ImportError:
    raise MissingExtraError("otel", "opentelemetry-api") from None

if TYPE_CHECKING:
    from audio_enhance import EnhanceClient

_PHASES: dict[type[Event], str] = {
    Queued: "wait",
    Hashing: "hash",
    Waiting: "wait",
    Uploading: "upload",
    Submitted: "process",
    Downloading: "download",
}
# The SDK's own begin at 5, which is for milliseconds.
_SECONDS = (0.25, 0.5, 1, 2.5, 5, 10, 20, 30, 60, 120, 300, 600, 1200, 1800, 3600, 7200, 21600)
_SUCCEEDED = {"audio_enhance.outcome": "succeeded"}


class _JobTrace:
    """The spans of one job: its own, and that of the phase it is in."""

    def __init__(self, tracer: trace.Tracer, phases: metrics.Histogram, event: Event) -> None:
        self._tracer = tracer
        self._phases = phases
        self.started = self._entered = time.monotonic()
        self.submitted: float | None = None
        self.moved = 0
        self.span = tracer.start_span(
            "enhance",
            attributes={
                "audio_enhance.job_id": event.job_id,
                "audio_enhance.strength": event.strength,
            },
        )
        self._step: trace.Span | None = None
        self._name: str | None = None
        # The job tells of its beginning in the context that its requests are made in: spans of
        # those, which others make, lie below the job's.
        context.attach(trace.set_span_in_context(self.span))

    @property
    def phase(self) -> str:
        """The phase that it is in, by the name of its span."""
        return self._name or "unknown"

    def enter(self, name: str) -> None:
        if name == self._name:
            return
        self.leave()
        self._name, self._entered = name, time.monotonic()
        self._step = self._tracer.start_span(
            f"enhance.{name}", context=trace.set_span_in_context(self.span)
        )

    def leave(self) -> None:
        if self._step is not None and self._name is not None:
            self._step.end()
            seconds = time.monotonic() - self._entered
            self._phases.record(seconds, {"audio_enhance.phase": self._name})
        self._step = self._name = None

    def note(self, event: Event) -> None:
        """Put on the span what is known by now."""
        for name in ("asset_id", "enhancement_id", "client_id"):
            if (value := getattr(event, name)) is not None:
                self.span.set_attribute(f"audio_enhance.{name}", value)
        if isinstance(event, Waiting):
            self.span.set_attribute("audio_enhance.byte_size", event.byte_size)

    def end(self, event: Finished, outcome: str) -> None:
        self.leave()
        self.span.set_attribute("audio_enhance.outcome", outcome)
        if event.error is not None and not isinstance(event.error, JobCancelledError):
            self.span.set_attribute("error.type", type(event.error).__name__)
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

    A span `enhance` for every job, with a span for each of its phases: `enhance.wait`,
    `enhance.hash`, `enhance.upload`, `enhance.process`, `enhance.download`. The metrics are listed
    in `docs/web-backends.md`.

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
        self._observed: WeakSet[EnhanceClient] = WeakSet()
        self._has_gauges = False
        self._finished = meter.create_counter(
            "audio_enhance.jobs", unit="{job}", description="Jobs that ended."
        )
        self._duration = _seconds(
            meter, "audio_enhance.job.duration", "From submit to the end of a job."
        )
        self._phases = _seconds(
            meter, "audio_enhance.phase.duration", "Of each phase of a job, waiting included."
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
        """Report a client's queue depth and backlog whenever the metrics are read.

        Of several clients, the depths are added up, and the longest backlog is told.
        """
        self._observed.add(client)
        if not self._has_gauges:
            self._has_gauges = True
            self._create_gauges()

    def _create_gauges(self) -> None:
        def waiting(_: metrics.CallbackOptions) -> Iterable[metrics.Observation]:
            yield metrics.Observation(sum(client.waiting for client in self._observed))

        def backlog(_: metrics.CallbackOptions) -> Iterable[metrics.Observation]:
            seconds = (client.backlog_seconds for client in self._observed)
            yield metrics.Observation(max(seconds, default=0.0))

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
            self._jobs[event.job_id] = _JobTrace(self._tracer, self._phases, event)
        job = self._jobs.get(event.job_id)
        if job is None:
            return
        if (phase := _PHASES.get(type(event))) is not None:
            job.enter(phase)
        job.note(event)
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
                phase = error.phase.value if error.phase is not None else job.phase
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
        match event.error:
            case None:
                outcome = "succeeded"
            case JobCancelledError():
                outcome = "cancelled"
            case error:
                outcome = type(error).__name__
        self._finished.add(1, {"audio_enhance.outcome": outcome})
        self._duration.record(time.monotonic() - job.started, {"audio_enhance.outcome": outcome})
        job.end(event, outcome)
        del self._jobs[event.job_id]
