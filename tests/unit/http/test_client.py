"""The client, and the commands that are made of it, against a service that listens."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.service_clients import KEY, Listening, listening
from tests.support.serving import free_port
from tests.unit.http.test_results import finished
from yivideo_ray.config import ServeSettings
from yivideo_ray.errors import ConfigError, InputError, ResultWarning, ServiceError, WarningCode
from yivideo_ray.http import client as clients
from yivideo_ray.http.client import Client
from yivideo_ray.jobs import Event, EventKind
from yivideo_ray.locations import Url
from yivideo_ray.types import STAGES, Stage


@pytest.fixture
def there(tmp_path: Path) -> Iterator[Listening]:
    with listening(tmp_path) as found:
        yield found


def command(there: Listening, *arguments: str | Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "yivideo_ray", *map(str, arguments), "--url", there.url],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        cwd=there.videos,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[3]), **environment},
    )


def film(there: Listening) -> dict[str, str]:
    return {"video_path": str(there.videos / "film.mp4")}


def test_errors_of_the_service_come_with_their_code_and_remedy(there: Listening) -> None:
    with Client(there.url, settings=ServeSettings()) as client:
        for ask, code in (
            (lambda: client.get("w1"), "WORKFLOW_NOT_FOUND"),
            (lambda: client.submit({"video_path": "/etc/passwd"}), "PATH_OUTSIDE_ROOT"),
            (lambda: client.submit({}), "REQUEST_INVALID"),
            (lambda: client.subtitles("w1", "srt"), "WORKFLOW_NOT_FOUND"),
        ):
            with pytest.raises(ServiceError) as caught:
                ask()
            assert caught.value.code.name == code
            assert caught.value.remedy


def test_nobody_there_and_somebody_else_there_are_told(tmp_path: Path) -> None:
    with Client(settings=ServeSettings(port=free_port())) as client, pytest.raises(ServiceError) as caught:
        client.get("w1")
    assert caught.value.code.name == "SERVICE_UNREACHABLE"
    assert client.url in caught.value.message
    for url in ("localhost:8788", "ftp://localhost", "http://", ""):
        if url:
            with pytest.raises(ConfigError):
                Client(url, settings=ServeSettings())


def test_the_first_key_of_the_settings_opens(tmp_path: Path) -> None:
    with listening(tmp_path, keys=(KEY,)) as there:
        settings = ServeSettings.model_validate({"keys": [KEY, "another-key-of-the-tests"]})
        with Client(there.url, settings=settings) as client:
            assert list(client.list()) == []
        with Client(there.url, settings=ServeSettings()) as client, pytest.raises(ServiceError) as caught:
            list(client.list())
        assert caught.value.code.name == "UNAUTHORIZED"


def test_pages_are_turned_until_enough_is_there(there: Listening) -> None:
    with Client(there.url, settings=ServeSettings()) as client:
        ids = [client.submit(film(there))["workflow_id"] for _ in range(7)]
        assert [found["workflow_id"] for found in client.list(limit=5)] == ids[:1:-1]
        assert [found["workflow_id"] for found in client.list(["PENDING", "FAILED"])] == ids[::-1]
        assert list(client.list(["FAILED"])) == []


def test_watching_outlasts_a_restart_of_the_service_and_tells_every_event_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clients, "AGAIN_S", 0.05)
    port = free_port()
    seen: list[Event] = []
    ended: list[str] = []
    with listening(tmp_path, port=port) as there:
        fake = there.service
        with Client(there.url, settings=ServeSettings()) as client:
            workflow_id = client.submit(film(there))["workflow_id"]
        there.do(fake.say(workflow_id, EventKind.WORKFLOW_STARTED))

        def watch() -> None:
            with Client(there.url, settings=ServeSettings()) as watching:
                ended.append(watching.watch(workflow_id, seen.append)["state"])

        watcher = threading.Thread(target=watch)
        watcher.start()
        while not seen:
            time.sleep(0.01)
    time.sleep(0.3)
    fake.renew()
    with listening(tmp_path, port=port, service=fake) as there:
        there.do(fake.say(workflow_id, EventKind.STAGE_STARTED, stage=Stage.EXTRACT_KEYFRAMES, frames=3))
        there.do(fake.fail(workflow_id, InputError("It is empty.")))
        watcher.join(20)
    assert [event.kind.value for event in seen] == ["workflow_started", "stage_started", "workflow_finished"]
    assert (seen[1].stage, seen[1].frames) == (Stage.EXTRACT_KEYFRAMES, 3)
    assert ended == ["FAILED"]


def test_who_watches_a_service_that_stays_away_is_told(there: Listening, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clients, "PATIENCE_S", 0.2)
    monkeypatch.setattr(clients, "AGAIN_S", 0.05)
    with Client(settings=ServeSettings(port=free_port())) as client, pytest.raises(ServiceError) as caught:
        client.watch("w1", lambda _: None)
    assert caught.value.code.name == "SERVICE_UNREACHABLE"
    with Client(there.url, settings=ServeSettings()) as client, pytest.raises(ServiceError) as caught:
        client.watch("w1", lambda _: None)
    assert caught.value.code.name == "WORKFLOW_NOT_FOUND"


def test_submit_prints_ids_and_sends_paths_or_files(there: Listening) -> None:
    result = command(there, "submit", "film.mp4", "./film.mp4", "--priority", "interactive")
    assert (result.returncode, result.stdout) == (0, "w1\nw2\n"), result.stderr
    assert {request.video for request in there.service.requests} == {there.videos.resolve() / "film.mp4"}
    elsewhere = there.videos.parent / "elsewhere.mp4"
    elsewhere.write_bytes(b"elsewhere")
    refused = command(there, "submit", elsewhere)
    assert refused.returncode == 1
    assert refused.stderr.startswith("PATH_OUTSIDE_ROOT: ")
    sent = command(there, "submit", "--upload", elsewhere, "--stages", "ffmpeg.extract_keyframes", "--json")
    assert sent.returncode == 0, sent.stderr
    assert json.loads(sent.stdout)["workflow_chain"] == ["ffmpeg.extract_keyframes"]
    video = there.service.requests[-1].video
    chosen = command(there, "submit", "film.mp4", "--layers", "2,1")
    assert chosen.returncode == 0, chosen.stderr
    assert there.service.requests[-1].parameters == {"paddleocr.postprocess_and_finalize": {"layers": [2, 1]}}
    none = command(there, "submit", "film.mp4", "--layers", "x")
    assert (none.returncode, none.stderr.startswith("CONFIG_INVALID: 'x' names no layers")) == (2, True)
    assert isinstance(video, Path)
    assert video.read_bytes() == b"elsewhere"


def test_one_key_for_several_videos_is_wrong_usage(there: Listening) -> None:
    assert command(there, "submit", "a.mp4", "b.mp4", "--key", "k").returncode == 2
    assert {command(there, "submit", "film.mp4", "--key", "k").stdout for _ in range(2)} == {"w1\n"}


def test_watch_shows_what_run_shows_and_fails_when_one_did(there: Listening, tmp_path: Path) -> None:
    with Client(there.url, settings=ServeSettings()) as client:
        good, bad = (client.submit(film(there))["workflow_id"] for _ in range(2))
    there.do(there.service.say(good, EventKind.WORKFLOW_STARTED))
    doubt = ResultWarning(WarningCode.LAYER_IN_DOUBT, "Is it?", {"layer": 2})
    there.do(there.service.succeed(good, finished(warnings=(doubt,)), tmp_path))
    there.do(there.service.fail(bad, InputError("It has no bytes.", code="INPUT_EMPTY")))
    result = command(there, "watch", good, bad)
    assert result.returncode == 1
    lines = [json.loads(line) for line in result.stdout.splitlines()]
    assert {line["event"] for line in lines} == {"workflow_started", "workflow_finished", "outcome"}
    outcome = lines[-2]
    assert (outcome["workflow_id"], outcome["succeeded"], outcome["cues"]) == (good, True, 2)
    assert list(outcome["stages"]) == [stage.value for stage in STAGES]
    assert outcome["warnings"] == [{"code": "LAYER_IN_DOUBT", "message": "Is it?", "layer": 2}]
    assert "film.mp4: 2 cues" in result.stderr
    assert "film.mp4: warning: Is it?" in result.stderr
    assert "INPUT_EMPTY: It has no bytes." in result.stderr.splitlines()[-1]
    assert command(there, "watch", good).returncode == 0
    missing = command(there, "watch", good, "w99")
    assert (missing.returncode, "WORKFLOW_NOT_FOUND: " in missing.stderr) == (1, True)


def test_a_cancelled_workflow_is_watched_to_its_end(there: Listening) -> None:
    with Client(there.url, settings=ServeSettings()) as client:
        workflow_id = client.submit(film(there))["workflow_id"]
    assert command(there, "cancel", workflow_id).stdout == f"{workflow_id} CANCELLED\n"
    result = command(there, "watch", workflow_id)
    assert (result.returncode, "CANCELLED: " in result.stderr) == (1, True)
    assert command(there, "retry", workflow_id).stdout == f"{workflow_id} PENDING\n"
    assert command(there, "retry", workflow_id).returncode == 1


def test_status_and_list_show_workflows(there: Listening) -> None:
    with Client(there.url, settings=ServeSettings()) as client:
        ids = [client.submit(film(there))["workflow_id"] for _ in range(2)]
    shown = command(there, "status", *ids)
    assert [json.loads(line)["workflow_id"] for line in shown.stdout.splitlines()] == ids
    listed = command(there, "list", "--state", "pending").stdout.splitlines()
    assert [line.split()[:2] for line in listed] == [[workflow_id, "PENDING"] for workflow_id in reversed(ids)]
    as_json = command(there, "list", "--json", "--limit", "1").stdout
    assert json.loads(as_json)["workflow_id"] == ids[-1]
    assert command(there, "list", "--state", "broken").returncode == 1


def test_fetch_writes_files_named_after_the_video(there: Listening, tmp_path: Path) -> None:
    with Client(there.url, settings=ServeSettings()) as client:
        workflow_id = client.submit(film(there))["workflow_id"]
    early = command(there, "fetch", workflow_id)
    assert early.stderr.startswith("RESULT_NOT_READY: ")
    there.do(there.service.succeed(workflow_id, finished(), tmp_path))
    result = command(there, "fetch", workflow_id, "-o", "out", "--format", "srt,json")
    assert result.returncode == 0, result.stderr
    assert sorted(path.name for path in (there.videos / "out").iterdir()) == ["film.json", "film.srt"]
    command(there, "fetch", workflow_id, "-o", "out", "--format", "vtt", "--language", "zh")
    assert "再见" in (there.videos / "out" / "film.zh.vtt").read_text(encoding="utf-8")
    assert command(there, "fetch", workflow_id, "--language", "fr").stderr.startswith("RESULT_NOT_WRITTEN: ")


def test_fetch_replaces_no_other_file_unless_it_may(there: Listening, tmp_path: Path) -> None:
    with Client(there.url, settings=ServeSettings()) as client:
        workflow_id = client.submit(film(there))["workflow_id"]
    there.do(there.service.succeed(workflow_id, finished(), tmp_path))
    for _ in range(2):
        assert command(there, "fetch", workflow_id, "-o", "out").returncode == 0
    srt = there.videos / "out" / "film.srt"
    fetched = srt.read_bytes()
    srt.write_bytes(b"by hand")
    refused = command(there, "fetch", workflow_id, "-o", "out", "--format", "vtt,srt")
    assert refused.returncode == 1
    assert refused.stderr.startswith("OUTPUT_EXISTS: ")
    assert [path.name for path in srt.parent.iterdir()] == ["film.srt"]
    assert srt.read_bytes() == b"by hand"
    assert command(there, "fetch", workflow_id, "-o", "out", "--overwrite").returncode == 0
    assert srt.read_bytes() == fetched


def test_submit_sends_an_address_as_it_is(tmp_path: Path) -> None:
    with listening(tmp_path, allowed_urls=("s3://films",)) as there:
        result = command(there, "submit", "s3://films/a b/film.mp4", "film.mp4")
        assert result.returncode == 0, result.stderr
        videos = {request.video for request in there.service.requests}
        assert videos == {Url("s3://films/a b/film.mp4"), there.videos.resolve() / "film.mp4"}
        uploaded = command(there, "submit", "--upload", "s3://films/film.mp4")
        assert uploaded.returncode == 2
        assert uploaded.stderr.startswith("CONFIG_INVALID: What is at an address is not uploaded.")
        refused = command(there, "submit", "s3://others/film.mp4")
        assert refused.stderr.startswith("INPUT_SCHEME_FORBIDDEN: ")
