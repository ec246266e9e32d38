"""Where results go, and what is in them."""

import dataclasses
import os
from pathlib import Path

import pytest

from tests.support.cues import cue, video
from tests.unit.stages.test_completeness import INFO
from yivideo_ray.config import PostprocessorSettings, Settings, SubtitleSettings
from yivideo_ray.errors import ConfigError, OutputError
from yivideo_ray.files import write_together
from yivideo_ray.jobs import Job
from yivideo_ray.locations import Url
from yivideo_ray.runtime.batch import workflow_id
from yivideo_ray.runtime.workflow.outputs import (
    SubtitleFiles,
    output_path,
    possible_outputs,
    require_distinct,
    require_writable,
    subtitle_files,
)
from yivideo_ray.types import STAGES, Cue

CUES = (cue(640, 2480, "Hello"),)


def asking(*formats: str, **more: object) -> Settings:
    return Settings(subtitles=SubtitleSettings.model_validate({"formats": formats, **more}))


def test_another_size_time_or_place_is_another_workflow() -> None:
    for change in ({"size_bytes": 2}, {"mtime_ns": 2}, {"path": "w.mp4"}):
        assert workflow_id(dataclasses.replace(INFO, **change)) != workflow_id(INFO)


def test_results_lie_beside_the_video_or_in_the_directory_given(tmp_path: Path) -> None:
    assert output_path(Job(Path("a/film.v2.mp4")), ".srt") == Path("a/film.v2.srt")
    assert output_path(Job(Path("a/film.mp4"), output_dir=tmp_path), ".json") == tmp_path / "film.json"
    # Nothing can be written beside what is at an address.
    assert output_path(Job(Url("s3://b/a/film.v2.mp4")), ".srt") == Path("film.v2.srt")
    assert output_path(Job(Url("s3://b/a/film.mp4"), output_dir=tmp_path), ".json") == tmp_path / "film.json"


@pytest.mark.parametrize("stem", ["x" * 251, "字" * 83 + "xx", "🎬" * 62 + "abc"])
def test_a_name_of_255_bytes_gives_names_that_can_be_written(tmp_path: Path, stem: str) -> None:
    path = output_path(Job(tmp_path / f"{stem}.mp4"), ".json")
    path.write_text("")
    assert len(os.fsencode(path.name)) <= 255
    assert stem.startswith(path.stem)


def test_two_videos_with_one_result_are_refused(tmp_path: Path) -> None:
    wanted = SubtitleSettings()
    require_distinct([Job(tmp_path / "a.mp4"), Job(tmp_path / "b.mp4")], wanted)
    with pytest.raises(ConfigError, match=r"a\.mkv"):
        require_distinct([Job(tmp_path / "a.mp4"), Job(tmp_path / "sub" / ".." / "a.mkv")], wanted)


def test_a_path_that_no_file_system_has_stops_no_other(tmp_path: Path) -> None:
    loop = tmp_path / "loop"
    loop.symlink_to(loop)
    odd = [Job(video, output_dir=tmp_path) for video in (Path("a\0b") / "film.mp4", loop / "other.mp4")]
    require_distinct([*odd, Job(tmp_path / "third.mp4")], SubtitleSettings())


@pytest.mark.parametrize(("name", "formats"), [("film.json", ()), ("film.ass", ("srt", "ass"))])
def test_a_video_named_like_a_result_is_not_overwritten(tmp_path: Path, name: str, formats: tuple[str, ...]) -> None:
    wanted = SubtitleSettings(formats=formats)
    with pytest.raises(ConfigError, match="would overwrite"):
        require_distinct([Job(tmp_path / name)], wanted)
    require_distinct([Job(tmp_path / name, output_dir=tmp_path / "out")], wanted)


def test_every_format_asked_for_is_made_and_nothing_else(tmp_path: Path) -> None:
    made = subtitle_files(Job(tmp_path / "film.mp4"), video(), CUES, asking("vtt", "ass", "txt", "srt")).data
    assert [path.name for path in made] == ["film.vtt", "film.ass", "film.txt", "film.srt"]
    assert {path.parent for path in made} == {tmp_path}
    assert [data.decode()[:6] for data in made.values()] == ["WEBVTT", "[Scrip", "Hello\n", "1\n00:0"]


def test_no_format_makes_no_subtitle_file(tmp_path: Path) -> None:
    assert subtitle_files(Job(tmp_path / "film.mp4"), video(), CUES, asking()) == SubtitleFiles()


