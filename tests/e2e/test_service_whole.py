"""The service with real models: the calls that clients know."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.cluster.test_command import ROOT
from tests.support.hostile import PLAYLISTS, traps
from tests.support.serving import Served, free_port, served
from tests.support.videos import Subtitle, make_video
from yivideo_ray.subtitles.formats import parse_srt
from yivideo_ray.types import STAGES

pytestmark = [pytest.mark.e2e, pytest.mark.slow, pytest.mark.timeout(300)]

CHAIN = [stage.value for stage in STAGES]
TEXTS = (
    ("Where did she go?", "Nobody knows."),
    ("We have to hurry!", "The train is late."),
    ("Is this seat taken?", "No, please sit down."),
)
LIMIT_S = 200


def environment(work: Path, root: Path, port: int) -> dict[str, str]:
    import os

    kept = {name: value for name, value in os.environ.items() if not name.startswith(("RAY_", "YIVIDEO_"))}
    return {
        **kept,
        "PYTHONPATH": str(ROOT),
        "YIVIDEO_STORAGE__WORK_DIR": str(work),
        "YIVIDEO_STORAGE__ALLOWED_ROOTS": json.dumps([str(root)]),
        "YIVIDEO_SERVE__PORT": str(port),
    }


@pytest.fixture(scope="module")
def videos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Returns an allowed root with three videos, each with texts of its own."""
    root = tmp_path_factory.mktemp("service") / "videos"
    root.mkdir()
    for number, (first, second) in enumerate(TEXTS):
        shown = (Subtitle(first, 8, 30), Subtitle(second, 34, 56))
        make_video(root / f"{number}.mp4", frames=62, size=(640, 360), rate=25, subtitles=shown)
    return root


@pytest.fixture(scope="module")
def silent() -> Iterator[str]:
    """Yields the address of a server that takes connections and never answers."""
    with socket.create_server(("127.0.0.1", 0), backlog=100) as server:
        yield f"http://127.0.0.1:{server.getsockname()[1]}"


