"""A client of the service: its calls, with its errors as ours, and events that outlast a cut connection."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

import httpx2

from yivideo_ray.config import ServeSettings, load_settings
from yivideo_ray.errors import CODES, ConfigError, ServiceError, YivideoError, warning_of
from yivideo_ray.jobs import Event, EventKind, Outcome, StageRecord, StageStatus
from yivideo_ray.locations import location_of
from yivideo_ray.subtitles.result import Result
from yivideo_ray.subtitles.result_reading import parse_result, parsed_result
from yivideo_ray.types import Stage

__all__ = ["TERMINAL_STATES", "Client"]

TERMINAL_STATES = frozenset({"SUCCESS", "FAILED", "CANCELLED"})
# An upload or the answer to it may take long; that nothing at all comes may not.
TIMEOUT = httpx2.Timeout(60.0, connect=5.0)
# For so long a service that restarts is waited for.
PATIENCE_S = 60.0
AGAIN_S = 1.0


class Client:
    """Asks the service at url, with its key where it wants one.

        with Client("http://localhost:8788") as client:
            print(client.extract("film.mp4").as_text("srt"))

    url and key: None for those of the settings (None: the defaults with the environment's on top), which are where
    `yivideo serve` would serve, and the first of its keys. Workflows are dictionaries as the service answers them:
    http.wire.Workflow has their keys. Every call may raise ServiceError SERVICE_UNREACHABLE (a retry helps once it
    runs), and the error that the service answers with, as ServiceError under its own code: WORKFLOW_NOT_FOUND from each
    that takes a workflow_id.
    """

    def __init__(
        self, url: str | None = None, *, key: str | None = None, settings: ServeSettings | None = None
    ) -> None:
        """Asks nothing yet. Errors: ConfigError CONFIG_INVALID if url is no http or https address of a host, and
        those of load_settings."""
        settings = settings or load_settings().serve
        self.url = (url or settings.url).rstrip("/")
        parts = urlsplit(self.url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ConfigError(
                f"{self.url!r} is no address of a service.", remedy="Name one such as http://localhost:8788."
            )
        headers = {"User-Agent": "yivideo"}
        if key is None and settings.keys:
            key = settings.keys[0].get_secret_value()
        if key is not None:
            headers["Authorization"] = f"Bearer {key}"
        # A proxy of the environment leads to no service on this machine.
        here = parts.hostname in ("localhost", "127.0.0.1", "::1")
        self._http = httpx2.Client(base_url=self.url, headers=headers, timeout=TIMEOUT, trust_env=not here)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._http.close()

    def extract(
        self, video: str | os.PathLike[str], *, upload: bool = True, on_progress: Callable[[Event], None] | None = None
    ) -> Result:
        """Returns the result of a video once the service is done with it.

        video: a file here, which is uploaded; with upload off, a path on the service's machine or an address, which it
        reads itself. on_progress is called with each Event, in this thread. Errors: that with which the workflow
        failed, under its code; those of submit.
        """
        body: dict[str, Any] = {} if upload else {"video_path": os.fspath(video)}
        made = self.submit(body, upload=Path(video) if upload else None)
        found = self.watch(made["workflow_id"], on_progress or (lambda _: None))
        failed = self.outcome(found).error if found["state"] != "SUCCESS" else None
        if failed is not None:
            raise ServiceError(failed["message"], code=failed["code"], remedy=failed["remedy"])
        return parsed_result(self.subtitles(found["workflow_id"], "json"))

    def submit(self, body: Mapping[str, Any], upload: Path | None = None, key: str | None = None) -> dict[str, Any]:
        """Returns the workflow that a request makes, as soon as the service has kept it.

        body: video_path, workflow_config, execution_mode, workflow_id, priority and callback_url, each of which may be
        left out, as http.wire.NewWorkflow says. upload: a video here that goes with the request; body has no video_path
        then, nor execution_mode and workflow_id. key: the Idempotency-Key, with which the same request gives the same
        workflow again.

        Errors: ConfigError CONFIG_INVALID if the file to upload can't be read; of the service's for example
        REQUEST_INVALID, CHAIN_INVALID, CONFIG_INVALID, PATH_OUTSIDE_ROOT, and QUEUE_FULL, where a retry helps.
        """
        headers = {} if key is None else {"Idempotency-Key": key}
        if upload is None:
            return self._json("POST", "/v1/workflows", json=body, headers=headers)
        fields = {name: value if isinstance(value, str) else json.dumps(value) for name, value in body.items()}
        try:
            with upload.open("rb") as file:
                files = {"video": (upload.name, file)}
                return self._json("POST", "/v1/workflows", data=fields, files=files, headers=headers)
        except OSError as error:
            raise ConfigError(f"{upload} can't be read: {error.strerror}.", remedy="Check the path.") from error

    def get(self, workflow_id: str) -> dict[str, Any]:
        """Returns a workflow as it stands."""
        return self._json("GET", f"/v1/workflows/{workflow_id}")

    def cancel(self, workflow_id: str) -> dict[str, Any]:
        """Returns the workflow: CANCELLED if it waited, else still IN_PROGRESS, with `cancelling` true, for the time of
        a chunk and some seconds at most. Errors: WORKFLOW_STATE_CONFLICT for one that has ended."""
        return self._json("POST", f"/v1/workflows/{workflow_id}/cancel")

    def retry(self, workflow_id: str) -> dict[str, Any]:
        """Returns the workflow, which waits for its turn again: it goes on from the first stage that did not succeed.
        Errors: WORKFLOW_STATE_CONFLICT unless it is FAILED or CANCELLED; QUEUE_FULL."""
        return self._json("POST", f"/v1/workflows/{workflow_id}/retry")

    def list(self, states: Sequence[str] = (), limit: int = 50) -> Iterator[dict[str, Any]]:
        """Yields up to limit workflows, the newest first, page by page as they are asked for.

        states: only those in one of these, of PENDING, IN_PROGRESS, SUCCESS, FAILED and CANCELLED (none: in any).
        Errors: REQUEST_INVALID for another state.
        """
        cursor: str | None = None
        while limit > 0:
            query: dict[str, Any] = {"state": list(states), "limit": min(limit, 200)}
            page = self._json("GET", "/v1/workflows", params=query | ({"cursor": cursor} if cursor else {}))
            yield from page["workflows"]
            limit -= len(page["workflows"])
            cursor = page["next_cursor"]
            if cursor is None:
                return

    def subtitles(self, workflow_id: str, name: str, language: str | None = None) -> bytes:
        """Returns the subtitles of a workflow as a file has them, in UTF-8.

        name: srt, vtt, ass or txt, whichever ones the workflow wrote, or json, the whole result document. language:
        only the lines in one language, such as zh or en; not with json. Errors: RESULT_NOT_READY unless the workflow's
        state is SUCCESS; RESULT_NOT_WRITTEN if its chain makes no subtitles, there are none in that language, or its
        result is gone; REQUEST_INVALID for another name.
        """
        query = {} if language is None else {"language": language}
        with self._answered("GET", f"/v1/workflows/{workflow_id}/subtitles.{name}", params=query) as answer:
            return answer.read()

    def watch(self, workflow_id: str, on_event: Callable[[Event], None]) -> dict[str, Any]:
        """Returns the workflow once it has ended; until then on_event is told every event, each once. A connection that
        is cut, or a service that restarts, is waited for."""
        last = ""
        lost_at: float | None = None
        while True:
            try:
                for number, event in self._events(workflow_id, last):
                    last, lost_at = number, None
                    on_event(event)
                found = self.get(workflow_id)
                if found["state"] in TERMINAL_STATES:
                    return found
            except ServiceError as error:
                if not error.retryable:
                    raise
                lost_at = lost_at or time.monotonic()
                if time.monotonic() - lost_at > PATIENCE_S:
                    raise
            time.sleep(AGAIN_S)

    def outcome(self, found: Mapping[str, Any]) -> Outcome:
        """Returns how a workflow ended, as a run here would tell it; what get returned goes in."""
        stages = tuple(
            StageRecord(Stage(name), **{**stage, "status": StageStatus(stage["status"])})
            for name, stage in found["stages"].items()
        )
        error = found["error"]
        if error is None and found["state"] != "SUCCESS":
            error = ServiceError("The workflow was cancelled.", code="CANCELLED").as_dict()
        bare = Outcome(
            found["workflow_id"],
            location_of(found["video"]),
            stages,
            outputs=tuple(map(Path, found["outputs"])),
            partial=found["partial"],
            warnings=tuple(warning_of(told) for told in found["warnings"]),
            error=error,
        )
        if error is not None or Stage.POSTPROCESS_AND_FINALIZE not in {stage.stage for stage in stages}:
            return bare
        return parse_result(self.subtitles(found["workflow_id"], "json")).complete(bare)

    def _events(self, workflow_id: str, last: str) -> Iterator[tuple[str, Event]]:
        headers = {"Last-Event-ID": last} if last else {}
        with self._answered("GET", f"/v1/workflows/{workflow_id}/events", headers=headers) as answer:
            if answer.status_code == 204:
                return
            for sent in httpx2.EventSource(answer):
                yield sent.id, _event(json.loads(sent.data))

    def _json(self, method: str, path: str, **more: Any) -> dict[str, Any]:
        with self._answered(method, path, **more) as answer:
            try:
                found: dict[str, Any] = json.loads(answer.read())
            except ValueError as error:
                raise self._unreachable("what answers there is no yivideo") from error
            return found

    @contextmanager
    def _answered(self, method: str, path: str, **more: Any) -> Iterator[httpx2.Response]:
        try:
            with self._http.stream(method, path, **more) as answer:
                if not answer.is_success:
                    answer.read()
                    raise self._refused(answer)
                yield answer
        except httpx2.TransportError as error:
            raise self._unreachable(str(error) or type(error).__name__) from error

    def _refused(self, answer: httpx2.Response) -> YivideoError:
        try:
            problem = answer.json()
            code, detail, remedy = problem["code"], problem["detail"], problem["remedy"]
        except (ValueError, KeyError, TypeError):
            return self._unreachable(f"what answers there, with {answer.status_code}, is no yivideo")
        known = code if code in CODES else "REQUEST_INVALID"
        return ServiceError(detail, code=known, remedy=remedy, **problem.get("facts", {}))

    def _unreachable(self, why: str) -> ServiceError:
        return ServiceError(f"No service answers at {self.url}: {why.rstrip('.')}.", code="SERVICE_UNREACHABLE")


def _event(line: Mapping[str, Any]) -> Event:
    """Returns the event that progress.event_line wrote."""
    return Event(
        EventKind(line["event"]),
        line["workflow_id"],
        line["video"],
        line["time"],
        None if line["stage"] is None else Stage(line["stage"]),
        line["done_s"],
        line["total_s"],
        line["frames"],
        line["message"],
        line["data"],
    )
