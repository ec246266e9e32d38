"""Directories of videos with their truth: what is a clip, what the index says, and what is named where it can't be."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.corpora import cue, srt, write_clips
from yivideo_ray.errors import InputError
from yivideo_ray.evaluation.corpus import Corpus, read_corpus

HELLO = (cue(1, 2, "Hello there"),)


def names(corpus: Corpus) -> list[str]:
    return [clip.name for clip in corpus.clips]


def test_a_clip_is_a_video_with_its_truth_beside_it(tmp_path: Path) -> None:
    write_clips(tmp_path, {"b": HELLO})
    (tmp_path / "a.MKV").touch()
    (tmp_path / "a.truth.srt").write_text(srt(cue(0, 1, "你好")), encoding="utf-8")
    (tmp_path / "notes.txt").touch()
    corpus = read_corpus(tmp_path)
    assert names(corpus) == ["a", "b"]
    assert [clip.video.name for clip in corpus.clips] == ["a.MKV", "b.mp4"]
    assert [clip.truth for clip in corpus.clips] == [(cue(0, 1, "你好"),), HELLO]
    assert (corpus.problems, corpus.notes) == ((), ())


def test_of_two_truths_the_one_that_can_be_no_result_counts_and_both_are_named(tmp_path: Path) -> None:
    write_clips(tmp_path, {"a": (cue(1, 2, "a result"),)})
    (tmp_path / "a.truth.srt").write_text(srt(*HELLO))
    corpus = read_corpus(tmp_path)
    assert corpus.clips[0].truth == HELLO
    assert corpus.notes == ("a has a.truth.srt and a.srt: the first is taken for the truth.",)


def test_clips_whose_truth_is_not_known_are_left_out_by_name(tmp_path: Path) -> None:
    write_clips(tmp_path, {"good": HELLO, "lonely": None, "broken": ()})
    (tmp_path / "broken.srt").write_text("This is a letter.\n")
    corpus = read_corpus(tmp_path)
    assert names(corpus) == ["good"]
    broken, lonely = corpus.problems
    assert broken.startswith("broken is left out: ")
    assert "broken.srt" in broken
    assert lonely == "lonely is left out: it has neither lonely.srt nor lonely.truth.srt."


def test_a_clip_without_subtitles_says_so_by_its_name_its_empty_truth_or_the_index(tmp_path: Path) -> None:
    index = "file\tscript\tcues\nsilent.mp4\tnone\t\nempty.mp4\tlatin\t0\n"
    write_clips(tmp_path, {"NEG_street": None, "silent": None, "empty": None, "blank": ()}, index)
    corpus = read_corpus(tmp_path)
    assert {clip.name: clip.truth for clip in corpus.clips} == dict.fromkeys(
        ["NEG_street", "silent", "empty", "blank"], ()
    )
    assert corpus.problems == ()


def test_the_index_is_read_by_its_header_whatever_the_order_of_its_columns(tmp_path: Path) -> None:
    index = '\ufeffKind \tname\tscript\tremark\nfilm "A"\tone.mp4\tHan+Latin\tx\tmore\nshort\ttwo\n'
    write_clips(tmp_path, {"one": HELLO, "two": HELLO, "three": HELLO}, index)
    one, three, two = read_corpus(tmp_path).clips
    assert (one.kind, one.source, sorted(one.scripts)) == ('film "A"', "", ["han", "latin"])
    assert (two.kind, sorted(two.scripts)) == ("short", [])
    assert (three.kind, three.source, sorted(three.scripts)) == ("", "", [])


def test_an_index_may_be_called_cases_and_name_clips_by_id_or_file(tmp_path: Path) -> None:
    write_clips(tmp_path, {"B03": HELLO})
    (tmp_path / "CASES.tsv").write_text("id\tfile\tcues\tsource\nB03\tB03.mp4\t1\ts1\n")
    corpus = read_corpus(tmp_path)
    assert (corpus.clips[0].source, corpus.notes) == ("s1", ())


@pytest.mark.parametrize(
    ("index", "problem"),
    [
        (b"kind\tscript\nfilm\tlatin\n", "no column of it is called name or file"),
        (b"name\tkind\n\xff\xfe\xfa\t\xff\n", "it can't be read"),
        (b"", "no column of it is called name or file"),
    ],
)
def test_an_index_that_can_not_be_used_is_named_and_left_out(tmp_path: Path, index: bytes, problem: str) -> None:
    write_clips(tmp_path, {"a": HELLO})
    (tmp_path / "INDEX.tsv").write_bytes(index)
    corpus = read_corpus(tmp_path)
    assert names(corpus) == ["a"]
    (told,) = corpus.problems
    assert told.startswith("INDEX.tsv is left out: ")
    assert problem in told


def test_what_belongs_to_no_clip_is_noted(tmp_path: Path) -> None:
    write_clips(tmp_path, {"a": HELLO}, "name\tkind\na\tfilm\na.mp4\tshort\nlost.mp4\tfilm\ngone.mp4\tfilm\n")
    (tmp_path / "a.webm").touch()
    (tmp_path / "other.srt").write_text(srt(*HELLO))
    corpus = read_corpus(tmp_path)
    assert corpus.clips[0].kind == "film"
    assert set(corpus.notes) == {
        "a.webm has the name of a.mp4, which is taken.",
        "other.srt belongs to no video.",
        "INDEX.tsv names a twice: the first row counts.",
        "The index names what is not there: gone.mp4, lost.mp4.",
    }


def test_a_directory_without_a_clip_is_an_error_that_says_why(tmp_path: Path) -> None:
    write_clips(tmp_path, {"lonely": None})
    with pytest.raises(InputError, match="lonely is left out") as caught:
        read_corpus(tmp_path)
    assert caught.value.code.name == "INPUT_UNRECOGNIZED"
    with pytest.raises(InputError) as caught:
        read_corpus(tmp_path / "nowhere")
    assert caught.value.code.name == "INPUT_NOT_FOUND"
    with pytest.raises(InputError) as caught:
        read_corpus(tmp_path / "lonely.mp4")
    assert caught.value.code.name == "INPUT_NOT_REGULAR_FILE"