@pytest.fixture(scope="module")
def service(videos: Path, silent: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    env = environment(tmp_path_factory.mktemp("work"), videos, free_port())
    env["YIVIDEO_STORAGE__ALLOWED_URLS"] = json.dumps([silent])
    with served([sys.executable, "-m", "yivideo_ray", "serve"], env, videos) as found:
        assert found.url, "".join(found.told)
        yield found


def curl(*arguments: str) -> str:
    return subprocess.run(
        ["curl", "--silent", *arguments], capture_output=True, text=True, timeout=LIMIT_S, check=True
    ).stdout


def post(service: Served, video: Path | str, chain: list[str]) -> str:
    """Returns the id of the workflow that the call as clients write it makes."""
    body = {"video_path": str(video), "workflow_config": {"workflow_chain": chain}}
    answer = curl(f"{service.url}/v1/workflows", "-H", "Content-Type: application/json", "-d", json.dumps(body))
    return str(json.loads(answer)["workflow_id"])


def ended(service: Served, workflow_id: str) -> dict[str, Any]:
    deadline = time.monotonic() + LIMIT_S
    while time.monotonic() < deadline:
        found: dict[str, Any] = service.client.get(f"/v1/workflows/{workflow_id}").json()
        if found["state"] in ("SUCCESS", "FAILED", "CANCELLED"):
            return found
        time.sleep(0.3)
    pytest.fail(f"{workflow_id} does not end")


def test_three_posts_at_once_succeed_overlap_and_give_the_right_subtitles(service: Served, videos: Path) -> None:
    with ThreadPoolExecutor(3) as pool:
        ids = list(pool.map(lambda number: post(service, videos / f"{number}.mp4", CHAIN), range(3)))
    found = [ended(service, workflow_id) for workflow_id in ids]
    assert [view["state"] for view in found] == ["SUCCESS"] * 3, [view["error"] for view in found]
    assert all(stage["status"] == "SUCCESS" for view in found for stage in view["stages"].values())
    assert max(view["started"] for view in found) < min(view["ended"] for view in found)
    for number, workflow_id in enumerate(ids):
        cues = parse_srt(curl(f"{service.url}/v1/workflows/{workflow_id}/subtitles.srt").encode())
        assert [cue.lines for cue in cues] == [(text,) for text in TEXTS[number]]
    preview = service.client.get(f"/v1/workflows/{ids[0]}/preview.png")
    assert preview.content.startswith(b"\x89PNG")
    assert service.client.get("/readyz").status_code == 200


def test_a_chain_of_one_stage_succeeds_with_that_stage_s_output(service: Served, videos: Path) -> None:
    found = ended(service, post(service, videos / "0.mp4", CHAIN[:1]))
    assert found["state"] == "SUCCESS"
    (stage,) = found["stages"].values()
    assert stage["output"]["frames"] == len(stage["output"]["pts"]) > 0


def test_an_upload_is_worked_on_and_deleted_with_its_workflow(service: Served, videos: Path) -> None:
    answer = curl(f"{service.url}/v1/workflows", "-F", f"video=@{videos / '1.mp4'}", "-F", "priority=interactive")
    workflow_id = json.loads(answer)["workflow_id"]
    found = ended(service, workflow_id)
    assert (found["state"], Path(found["video"]).name) == ("SUCCESS", "1.mp4")
    assert TEXTS[1][0] in curl(f"{service.url}/v1/workflows/{workflow_id}/subtitles.txt")
    assert service.client.delete(f"/v1/workflows/{workflow_id}").status_code == 204
    assert not Path(found["video"]).exists()


def test_serve_s_own_calls_are_not_found_and_head_is_answered(service: Served) -> None:
    assert [service.client.get(path).status_code for path in ("/-/routes", "/-/healthz")] == [404, 404]
    answer = service.client.head("/livez")
    assert (answer.status_code, answer.content) == (200, b"")


def test_hundreds_who_send_half_a_request_hold_up_nobody(service: Served, videos: Path) -> None:
    host, port = service.url.removeprefix("http://").split(":")
    head = "POST /v1/workflows HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100000\r\n"
    half = f"{head}Content-Type: multipart/form-data; boundary=x\r\n\r\n--x".encode()
    with ExitStack() as stack:
        for _ in range(800):
            stack.enter_context(socket.create_connection((host, int(port)))).sendall(half)
        began = time.monotonic()
        assert service.client.get("/livez").status_code == 200
        assert ended(service, post(service, videos / "0.mp4", CHAIN[:1]))["state"] == "SUCCESS"
        assert time.monotonic() - began < 15


def test_servers_that_do_not_answer_hold_up_nobody_else(service: Served, silent: str, videos: Path) -> None:
    done = post(service, videos / "0.mp4", CHAIN)
    assert ended(service, done)["state"] == "SUCCESS"
    running = service.client.get("/v1/queue").json()["workflows"]["max_running"]
    stuck = [post(service, f"{silent}/film{number}.mp4", CHAIN) for number in range(running)]
    time.sleep(1)
    began = time.monotonic()
    another = post(service, videos / "1.mp4", CHAIN)
    assert "workflow_id" in curl(f"{service.url}/v1/workflows", "-F", f"video=@{videos / '1.mp4'}")
    assert TEXTS[0][0] in curl(f"{service.url}/v1/workflows/{done}/subtitles.srt")
    assert time.monotonic() - began < 10
    # A place that is given up is the next one's.
    for workflow_id in stuck:
        service.client.post(f"/v1/workflows/{workflow_id}/cancel")
    assert ended(service, another)["state"] == "SUCCESS"
    assert {ended(service, workflow_id)["state"] for workflow_id in stuck} == {"CANCELLED"}


def test_playlists_fail_and_reach_nothing(service: Served, videos: Path) -> None:
    with traps(videos.parent) as set_up:
        ids = []
        for name, content in PLAYLISTS.items():
            path = videos / f"{name}.mp4"
            path.write_text(content.format(canary=set_up.canary, port=set_up.port), encoding="utf-8")
            ids.append(post(service, path, CHAIN))
            ids.append(json.loads(curl(f"{service.url}/v1/workflows", "-F", f"video=@{path}"))["workflow_id"])
        codes = {ended(service, workflow_id)["error"]["code"] for workflow_id in ids}
        assert codes <= {"INPUT_FORMAT_FORBIDDEN", "INPUT_UNRECOGNIZED"}
        assert set_up.sprung == []
