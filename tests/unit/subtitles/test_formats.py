"""Subtitle files: what is written, and that it is read back the same."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import pysubs2
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.cues import cue, video
from yivideo_ray.errors import InputError
from yivideo_ray.geometry import Box
from yivideo_ray.subtitles.formats import (
    parse_srt,
    read_srt,
    timed_texts,
    write_ass,
    write_srt,
    write_txt,
    write_vtt,
)
from yivideo_ray.types import Cue, Layer, cues_of


def test_srt_of_two_cues_is_written_to_the_letter() -> None:
    cues = [cue(640, 2480, "Where is Mr. O'Brien?"), cue(3_723_004, 3_724_000, "你好，", "world")]
    assert write_srt(cues, video()) == (
        "1\n00:00:00,640 --> 00:00:02,480\nWhere is Mr. O'Brien?\n\n2\n01:02:03,004 --> 01:02:04,000\n你好，\nworld\n"
    )


def test_no_cues_make_a_valid_empty_srt() -> None:
    written = write_srt([], video())
    assert written == ""
    assert parse_srt(written.encode()) == []


def test_times_are_rounded_half_up_from_where_the_file_begins() -> None:
    # 1/2000 s a tick: an odd number of ticks lies halfway between two milliseconds.
    written = write_srt([cue(1001, 1004, "a")], video(Fraction(1, 2000), first_pts=400))
    assert "00:00:00,301 --> 00:00:00,302" in written


def test_every_format_counts_from_the_sound_where_that_begins_before_the_picture() -> None:
    late = video(Fraction(1, 1000), first_pts=4523, origin_s=Fraction(3))
    cues = [cue(4523, 5000, "first"), cue(6000, 7004, "second")]
    assert "00:00:01,523 --> 00:00:02,000" in write_srt(cues, late)
    assert "00:00:01.523 --> 00:00:02.000" in write_vtt(cues, late)
    assert "0:00:01.52,0:00:02.00" in write_ass(cues, late)
    assert "0:00:03.00,0:00:04.00" in write_ass(cues, late)
    assert [(shown.start_s, shown.end_s) for shown in timed_texts(cues, late)] == [(1.523, 2.0), (3.0, 4.004)]


def test_an_origin_between_two_ticks_is_counted_exactly() -> None:
    # 25 ticks a second, and the file begins with its sound, 2.976009 s on that clock.
    written = write_srt([cue(100, 125, "a")], video(Fraction(1, 25), first_pts=100, origin_s=Fraction(2976009, 10**6)))
    assert "00:00:01,024 --> 00:00:02,024" in written


def test_ntsc_times_do_not_drift_over_two_hours() -> None:
    frame = 2 * 3600 * 30
    written = write_srt([cue(1001 * frame, 1001 * (frame + 30), "late")], video(Fraction(1, 30000)))
    assert "02:00:07,200 --> 02:00:08,201" in written


def test_a_cue_shorter_than_half_a_millisecond_still_ends_after_its_start() -> None:
    assert "00:00:00,000 --> 00:00:00,001" in write_srt([cue(0, 1, "a")], video(Fraction(1, 90000)))


def test_a_blank_line_within_a_cue_is_left_out_and_a_cue_of_nothing_else_too() -> None:
    cues = [cue(0, 500, "one", "  ", "two\n\nthree"), cue(500, 900, " ", ""), cue(900, 1000, "four")]
    written = write_srt(cues, video())
    assert [event.lines for event in parse_srt(written.encode())] == [("one", "two", "three"), ("four",)]
    assert "\n2\n00:00:00,900" in written


def test_an_arrow_in_the_text_does_not_look_like_a_time_line() -> None:
    assert "a -- > b" in write_srt([cue(0, 500, "a --> b")], video())


def test_vtt_escapes_markup_and_keeps_top_cues_at_the_top() -> None:
    written = write_vtt([cue(0, 500, "Tom & <Jerry>"), cue(500, 900, "up", top=True)], video())
    assert written == (
        "WEBVTT\n\n00:00:00.000 --> 00:00:00.500\nTom &amp; &lt;Jerry&gt;\n\n00:00:00.500 --> 00:00:00.900 line:0\nup\n"
    )


def test_ass_keeps_rows_line_breaks_and_braces() -> None:
    written = write_ass([cue(0, 500, "one", "two"), cue(500, 904, "{up}", top=True)], video())
    subtitles = pysubs2.SSAFile.from_string(written)
    assert (subtitles.info["PlayResX"], subtitles.info["PlayResY"]) == ("1280", "720")
    assert [(e.start, e.end, e.text) for e in subtitles] == [
        (0, 500, r"one\Ntwo"),
        (500, 900, r"{\an8}\{up\}"),
    ]


def at(y0: int, start_ms: int, end_ms: int, text: str, x0: int = 400) -> Cue:
    box = Box(x0, y0, x0 + 480, y0 + 60)
    return Cue(start_ms, end_ms, (text,), 0.98, box, "", 20, 1)


def ass_texts(cues: list[Cue]) -> list[str]:
    return [event.text for event in pysubs2.SSAFile.from_string(write_ass(cues, video()))]


def test_ass_leaves_a_cue_in_the_middle_there() -> None:
    assert ass_texts([at(330, 0, 500, "middle")]) == [r"{\an5}middle"]


def test_ass_places_cues_that_share_a_row_at_one_time_and_no_others() -> None:
    cues = [at(540, 0, 500, "above"), at(620, 200, 700, "below"), at(20, 0, 700, "top"), at(620, 700, 900, "after")]
    assert ass_texts(cues) == [r"{\an2\pos(640,600)}above", r"{\an2\pos(640,680)}below", r"{\an8}top", "after"]
    top = [at(20, 0, 500, "first"), at(90, 0, 500, "second")]
    assert ass_texts(top) == [r"{\an8\pos(640,20)}first", r"{\an8\pos(640,90)}second"]


def test_ass_places_a_cue_that_stands_aside() -> None:
    assert ass_texts([at(620, 0, 500, "left", x0=40)]) == [r"{\an2\pos(280,680)}left"]


def test_vtt_places_cues_where_players_would_not_put_them() -> None:
    cues = [
        at(540, 0, 500, "above"),
        at(620, 200, 700, "below"),
        at(330, 700, 800, "middle"),
        at(620, 700, 900, "after"),
    ]
    lines = [line.split(" ", 3)[3:] for line in write_vtt(cues, video()).splitlines() if "-->" in line]
    assert lines == [["line:75%"], ["line:86%"], ["line:45%"], []]


def test_ass_does_not_take_a_backslash_for_a_command() -> None:
    event = pysubs2.SSAFile.from_string(write_ass([cue(0, 500, r"C:\New")], video()))[0]
    assert "\n" not in event.plaintext


def test_txt_has_the_lines_as_shown_with_a_blank_line_between_cues() -> None:
    assert write_txt([cue(0, 1, "a", "b"), cue(5, 6, "c")], video()) == "a\nb\n\nc\n"


printable = st.text(st.characters(exclude_categories=("C", "Z"), exclude_characters="\\<>{}"), min_size=1, max_size=12)
lines = st.lists(printable, min_size=1, max_size=3).map(tuple)


@st.composite
def cue_lists(draw: st.DrawFn) -> list[Cue]:
    times = draw(st.lists(st.integers(0, 9_000_000), unique=True, max_size=12).map(sorted))
    return [cue(a, b, *draw(lines)) for a, b in zip(times[::2], times[1::2], strict=False)]


@settings(deadline=None)
@given(cue_lists(), st.sampled_from([Fraction(1, 1000), Fraction(1, 12800), Fraction(1001, 30000), Fraction(1, 90000)]))
def test_srt_is_read_back_with_the_same_texts_and_times_within_half_a_millisecond(
    cues: list[Cue], time_base: Fraction
) -> None:
    info = video(time_base)
    read = parse_srt(write_srt(cues, info).encode())
    assert [event.lines for event in read] == [cue.lines for cue in cues]
    for event, exact in zip(read, timed_texts(cues, info), strict=True):
        assert abs(event.start_s - exact.start_s) <= 0.000501
        assert event.end_s > event.start_s
        assert abs(event.end_s - exact.end_s) <= 0.001501


@settings(deadline=None)
@given(cue_lists())
def test_written_srt_survives_being_read_and_written_again(cues: list[Cue]) -> None:
    written = write_srt(cues, video())
    again = [
        cue(round(1000 * event.start_s), round(1000 * event.end_s), *event.lines)
        for event in parse_srt(written.encode())
    ]
    assert write_srt(again, video()) == written


@settings(deadline=None)
@given(cue_lists())
def test_vtt_and_ass_are_read_by_pysubs2_with_as_many_cues(cues: list[Cue]) -> None:
    info = video()
    for text, kind in ((write_vtt(cues, info), "vtt"), (write_ass(cues, info), "ass")):
        assert len(pysubs2.SSAFile.from_string(text, format_=kind)) == len(cues)


def test_a_number_alone_on_the_last_line_of_the_file_is_kept() -> None:
    written = write_srt([cue(0, 500, "Room", "412")], video())
    assert parse_srt(written.encode())[0].lines == ("Room", "412")


@pytest.mark.parametrize(
    "data",
    [
        "1\n00:00:01,000 --> 00:00:02,500\n你好 é\n".encode("utf-8-sig"),
        "1\r\n00:00:01,000 --> 00:00:02,500\r\n你好 é\r\n\r\n".encode(),
        "1\r00:00:01,000 --> 00:00:02,500\r你好 é\r".encode(),
        "1\n00:00:01,000 --> 00:00:02,500\n你好 é".encode("utf-16"),
        "1\n00:00:01,000 --> 00:00:02,500\n你好 é".encode("gb18030"),
        '1\n00:00:01.000 --> 00:00:02.500\n{\\an8}<i>你好</i> <font color="#ff0000">é</font>\n\n'.encode(),
    ],
    ids=["bom", "crlf", "cr", "utf16", "gb18030", "tags"],
)
def test_srt_of_many_origins_is_read(data: bytes) -> None:
    (event,) = parse_srt(data)
    assert (event.start_s, event.end_s, event.lines) == (1.0, 2.5, ("你好 é",))


def test_western_srt_of_old_programs_is_read() -> None:
    data = "1\n00:00:01,000 --> 00:00:02,500\nIl a été ici à midi, non ?\n".encode("cp1252")
    assert parse_srt(data)[0].lines == ("Il a été ici à midi, non ?",)


def test_what_is_no_srt_is_refused_with_its_name(tmp_path: Path) -> None:
    path = tmp_path / "notes.srt"
    path.write_text("Just some notes.")
    with pytest.raises(InputError, match=r"notes\.srt holds no SubRip cue") as caught:
        read_srt(path)
    assert caught.value.code.name == "INPUT_UNRECOGNIZED"


@pytest.mark.parametrize(("name", "code"), [("missing.srt", "INPUT_NOT_FOUND"), ("", "INPUT_NOT_REGULAR_FILE")])
def test_a_missing_file_and_a_directory_are_refused(tmp_path: Path, name: str, code: str) -> None:
    with pytest.raises(InputError) as caught:
        read_srt(tmp_path / name)
    assert caught.value.code.name == code


def test_overlapping_cues_of_two_layers_are_both_there_in_order_of_time_each_in_its_place() -> None:
    dialogue = Layer(1, 0.97, True, (), Box(400, 600, 880, 660), 30.0, (cue(0, 900, "One"), cue(900, 1800, "Two")))
    title = Layer(2, 0.9, True, (), Box(400, 30, 880, 90), 30.0, (cue(0, 1500, "At the sea", top=True),))
    sign = Layer(3, 0.1, False, (), Box(0, 0, 90, 90), 30.0, (cue(300, 600, "BAKERY", top=True),))
    cues = cues_of((dialogue, title, sign))
    assert [(shown.layer, shown.text) for shown in cues] == [(2, "At the sea"), (1, "One"), (1, "Two")]
    assert write_srt(cues, video()) == (
        "1\n00:00:00,000 --> 00:00:01,500\nAt the sea\n\n"
        "2\n00:00:00,000 --> 00:00:00,900\nOne\n\n"
        "3\n00:00:00,900 --> 00:00:01,800\nTwo\n"
    )
    assert "01.500 line:0\nAt the sea\n" in write_vtt(cues, video())
    assert "00.900\nOne\n" in write_vtt(cues, video())
    shown = [line.rsplit(",,", 1)[1] for line in write_ass(cues, video()).splitlines() if line.startswith("Dialogue")]
    assert shown == [r"{\an8}At the sea", "One", "Two"]
