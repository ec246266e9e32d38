"""Workflows of videos at addresses: every process reads for itself, and the results are those of the file."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cluster.conftest import SettingsMaker, expected, found, run
from tests.cluster.test_command import call, environment
from tests.support.http_files import HttpFiles, http_files
from tests.support.text_pictures import TEXTS
from yivideo_ray.config import Settings
from yivideo_ray.jobs import Event, EventKind, Job
from yivideo_ray.locations import Url
from yivideo_ray.types import Stage

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(180)]

# As many chunks as there are texts, so that several processes read at the same time.
CHUNKS = {"chunk_s": 2, "crops_per_call": 2}
CHUNK_COUNT = 6


@pytest.fixture
def server(patterns: Path) -> Iterator[HttpFiles]:
    with http_files() as there:
        there.files["/films/film.mp4"] = patterns.read_bytes()
        yield there


def allowing(make_settings: SettingsMaker, server: HttpFiles) -> Settings:
    decoder = {"url_timeout_s": 20}
    return make_settings(storage={"allowed_urls": [f"{server.url}/films"]}, pipeline=CHUNKS, decoder=decoder)


def is_cutting(event: Event) -> bool:
    return event.kind is EventKind.STAGE_STARTED and event.stage is Stage.CROP_SUBTITLE_IMAGES


def test_the_subtitles_are_those_of_the_file_byte_for_byte(
    namespace: str, make_settings: SettingsMaker, patterns: Path, server: HttpFiles, tmp_path: Path
) -> None:
    settings = allowing(make_settings, server)
    address = Url(f"{server.url}/films/film.mp4")
    here, there = run(
        settings,
        namespace,
        Job(patterns, output_dir=tmp_path / "here"),
        Job(address, output_dir=tmp_path / "there"),
    )
    assert found(there) == expected()
    assert there.video == address
    for name in ("film.srt", "film.json"):
        assert (tmp_path / "there" / name).is_file()
    assert (tmp_path / "there" / "film.srt").read_bytes() == (tmp_path / "here" / "film.srt").read_bytes()
    documents = [json.loads((tmp_path / place / "film.json").read_bytes()) for place in ("here", "there")]
    assert documents[1]["video"] == {**documents[0]["video"], "path": address.text}
    assert documents[1]["cues"] == documents[0]["cues"]
    assert documents[1]["subtitle_area"] == documents[0]["subtitle_area"]
    assert here.workflow_id != there.workflow_id
    assert len(server.parts) > CHUNK_COUNT


def test_a_server_that_fails_on_the_way_fails_the_workflow_which_goes_on_where_it_was(
    namespace: str, make_settings: SettingsMaker, server: HttpFiles, tmp_path: Path
) -> None:
    settings = allowing(make_settings, server)
    job = Job(Url(f"{server.url}/films/film.mp4"), output_dir=tmp_path / "out")

    def fail(event: Event) -> None:
        if is_cutting(event):
            server.trouble = lambda _: "503"

    (failed,) = run(settings, namespace, job, on_event=fail)
    assert failed.error is not None
    assert (failed.error["code"], failed.error["retryable"]) == ("INPUT_UNREACHABLE", True)
    assert not failed.partial
    assert list((tmp_path / "out").iterdir()) == []
    server.trouble = lambda _: None
    (outcome,) = run(settings, namespace, job)
    assert found(outcome) == expected()


def test_an_object_that_is_replaced_on_the_way_is_noticed(
    namespace: str, make_settings: SettingsMaker, server: HttpFiles, tmp_path: Path
) -> None:
    data = server.files["/films/film.mp4"]

    def replace(event: Event) -> None:
        if is_cutting(event):
            server.files["/films/film.mp4"] = data[:-1] + b"\x01"

    job = Job(Url(f"{server.url}/films/film.mp4"), output_dir=tmp_path / "out")
    (outcome,) = run(allowing(make_settings, server), namespace, job, on_event=replace)
    assert outcome.error is not None
    assert outcome.error["code"] == "INPUT_CHANGED"
    assert list((tmp_path / "out").iterdir()) == []


def test_the_command_writes_here_or_tells_in_one_line_what_the_server_does_not_give(
    server: HttpFiles, tmp_path: Path
) -> None:
    address = f"{server.url}/films/film.mp4"
    env = environment(tmp_path, YIVIDEO_STORAGE__ALLOWED_URLS=json.dumps([server.url]), YIVIDEO_PIPELINE__CHUNK_S="2")
    (tmp_path / "here").mkdir()
    result = call(env, "run", address, cwd=tmp_path / "here")
    assert result.returncode == 0, result.stderr
    assert sorted(path.name for path in (tmp_path / "here").iterdir()) == ["film.json", "film.srt"]
    lines = [json.loads(line) for line in result.stdout.splitlines()]
    assert {line["video"] for line in lines} == {address}
    assert lines[-1]["cues"] == len(TEXTS)

    half = len(server.asked) // 2
    server.asked.clear()
    server.trouble = lambda _: "503" if len(server.asked) > half else None
    result = call(env, "run", address, "--again", "-o", tmp_path / "there", cwd=tmp_path)
    assert result.returncode == 1
    assert result.stderr.strip().splitlines()[-1].startswith(f"INPUT_UNREACHABLE: '{address}' can't be read now: HTTP")
    assert "Traceback" not in result.stderr
    assert list((tmp_path / "there").iterdir()) == []
