"""The HTTP app: routes over a WorkflowService that it opens and closes with itself. Knows nothing of Ray Serve."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

from fastapi import FastAPI

from yivideo_ray import __version__
from yivideo_ray.config import Settings
from yivideo_ray.executors import AbandonableThreads
from yivideo_ray.http import openapi
from yivideo_ray.http.access import Access, Keys
from yivideo_ray.http.incoming import Incoming
from yivideo_ray.http.limits.admission import Admission, HeadRequests
from yivideo_ray.http.metrics import Counting, Metrics
from yivideo_ray.http.problems import Faults, handle_errors
from yivideo_ray.http.resumable import Resumable
from yivideo_ray.http.routes import results, system, uploads, workflows
from yivideo_ray.http.submitting import Submitter
from yivideo_ray.http.webhooks import WebhookSender
from yivideo_ray.service.contract import WorkflowService

__all__ = ["Opening", "build_app"]

Opening = Callable[[], AbstractAsyncContextManager[WorkflowService]]

# Results that are read at the same time, and how long one may take.
ANSWERS_AT_ONCE = 8
ANSWER_S = 30.0
TITLE = "yivideo"
DESCRIPTION = (
    "Videos with burned-in subtitles in, subtitle files out. If the service has keys, every call but /livez and /docs "
    "needs the header Authorization: Bearer KEY."
)


def build_app(settings: Settings, opening: Opening) -> FastAPI:
    """Returns the app. It opens the service when it starts, and closes it when it ends."""
    keys = [key.get_secret_value() for key in settings.serve.keys]
    work_dir = settings.storage.work_dir.expanduser()
    incoming = Incoming(work_dir / "uploads")
    resumable = Resumable(incoming, settings.serve.max_upload_bytes)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with opening() as service:
            app.state.service = service
            loops = [
                asyncio.ensure_future(WebhookSender(service, settings).run()),
                asyncio.ensure_future(incoming.keep_sweeping(resumable.sweep)),
            ]
            try:
                yield
            finally:
                for loop in loops:
                    loop.cancel()
                await asyncio.gather(*loops, return_exceptions=True)
                await incoming.close()

    app = FastAPI(
        title=TITLE,
        version=__version__,
        description=DESCRIPTION,
        lifespan=lifespan,
        # The standard pages load scripts from elsewhere; routes/system.py has its own.
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        # A path that is nearly right is an error, not another request.
        redirect_slashes=False,
    )
    app.state.settings = settings
    app.state.metrics = Metrics()
    app.state.stopping = asyncio.Event()
    app.state.one_preview = asyncio.Semaphore(1)
    app.state.incoming = incoming
    app.state.resumable = resumable
    app.state.submitter = Submitter(settings, incoming, resumable)
    # Files of results: short, but on a disk that may not answer.
    app.state.answers = AbandonableThreads("answers", ANSWERS_AT_ONCE, limit_s=ANSWER_S)
    app.include_router(workflows.router)
    app.include_router(results.router)
    app.include_router(uploads.router)
    app.include_router(system.router)
    handle_errors(app)
    # The last one added meets a request first.
    app.add_middleware(Faults, work_dir=work_dir)
    app.add_middleware(HeadRequests)
    app.add_middleware(Admission, settings=settings.serve)
    app.add_middleware(Access, keys=Keys(keys), own_host=settings.serve.host)
    app.add_middleware(Counting, metrics=app.state.metrics)
    app.openapi = lambda: openapi.schema(app, has_keys=bool(keys))  # type: ignore[method-assign]
    return app