def test_tracks_are_made_instead_of_the_whole_and_named(tmp_path: Path) -> None:
    job = Job(tmp_path / "film.mp4")
    both = (cue(0, 900, "你好", "Hello"), cue(900, 1800, "你好", "there"))
    languages = {"latin": "fr"}
    made = subtitle_files(job, video(), both, asking("srt", "txt", split_by_script=True, script_languages=languages))
    assert [path.name for path in made.data] == ["film.zh.srt", "film.zh.txt", "film.fr.srt", "film.fr.txt"]
    assert [(track.language, track.scripts, track.cues) for track in made.tracks] == [
        ("zh", ("han",), 1),
        ("fr", ("latin",), 2),
    ]
    assert [path for track in made.tracks for path in track.files] == list(made.data)
    assert made.data[tmp_path / "film.fr.txt"].decode() == "Hello\n\nthere\n"
    assert "00:00:00,000 --> 00:00:01,800\n你好\n" in made.data[tmp_path / "film.zh.srt"].decode()


def test_the_gap_that_ends_a_subtitle_is_the_settings_in_tracks_too(tmp_path: Path) -> None:
    both = (cue(0, 900, "你好", "Hello"), cue(980, 1800, "你好", "there"))
    settings = asking("srt", split_by_script=True)
    (chinese, _) = subtitle_files(Job(tmp_path / "film.mp4"), video(), both, settings).tracks
    assert chinese.cues == 1
    apart = settings.model_copy(update={"postprocessor": PostprocessorSettings(merge_gap_ms=79)})
    (chinese, _) = subtitle_files(Job(tmp_path / "film.mp4"), video(), both, apart).tracks
    assert chinese.cues == 2


def test_no_subtitles_are_no_tracks_and_one_empty_file(tmp_path: Path) -> None:
    made = subtitle_files(Job(tmp_path / "film.mp4"), video(), (), asking("srt", split_by_script=True))
    assert made == SubtitleFiles({tmp_path / "film.srt": b""})


@pytest.mark.parametrize("options", [{}, {"split_by_script": True}])
@pytest.mark.parametrize("cues", [(), CUES, (cue(0, 900, "你好", "Hello"), cue(900, 1800, "こんにちは"))])
def test_all_that_a_job_may_write_is_known_before(
    tmp_path: Path, options: dict[str, bool], cues: tuple[Cue, ...]
) -> None:
    job, settings = Job(tmp_path / "film.mp4"), asking("srt", "ass", **options)
    possible = possible_outputs(job, settings.subtitles)
    assert tmp_path / "film.json" in possible
    assert set(subtitle_files(job, video(), cues, settings).data) <= set(possible)


def test_a_job_without_the_last_stage_may_write_its_json_result_alone(tmp_path: Path) -> None:
    job = Job(tmp_path / "film.mp4", STAGES[:2])
    assert possible_outputs(job, SubtitleSettings()) == [tmp_path / "film.json"]


def test_a_track_of_one_video_is_not_written_over_by_another(tmp_path: Path) -> None:
    jobs = [Job(tmp_path / "film.mp4"), Job(tmp_path / "film.zh.mp4")]
    require_distinct(jobs, SubtitleSettings())
    with pytest.raises(ConfigError, match=r"film\.zh\.srt"):
        require_distinct(jobs, SubtitleSettings(split_by_script=True))


def test_a_long_name_is_shortened_for_every_format(tmp_path: Path) -> None:
    made = subtitle_files(Job(tmp_path / ("x" * 251 + ".mp4")), video(), CUES, asking("srt", "ass")).data
    write_together(made)
    assert all(len(os.fsencode(path.name)) == 255 for path in made)


def test_a_directory_is_made_if_it_can_be(tmp_path: Path) -> None:
    require_writable(tmp_path / "new" / "deep")
    assert list((tmp_path / "new" / "deep").iterdir()) == []
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError) as caught:
        require_writable(tmp_path / "file" / "sub")
    assert caught.value.code.name == "OUTPUT_NOT_WRITABLE"


def test_two_addresses_whose_results_have_one_name_collide_but_overwrite_no_video() -> None:
    wanted = SubtitleSettings()
    require_distinct([Job(Url("s3://a/film.srt"))], wanted)
    with pytest.raises(ConfigError, match=r"s3://a/film\.mp4 and s3://b/film\.mkv would both write film\.json"):
        require_distinct([Job(Url("s3://a/film.mp4")), Job(Url("s3://b/film.mkv"))], wanted)


def test_the_work_on_an_address_is_known_by_it_and_by_what_the_server_tells_wherever_the_process_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    there = dataclasses.replace(INFO, path="s3://films/film.mp4", mtime_ns=0, version="v1")
    name = workflow_id(there)
    monkeypatch.chdir(tmp_path)
    assert workflow_id(there) == name
    others = {"path": "s3://films/film2.mp4", "size_bytes": INFO.size_bytes + 1, "version": "v2"}
    found = {workflow_id(dataclasses.replace(there, **{key: value})) for key, value in others.items()}  # type: ignore[arg-type]
    assert len(found | {name}) == 4
