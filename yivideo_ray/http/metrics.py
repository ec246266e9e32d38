"""Figures for Prometheus: requests by route and answer, workflows by state, what the GPU actors do."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from starlette.types import ASGIApp, Message, Receive, Scope, Send

__all__ = ["MEDIA_TYPE", "Counting", "Metrics"]

MEDIA_TYPE = CONTENT_TYPE_LATEST
UNKNOWN_ROUTE = "none"


class Metrics:
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
        self._workflows = Gauge("yivideo_workflows", "Workflows that wait and run.", ["state"], registry=self.registry)
        self._calls = Gauge(
            "yivideo_gpu_calls", "Calls at a GPU actor that wait and run.", ["actor", "state"], registry=self.registry
        )
        self._ready = Gauge(
            "yivideo_gpu_ready", "1 if a real inference went through the GPU actor.", ["actor"], registry=self.registry
        )

    def page(self, queue: Mapping[str, Any]) -> bytes:
        """Returns the figures as Prometheus reads them; queue is what WorkflowService.queue returned."""
        for gauge in (self._calls, self._ready):
            gauge.clear()
        self._workflows.labels("PENDING").set(queue["workflows"]["waiting"])
        self._workflows.labels("IN_PROGRESS").set(len(queue["workflows"]["running"]))
        for number, actor in enumerate(queue["gpu_actors"]):
            self._ready.labels(str(number)).set(bool(actor.get("ready")))
            self._calls.labels(str(number), "waiting").set(int(actor.get("waiting", 0)))
            self._calls.labels(str(number), "running").set(len(actor.get("running", ())))
        return generate_latest(self.registry)


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
