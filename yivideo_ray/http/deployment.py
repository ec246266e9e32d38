"""The app as a Ray Serve deployment, in two ways: `build` makes an application for whoever runs Ray Serve; `serving`
deploys it, serves until somebody stops it, and ends it without dropping a request.

The only module of the service that knows Ray. One replica, which owns the workflows.
"""

from __future__ import annotations

import contextlib
import importlib
import logging
import os
import re
import socket
import warnings
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, cast

from pydantic import BaseModel, ConfigDict, ValidationError

from yivideo_ray.config import ServeSettings, Settings, load_settings, settings_file
from yivideo_ray.errors import CODES, ConfigError, ServiceError
from yivideo_ray.http.access import require_safe_address
from yivideo_ray.http.limits.admission import RESERVE
from yivideo_ray.http.limits.proxy import environment
from yivideo_ray.runtime import cluster as clusters
from yivideo_ray.service.contract import WorkflowService
from yivideo_ray.service.logs import log_to_file

if TYPE_CHECKING:
    from ray.serve import Application
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

__all__ = ["APP_NAME", "BuildArguments", "Opener", "build", "serving"]

APP_NAME = "yivideo"
# For requests in flight when the service is stopped; an upload may take its time.
DRAIN_S = 30.0
DRAIN_LOOK_S = 0.2
# A proxy that was killed is replaced after three looks, which are 10 s apart otherwise.
SERVE_ENVIRONMENT = {"RAY_SERVE_PROXY_HEALTH_CHECK_PERIOD_S": "2"}
_OURS = re.compile(rf"\b({'|'.join(CODES)}): (.+)")


class OpenedService(WorkflowService, Protocol):
    """A service that the replica starts and closes."""

    async def start(self) -> None: ...

    async def close(self) -> None: ...


Opener = Callable[[Settings], OpenedService]


