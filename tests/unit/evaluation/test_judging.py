"""Scoring a corpus: which clips are in which figures, what is counted, and what is said of what is missing."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.support.corpora import cue, write_clips, write_results
from tests.support.videos import make_video
from yivideo_ray.errors import ConfigError, InputError
from yivideo_ray.evaluation.corpus import read_corpus
from yivideo_ray.evaluation.judging import Evaluation, Group, evaluate
from yivideo_ray.evaluation.table import format_comparison, format_evaluation

INDEX = """\
name\tsource\tkind\tscript
film.mp4\ts1\tfilm\tlatin
zh.mp4\ts2\tfilm\tHan+latin
lost.mp4\ts2\tshort\tlatin
arabic.mp4\ts3\tshort\tarabic
"""
TRUTH = {
    "film": (cue(1, 2, "Where is he?"), cue(3, 4, "At home.")),
    "zh": (cue(1, 2, "你好吗？"),),
    "lost": (cue(1, 2, "Nobody reads me."),),
    "arabic": (cue(1, 2, "مرحبا"),),
    "NEG_street": None,
}
RESULT = {
    # Two characters and a start of 80 ms, two frames at 25 a second, are wrong.
    "film": (cue(1.08, 2, "Where is hee!"), cue(3, 4, "At home."), cue(5, 6, "TAXI")),
    "zh": (cue(1, 2.2, "你好吗？"),),
    "lost": (),
    "arabic": (cue(1, 2, "lajo"),),
    "NEG_street": (cue(0, 1, "SALE"), cue(1, 2, "50 %")),
}
KNOWN = ("latin", "han")


@pytest.fixture
def clips(tmp_path: Path) -> Path:
    return write_clips(tmp_path / "clips", TRUTH, INDEX)


@pytest.fixture
def results(tmp_path: Path) -> Path:
    return write_results(tmp_path / "results", RESULT)


def judged(clips: Path, results: Path, **options: tuple[str, ...]) -> Evaluation:
    return evaluate(read_corpus(clips), results, **options)


def test_main_figures_are_sums_of_counts_over_clips_in_known_scripts(clips: Path, results: Path) -> None:
    found = judged(clips, results, scripts=KNOWN)
    assert [clip.clip.name for clip in found.of(Group.MAIN)] == ["film", "lost", "zh"]
    assert (found.main.reference_cues, found.main.result_cues, found.main.matched) == (4, 4, 3)
    assert found.main.recall == pytest.approx(0.75)
    # Of 10, 7 and 4 characters in the matched cues two are wrong.
    assert found.main.characters.rate_matched == pytest.approx(2 / 21)
    assert found.main.exact == 2
    assert (found.main.starts.within_two_frames, found.main.ends.within_two_frames) == (3, 2)
    assert [clip.clip.name for clip in found.empty] == ["lost"]


def test_kinds_and_scripts_of_the_index_group_the_main_figures(clips: Path, results: Path) -> None:
    found = judged(clips, results, scripts=KNOWN)
    assert {kind: [clip.clip.name for clip in of] for kind, of in found.by_kind().items()} == {
        "film": ["film", "zh"],
        "short": ["lost"],
    }
    assert list(found.by_script()) == ["han+latin", "latin"]
    assert set(found.as_dict()["sources"]) == {"s1", "s2"}


def test_without_an_index_nothing_is_grouped(clips: Path, results: Path) -> None:
    (clips / "INDEX.tsv").unlink()
    found = judged(clips, results)
    assert (found.by_kind(), found.by_script()) == ({}, {})
    assert "kind" not in format_evaluation(found)


def test_what_comes_out_of_clips_without_subtitles_is_phantoms_and_not_in_the_main_precision(
    clips: Path, results: Path
) -> None:
    found = judged(clips, results, scripts=KNOWN)
    assert found.phantoms == 2
    assert found.main.precision == pytest.approx(3 / 4)
    assert found.precision_with_phantoms == pytest.approx(3 / 6)
    assert "2 phantoms in 1 of 1; precision with them 0.5000\n  NEG_street: 2 cues" in format_evaluation(found)


def test_clips_in_other_scripts_are_told_apart_with_their_warning(clips: Path, results: Path) -> None:
    assert "no JSON result" in format_evaluation(judged(clips, results, scripts=KNOWN)).splitlines()[-1]
    document = results / "arabic.json"
    document.write_text(json.dumps({"warnings": ["plain text", {"code": "UNREADABLE_SCRIPT", "message": "Arabic"}]}))
    found = judged(clips, results, scripts=KNOWN)
    (arabic,) = found.of(Group.OTHER_SCRIPT)
    assert (arabic.clip.name, arabic.warnings) == ("arabic", ("UNREADABLE_SCRIPT",))
    assert format_evaluation(found).splitlines()[-1].split() == ["arabic", "arabic", "1", "1", "0", "UNREADABLE_SCRIPT"]
    document.write_text(json.dumps({"warnings": ["The models run on the CPU."]}))
    assert format_evaluation(judged(clips, results, scripts=KNOWN)).splitlines()[-1].endswith("  no")
    document.write_text("[1")
    notes = judged(clips, results, scripts=KNOWN).notes
    assert any(note.startswith("arabic.json can't be read") for note in notes)


def test_a_clip_is_in_a_known_script_if_all_of_its_scripts_are_or_none_is_said(tmp_path: Path) -> None:
    truth = {name: (cue(1, 2, "Hi"),) for name in ("both", "half", "unsaid")}
    clips = write_clips(tmp_path / "clips", truth, "name\tscript\nboth\tHan+latin\nhalf\tlatin+thai\n")
    found = judged(clips, write_results(tmp_path / "results", truth), scripts=KNOWN)
    assert {clip.clip.name: clip.group for clip in found.clips} == {
        "both": Group.MAIN,
        "half": Group.OTHER_SCRIPT,
        "unsaid": Group.MAIN,
    }


def test_all_clips_are_in_the_main_figures_unless_scripts_are_asked_for(clips: Path, results: Path) -> None:
    assert judged(clips, results).main.reference_cues == 5


def test_soft_times_count_for_the_text_only(clips: Path, results: Path) -> None:
    found = judged(clips, results, scripts=KNOWN, soft=("film", "zh.mp4"))
    assert (found.main.matched, found.main.starts.ms, found.main.ends.ms) == (3, (), ())
    line = next(line for line in format_evaluation(found).splitlines() if line.startswith("film"))
    assert line.split()[-4:] == ["-", "-", "-", "-"]
    (film,) = (clip for clip in found.clips if clip.clip.name == "film")
    assert [miss.result for miss in film.misses] == [0, 2]
    with pytest.raises(ConfigError, match="did you mean film"):
        judged(clips, results, soft=("fim",))


def test_a_missing_or_unreadable_result_counts_as_empty_and_is_named(clips: Path, results: Path) -> None:
    (results / "film.srt").unlink()
    (results / "zh.srt").write_text("no subtitles here")
    found = judged(clips, results, scripts=KNOWN)
    assert found.main.matched == 0
    assert [clip.clip.name for clip in found.empty] == ["film", "lost", "zh"]
    film, zh = found.problems
    assert film.startswith("film counts as empty: ")
    assert "does not exist" in film
    assert zh.startswith("zh counts as empty: ")


def test_results_of_nothing_or_of_the_truth_itself_are_refused(clips: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="is no directory"):
        judged(clips, tmp_path / "nowhere")
    with pytest.raises(InputError, match="no result of any clip"):
        judged(clips, write_results(tmp_path / "others", {"unknown": ()}))
    with pytest.raises(ConfigError, match="is the truth itself"):
        judged(clips, clips)


def test_scripts_without_an_index_are_refused(tmp_path: Path) -> None:
    clips = write_clips(tmp_path / "clips", {"a": (cue(1, 2, "Hi"),)})
    with pytest.raises(ConfigError, match="no index"):
        judged(clips, write_results(tmp_path / "results", {"a": ()}), scripts=("latin",))


def test_frames_are_those_of_the_video_and_of_25_a_second_where_it_can_not_be_read(tmp_path: Path) -> None:
    off = (cue(1.1, 2, "Hi"),)
    clips = write_clips(tmp_path / "clips", {"fast": (cue(1, 2, "Hi"),), "unknown": (cue(1, 2, "Hi"),)})
    make_video(clips / "fast.mp4", frames=20, size=(64, 48), rate=50)
    fast, unknown = judged(clips, write_results(tmp_path / "results", {"fast": off, "unknown": off})).clips
    assert fast.score.starts.frames == pytest.approx((5.0,))
    assert unknown.score.starts.frames == pytest.approx((2.5,))


def test_a_result_of_another_tool_stands_beside_ours(clips: Path, results: Path, tmp_path: Path) -> None:
    other = write_results(tmp_path / "other", {name: cues or () for name, cues in TRUTH.items()})
    table = format_comparison(judged(clips, results, scripts=KNOWN), judged(clips, other, scripts=KNOWN))
    total = next(line for line in table.splitlines() if line.startswith("all"))
    assert total.split()[:4] == ["all", "4", "0.7500", "|"]
    assert "0.7500 | 1.0000" in total
    assert "phantoms of clips without subtitles: 2 | 0" in table
    assert "came out empty: 1 | 0" in table
    assert any(line.startswith("kind: short") for line in table.splitlines())


def test_the_figures_are_plain_json_with_every_difference(clips: Path, results: Path) -> None:
    document = json.loads(json.dumps(judged(clips, results, scripts=KNOWN).as_dict()))
    assert document["all"]["matched"] == 3
    assert document["phantoms"] == {"cues": 2, "clips": {"NEG_street": 2}, "precision_with_phantoms": 0.5}
    assert document["kinds"]["film"]["clips"] == 2
    film = next(clip for clip in document["clips"] if clip["clip"] == "film")
    assert film["differences"] == [
        {"at_s": 1.0, "kinds": ["text"], "truth": ["Where is he?"], "result": ["Where is hee!"]},
        {"at_s": 5.0, "kinds": ["false"], "truth": None, "result": ["TAXI"]},
    ]
