"""What becomes of the files where text was seen and none of it was taken for subtitles."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.support.cues import cue
from tests.support.records import recorded
from tests.unit.runtime.workflow.conftest import asking
from yivideo_ray.geometry import Box
from yivideo_ray.jobs import Job, Outcome
from yivideo_ray.journal import Journal
from yivideo_ray.media import probe
from yivideo_ray.pipeline import InProcess
from yivideo_ray.runtime.batch import workflow_id
from yivideo_ray.runtime.workflow.checkpoint import Book
from yivideo_ray.runtime.workflow.workflow import Workflow
from yivideo_ray.storage.database import Database
from yivideo_ray.types import Layer, Stage

Run = Callable[..., Outcome]

CUES = (cue(0, 900, "你好", "Hello"), cue(900, 1800, "再见", "there"))
TAKEN = Layer(1, 0.97, True, (), Box(400, 600, 880, 660), 30.0, CUES)
LEFT = replace(TAKEN, probability=0.1, taken=False)


class Found(InProcess):
    """Stages that have found these layers, whatever was read."""

    layers: tuple[Layer, ...] = ()

    async def find_layers(self, *_: Any) -> tuple[Layer, ...]:
        return self.layers


@pytest.fixture
def run(video: Path, tmp_path: Path, database: Database) -> Run:
    """Runs the last stage of a video, in which these layers were found."""
    recorded(video, tmp_path / "work", 10)

    def ended(*layers: Layer, overwrite: bool = False, **subtitles: Any) -> Outcome:
        settings = asking(tmp_path, subtitles=subtitles)
        info = probe(video, settings.decoder)
        journal = Journal(workflow_id(info), str(video), info.duration_s, lambda _: None)
        stages = Found(info, settings, journal, lambda: pytest.fail("the models were loaded"))
        stages.layers = layers
        job = Job(video, start_at=Stage.POSTPROCESS_AND_FINALIZE, overwrite=overwrite)
        book = Book(database, journal.workflow_id)
        return asyncio.run(Workflow(job, info, journal, book, stages=stages, settings=settings).run())

    return ended


def names(video: Path) -> list[str]:
    return sorted(path.name for path in video.parent.iterdir() if path != video)


def codes(outcome: Outcome) -> list[str]:
    return [warning.code for warning in outcome.warnings]


def test_the_subtitles_of_an_earlier_run_stay_and_stay_ours_and_the_json_result_tells(run: Run, video: Path) -> None:
    run(TAKEN)
    before = video.with_suffix(".srt").read_bytes()
    none = run(LEFT)
    assert (none.error, none.cues, none.left_all_text) == (None, (), True)
    assert none.outputs == (video.with_suffix(".json"),)
    assert codes(none) == ["NONE_CHOSEN", "FILE_LEFT"]
    assert (
        none.warnings[1].message == f"{video.with_suffix('.srt')} was left as it is. No text was taken for subtitles."
    )
    assert video.with_suffix(".srt").read_bytes() == before
    document = json.loads(video.with_suffix(".json").read_bytes())
    assert (document["cues"], document["layers"][0]["taken"]) == ([], False)
    assert [warning["code"] for warning in document["warnings"]] == ["NONE_CHOSEN", "FILE_LEFT"]
    # The next run with subtitles replaces them.
    run(replace(TAKEN, cues=CUES[:1]))
    assert video.with_suffix(".srt").read_bytes() != before


def test_a_file_of_somebody_else_stays_also_where_it_may_be_overwritten(run: Run, video: Path) -> None:
    video.with_suffix(".srt").write_bytes(b"by hand")
    none = run(LEFT, overwrite=True)
    assert codes(none) == ["NONE_CHOSEN", "FILE_LEFT"]
    assert none.warnings[1].facts == {"path": video.with_suffix(".srt")}
    assert video.with_suffix(".srt").read_bytes() == b"by hand"
    run(TAKEN, overwrite=True)
    assert video.with_suffix(".srt").read_bytes().startswith(b"1\n")


def test_files_that_would_have_no_successor_stay_as_well(run: Run, video: Path) -> None:
    run(TAKEN, formats=["srt", "vtt"], split_by_script=True)
    tracks = ["film.en.srt", "film.en.vtt", "film.zh.srt", "film.zh.vtt"]
    assert names(video) == sorted(["film.json", *tracks])
    none = run(LEFT, formats=["ass"])
    assert codes(none) == ["NONE_CHOSEN", *["FILE_LEFT"] * 4]
    # Where no file is, an empty one says that there is nothing.
    assert names(video) == sorted(["film.ass", "film.json", *tracks])


def test_where_no_file_is_an_empty_one_is_written(run: Run, video: Path) -> None:
    none = run(LEFT)
    assert codes(none) == ["NONE_CHOSEN"]
    assert none.outputs == (video.with_suffix(".srt"), video.with_suffix(".json"))
    assert video.with_suffix(".srt").read_bytes() == b""


def test_where_no_text_was_seen_at_all_an_empty_file_takes_the_place_of_ours(run: Run, video: Path) -> None:
    run(TAKEN)
    nothing = run()
    assert (nothing.cues, nothing.left_all_text, nothing.warnings) == ((), False, ())
    assert video.with_suffix(".srt").read_bytes() == b""


def test_two_layers_that_are_taken_are_both_there_in_order_of_time_each_cue_with_its_layer(
    run: Run, video: Path
) -> None:
    title = Layer(2, 0.9, True, (), Box(400, 30, 880, 90), 30.0, (cue(500, 1500, "At the sea", top=True),))
    both = run(TAKEN, title)
    assert [(found.layer, found.lines) for found in both.cues] == [
        (1, ("你好", "Hello")),
        (2, ("At the sea",)),
        (1, ("再见", "there")),
    ]
    document = json.loads(video.with_suffix(".json").read_bytes())
    assert [found["layer"] for found in document["cues"]] == [1, 2, 1]
    srt = video.with_suffix(".srt").read_text(encoding="utf-8").split("\n\n")
    assert [block.splitlines()[2] for block in srt] == ["你好", "At the sea", "再见"]