class BuildArguments(BaseModel):
    """What `build` may be told, by `serve run ... NAME=VALUE` or under `args` in a Serve config.

    config: settings in YAML, read where the application is built (None: the file that YIVIDEO_CONFIG names there, else
    the defaults); the environment overrides them.
    require_keys: False builds a service without keys too, for a Serve whose HTTP port nobody else reaches.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    config: Path | None = None
    require_keys: bool = True


def build(args: BuildArguments | Mapping[str, Any]) -> Application:
    """Returns the service as a Serve application; its import path is yivideo_ray.http.deployment:build.

    Serve's own HTTP options say where it listens: serve.host and serve.port of the settings don't count, and so no
    address can stand in for keys. Its workflows, uploads and results are on the node of the replica, in
    storage.work_dir, unless that is a directory of all nodes. Stopped by Serve, it answers what is in flight for 30 s;
    whoever watches events is cut off then, and goes on at another replica.

    Errors: ConfigError SERVICE_EXPOSED without keys, CONFIG_INVALID for arguments or settings that are wrong.
    """
    try:
        given = BuildArguments.model_validate(args)
    except ValidationError as error:
        wrong = "; ".join(f"{'.'.join(map(str, item['loc']))}: {item['msg']}" for item in error.errors())
        known = ", ".join(BuildArguments.model_fields)
        raise ConfigError(f"The builder's arguments are wrong: {wrong}.", remedy=f"It knows {known}.") from error
    settings = load_settings(settings_file(given.config))
    if given.require_keys and not settings.serve.keys:
        raise ConfigError(
            "Everybody who reaches Ray Serve could use the service, for no key is set.",
            code="SERVICE_EXPOSED",
            remedy="Set serve.keys, or require_keys=false where nobody else reaches Serve's HTTP port.",
        )
    return _application(settings, None)


@contextlib.contextmanager
def serving(settings: Settings, report: Callable[[str], None], opener: Opener | None = None) -> Iterator[str]:
    """Yields the service's address once it answers, and ends it behind: first it takes no new request, then those in
    flight are answered, then Ray ends, if it was started here.

    report is given sentences on what is going on. opener makes the service out of the settings, in the replica (None:
    the durable one).
    Errors: ConfigError SERVICE_EXPOSED, CONFIG_INVALID; ServiceError ADDRESS_IN_USE, SERVICE_NOT_STARTING, and any
    error of opening the service; CallError CLUSTER_UNAVAILABLE.
    """
    require_safe_address(settings.serve.host, settings.serve.keys)
    if not clusters.joins():
        # Where Ray is about to be started there is no Serve yet: this needs no waiting for it.
        _require_free(settings.serve)
    report("Starting Ray.")
    cluster = clusters.start()
    try:
        with _quiet():
            from ray import serve

            running = serve.status()
            # The port of a Serve that is there is in use, and rightly so.
            if not running.proxies:
                _require_free(settings.serve)
            # Left behind by a command that was killed.
            left = APP_NAME in running.applications
            report("Starting the service." if not left else "Replacing the service that is there.")
            handle = _deploy(serve, settings, opener)
            try:
                yield settings.serve.url
            finally:
                report("Stopping: requests in flight are answered, new ones are not taken.")
                _end(serve, handle, cluster)
    finally:
        clusters.stop(cluster)


def _deploy(serve: Any, settings: Settings, opener: Opener | None) -> Any:
    ray = cast("Any", importlib.import_module("ray"))
    serve.start(
        proxy_location="EveryNode",
        http_options={"host": settings.serve.host, "port": settings.serve.port},
        logging_config={"enable_access_log": False, "log_level": "WARNING"},
        # Proxies and replicas inherit it from the controller.
        controller_options={"runtime_env": {"env_vars": {**SERVE_ENVIRONMENT, **environment(settings.serve)}}},
    )
    # The command's own files are on the command's node.
    here = {f"node:{ray.util.get_node_ip_address()}": 0.001}
    # What keeps it from starting is reported at once, not after three tries. One that has been up is tried for ever.
    application = _application(settings, opener, resources=here, max_constructor_retry_count=1)
    try:
        return serve.run(application, name=APP_NAME, route_prefix="/")
    except RuntimeError as error:
        raise _not_starting(_take_failure(serve), error) from error


def _application(
    settings: Settings, opener: Opener | None, resources: Mapping[str, float] | None = None, **options: Any
) -> Application:
    from ray import serve

    deployment = cast("Any", serve.deployment)(
        cast("Any", serve.ingress)()(_Replica),
        name="service",
        num_replicas=1,
        # The app refuses what is too much; Serve would have it wait, the looks at its health as well.
        max_ongoing_requests=settings.serve.max_ongoing_requests + RESERVE,
        logging_config={"enable_access_log": False, "log_level": "WARNING"},
        graceful_shutdown_timeout_s=DRAIN_S,
        graceful_shutdown_wait_loop_s=DRAIN_LOOK_S,
        # It waits more than it works; what works are tasks and the GPU actors.
        ray_actor_options={"num_cpus": 0, "resources": dict(resources or {})},
        **options,
    )
    return cast("Application", deployment.bind(settings, opener))


def _take_failure(serve: Any) -> str:
    """Returns what Serve says of the deployment, with the replica's traceback; takes the deployment away."""
    app = serve.status().applications.get(APP_NAME)
    with contextlib.suppress(Exception):
        serve.delete(APP_NAME)
    return "\n".join(str(found.message) for found in app.deployments.values()) if app is not None else ""


def _not_starting(failure: str, error: Exception) -> ServiceError:
    """Returns the error that the replica met, which Serve gives as the text of a traceback."""
    found = _OURS.findall(failure)
    if not found:
        lines = [line.strip() for line in failure.splitlines() if "Error" in line] or [str(error)]
        return ServiceError(f"The service could not be started: {lines[-1]}.", code="SERVICE_NOT_STARTING")
    name, sentence = found[-1]
    message = sentence.strip().removesuffix(CODES[name].remedy).strip()
    return ServiceError(f"The service could not be started: {message}", code=name)


