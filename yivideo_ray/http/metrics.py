"""Figures for Prometheus: requests by route and answer, workflows by state, what the GPU actors do."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from typing import Any

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from yivideo_ray.service.contract import ServiceFigures

__all__ = ["MEDIA_TYPE", "Counting", "Metrics"]

MEDIA_TYPE = CONTENT_TYPE_LATEST
UNKNOWN_ROUTE = "none"


class Metrics(Collector):
    """The figures of one app, in a registry of its own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.requests = Counter(
            "yivideo_http_requests",
            "Requests by what they were answered with.",
            ["method", "route", "status"],
            registry=self.registry,
        )
        self.seconds = Histogram(
            "yivideo_http_request_seconds",
            "Time from a request's head to the head of its answer.",
            ["method", "route"],
            registry=self.registry,
        )
        self._kept: ServiceFigures | None = None
        self.registry.register(self)
        self._calls = Gauge(
            "yivideo_gpu_calls", "Calls at a GPU actor that wait and run.", ["actor", "state"], registry=self.registry
        )
        self._ready = Gauge(
            "yivideo_gpu_ready", "1 if a real inference went through the GPU actor.", ["actor"], registry=self.registry
        )

    def collect(self) -> Iterator[Metric]:
        """Yields what the service counts itself, for the registry. Counters start at 0 with the service."""
        if self._kept is None:
            return
        for name, text, value in (
            ("yivideo_database_ok", "1 if the database answers and its file is there.", int(self._kept.database_ok)),
            ("yivideo_database_bytes", "Room that the database takes.", self._kept.database_bytes),
            ("yivideo_disk_free_bytes", "Free room where results are kept.", self._kept.disk_free_bytes),
            ("yivideo_oldest_waiting_seconds", "How long the first one waits.", self._kept.oldest_waiting_s),
            ("yivideo_callbacks_waiting", "Callbacks that are not delivered yet.", self._kept.callbacks_waiting),
        ):
            if value is not None:
                yield GaugeMetricFamily(name, text, value=value)
        if self._kept.workflows is not None:
            yield _labelled(GaugeMetricFamily, "yivideo_workflows", "Workflows kept.", "state", self._kept.workflows)
        for name, text, label, counted in (
            ("yivideo_workflows_ended", "Workflows that ended.", "state", self._kept.ended),
            ("yivideo_workflow_failures", "Workflows that failed.", "code", self._kept.failures),
            ("yivideo_callbacks", "Attempts to deliver a callback.", "result", self._kept.callbacks),
        ):
            yield _labelled(CounterMetricFamily, name, text, label, counted)
        yield CounterMetricFamily("yivideo_swept", "Workflows and uploads that were removed.", value=self._kept.swept)

    def page(self, queue: Mapping[str, Any] | None, kept: ServiceFigures) -> bytes:
        """Returns the figures as Prometheus reads them; queue is what WorkflowService.queue returned (None: it can't be
        had), kept what figures did."""
        self._kept = kept
        for gauge in (self._calls, self._ready):
            gauge.clear()
        for number, actor in enumerate(() if queue is None else queue["gpu_actors"]):
            self._ready.labels(str(number)).set(bool(actor.get("ready")))
            self._calls.labels(str(number), "waiting").set(int(actor.get("waiting", 0)))
            self._calls.labels(str(number), "running").set(len(actor.get("running", ())))
        return generate_latest(self.registry)


def _labelled(
    kind: type[GaugeMetricFamily | CounterMetricFamily], name: str, text: str, label: str, values: Mapping[str, int]
) -> Metric:
    family = kind(name, text, labels=[label])
    for value, count in sorted(values.items()):
        family.add_metric([value], count)
    return family


class Counting:
    """Counts requests and their time, by the route's template: names of workflows would make a series each."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began = time.perf_counter()

        async def noting(message: Message) -> None:
            if message["type"] == "http.response.start":
                route = getattr(scope.get("route"), "path", UNKNOWN_ROUTE)
                # Any word may stand for a method.
                method = scope["method"] if route != UNKNOWN_ROUTE else UNKNOWN_ROUTE
                self._metrics.requests.labels(method, route, str(message["status"])).inc()
                self._metrics.seconds.labels(method, route).observe(time.perf_counter() - began)
            await send(message)

        await self._app(scope, receive, noting)
