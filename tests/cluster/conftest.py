"""One Ray for all cluster tests, with a GPU that exists in name only; a namespace of its own for each test; a video
of TEXTS, and what is found in it."""

from __future__ import annotations

import json
import logging
import os
import shutil
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.text_pictures import APART, RATE, SHOWN, TEXTS, pattern_video
from yivideo_ray.config import Settings
from yivideo_ray.jobs import Event, Job, Outcome
from yivideo_ray.runtime import cluster
from yivideo_ray.runtime.session import Session

# Before anything imports ray, which reads them then.
os.environ.update(cluster.LOCAL_ENVIRONMENT)

CPUS = 4
SettingsMaker = Callable[..., Settings]


@pytest.fixture(scope="session")
def ray_started() -> Iterator[None]:
    os.environ["PYTHONPATH"] = str(Path(__file__).parents[2])
    import ray

    with cluster.lean():
        ray.init(
            address="local",
            num_cpus=CPUS,
            num_gpus=1,
            include_dashboard=False,
            object_store_memory=256 * 1024 * 1024,
            log_to_driver=False,
            logging_level=logging.ERROR,
            namespace="tests",
        )
    yield
    ray.shutdown()


@pytest.fixture
def namespace(ray_started: None) -> Iterator[str]:
    """Yields a namespace; the actors made in it, which are detached, end with the test and free the GPU."""
    # Tests with sessions of their own join this Ray if it is there, and leave an actor behind.
    _end_actors()
    yield f"test-{uuid.uuid4().hex[:8]}"
    _end_actors()


def _end_actors() -> None:
    import ray
    from ray.util import list_named_actors

    for actor in list_named_actors(all_namespaces=True):
        ray.kill(ray.get_actor(actor["name"], namespace=actor["namespace"]))


@pytest.fixture(scope="session")
def patterns(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Returns a video that shows TEXTS. All tests have the same: nothing may be written beside it."""
    return pattern_video(tmp_path_factory.mktemp("videos") / "film.mp4", TEXTS)


@pytest.fixture
def video(patterns: Path, tmp_path: Path) -> Path:
    """Returns a copy of it for one test."""
    return Path(shutil.copy(patterns, tmp_path / "film.mp4"))


@pytest.fixture
def make_settings(tmp_path: Path) -> SettingsMaker:
    """Returns a function from the engine's script and sections of settings to settings."""

    def make(script: dict[str, Any] | None = None, **sections: dict[str, Any]) -> Settings:
        path = tmp_path / "script.json"
        path.write_text(
            json.dumps({"state_dir": str(tmp_path / "state"), "log": str(tmp_path / "state" / "log"), **(script or {})})
        )
        values: dict[str, dict[str, Any]] = {
            "ocr": {"engine": "scripted", "script": str(path)},
            "storage": {"work_dir": str(tmp_path / "work")},
            # A test waits for no more than it must; the ratios are what production has.
            "gpu_lock": {"retry_interval": 0.5, "max_retry_interval": 3, "lock_timeout": 60},
        }
        for name, keys in sections.items():
            values[name] = {**values.get(name, {}), **keys}
        return Settings(**values)  # type: ignore[arg-type]

    return make


def run(
    settings: Settings, namespace: str, *jobs: Job, on_event: Callable[[Event], None] | None = None
) -> list[Outcome]:
    """Returns how the jobs ended, done by a session of their own."""
    return Session(settings, namespace).run(jobs, on_event or (lambda _: None))


def expected() -> list[tuple[str, float, float]]:
    """Returns the text, start and end in seconds of each cue of a video of TEXTS."""
    starts = [(10 + APART * number) / RATE for number in range(len(TEXTS))]
    return [(text, start, start + SHOWN / RATE) for text, start in zip(TEXTS, starts, strict=True)]


def found(outcome: Outcome) -> list[tuple[str, float, float]]:
    """Returns the like of an outcome's cues."""
    assert outcome.error is None, outcome.error
    assert outcome.info is not None
    return [(cue.text, outcome.info.seconds(cue.start_pts), outcome.info.seconds(cue.end_pts)) for cue in outcome.cues]