def _end(serve: Any, handle: Any, cluster: clusters.Cluster) -> None:
    with contextlib.suppress(Exception):
        # Watchers would hold it up for as long as their workflows run; they go on where they were, later.
        handle.end_watching.remote().result(timeout_s=1)
    serve.delete(APP_NAME)
    with contextlib.suppress(Exception):
        handle.shutdown()
    # A Ray of our own takes Serve with it; somebody else's may have other uses for it.
    if cluster.joined and not serve.status().applications:
        serve.shutdown()


class _Replica:
    """What the replica holds: the service, opened before the first request and closed behind the last."""

    async def __init__(self, settings: Settings, opener: Opener | None) -> None:  # type: ignore[misc]
        if opener is None:
            from yivideo_ray.service.service import open_service

            opener = cast("Opener", open_service)
        # All that it writes is the service's own.
        os.umask(0o077)
        _keep_to_this_node()
        self._settings = settings
        self._end_log = log_to_file(settings)
        self._opened = opener(settings)
        await self._opened.start()

    def __serve_build_asgi_app__(self) -> ASGIApp:
        from yivideo_ray.http.app import build_app

        @asynccontextmanager
        async def opening() -> AsyncIterator[WorkflowService]:
            try:
                yield self._opened
            finally:
                await self._opened.close()
                self._end_log()

        self._built = build_app(self._settings, opening)
        self._built.add_middleware(CancelledCalls)
        return self._built

    async def end_watching(self) -> None:
        """Ends the streams of events."""
        self._built.state.stopping.set()


class CancelledCalls:
    """Has the app meet a client that has gone where Serve's receive raises that its call to the proxy was cancelled,
    as it does once the client has gone: that is no fault."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        from ray.exceptions import RayError, TaskCancelledError

        async def received() -> Message:
            try:
                return await receive()
            except TaskCancelledError:
                return {"type": "http.disconnect"}
            except RayError as error:
                # The proxy's process is gone, and the client's connection with it.
                logging.getLogger(__name__).warning("A request is cut off: %s", type(error).__name__)
                return {"type": "http.disconnect"}

        await self._app(scope, received, send)


def _keep_to_this_node() -> None:
    """Has the replica take calls of other deployments at the node's own address, as all of Ray does.

    Serve would take them at every address of the machine, as pickles and from anybody, who could run what they like in
    the replica; and it has no setting for that. Runs before Serve opens that port. AttributeError: it isn't done there
    any more, and nobody knows where it is done.
    """
    import ray

    replica = cast("Any", importlib.import_module("ray.serve._private.replica"))
    listen = replica.add_port_to_grpc_server
    node = cast("Any", ray).util.get_node_ip_address()
    host = f"[{node}]" if ":" in node else node

    def listen_here(server: Any, address: str) -> Any:
        return listen(server, f"{host}:{address.rpartition(':')[2]}")

    replica.add_port_to_grpc_server = listen_here


def _require_free(settings: ServeSettings) -> None:
    """Raises ServiceError ADDRESS_IN_USE if somebody listens there: Serve would share the port with them."""
    family, kind, proto, _, address = socket.getaddrinfo(settings.host, settings.port, type=socket.SOCK_STREAM)[0]
    with socket.socket(family, kind, proto) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(address)
        except OSError as error:
            raise ServiceError(
                f"The service can't listen at {settings.host}, port {settings.port}: {error.strerror}.",
                code="ADDRESS_IN_USE",
            ) from error


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Keeps what Serve logs for its developers from those who use the command."""
    logger = logging.getLogger("ray.serve")

    # Not the level, which Serve sets itself.
    def matters(record: logging.LogRecord) -> bool:
        return record.levelno >= logging.ERROR

    logger.addFilter(matters)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.removeFilter(matters)
