"""Bilingual subtitles into tracks."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.cues import cue
from yivideo_ray.config import ScriptLanguages
from yivideo_ray.subtitles.languages import Track, split_by_script
from yivideo_ray.text.scripts import Script
from yivideo_ray.types import Cue

LANGUAGES = ScriptLanguages().model_dump()


def spoken(*texts: str) -> list[Cue]:
    """Returns a cue a second, each shown for half of it."""
    return [cue(1000 * number, 1000 * number + 500, *text.split("\n")) for number, text in enumerate(texts)]


def split(*texts: str, merge_gap_ticks: int = 0) -> dict[str, list[str]]:
    tracks = split_by_script(spoken(*texts), LANGUAGES, merge_gap_ticks)
    return {track.language: [cue.text for cue in track.cues] for track in tracks}


def test_bilingual_cues_become_two_tracks_with_their_times() -> None:
    cues = [cue(0, 500, "你好", "Hello"), cue(1000, 1500, "再见", "Goodbye,", "my friend")]
    chinese, english = split_by_script(cues, LANGUAGES)
    assert (chinese.language, chinese.scripts) == ("zh", ("han",))
    assert [(c.start_pts, c.end_pts, c.lines) for c in chinese.cues] == [(0, 500, ("你好",)), (1000, 1500, ("再见",))]
    assert (english.language, english.scripts) == ("en", ("latin",))
    assert [c.lines for c in english.cues] == [("Hello",), ("Goodbye,", "my friend")]


def test_one_script_is_one_track() -> None:
    assert split("Hello", "there\nyou") == {"en": ["Hello", "there\nyou"]}


def test_no_cues_are_no_tracks() -> None:
    assert split_by_script([], LANGUAGES) == ()


def test_tracks_come_in_reading_order() -> None:
    assert list(split("Hello\n你好", "再见\nBye")) == ["en", "zh"]


def test_kana_make_a_video_japanese_also_its_lines_without() -> None:
    assert split("東京駅", "どこへ行くの\nWhere to?", "大丈夫\nFine") == {
        "ja": ["東京駅", "どこへ行くの", "大丈夫"],
        "en": ["Where to?", "Fine"],
    }


def test_a_stray_kana_makes_no_chinese_japanese() -> None:
    texts = ["今天天气很好我们去公园吧", "鲜の每日生鲜超市开业大酬宾"]
    assert split(*texts) == {"zh": texts}


def test_chinese_under_japanese_is_a_track_of_its_own() -> None:
    assert split("どこへ行くの\n你去哪里", "東京だよ\n东京", "大丈夫\n没关系") == {
        "ja": ["どこへ行くの", "東京だよ"],
        "zh": ["你去哪里", "东京", "大丈夫\n没关系"],
    }


def test_a_line_without_letters_stays_with_the_line_above_it_else_below() -> None:
    assert split("你好\n1984\nHello", "...\n再见\nBye") == {"zh": ["你好\n1984", "...\n再见"], "en": ["Hello", "Bye"]}


def test_a_cue_without_letters_goes_with_its_nearest_neighbour() -> None:
    cues = [cue(0, 500, "你好"), cue(2000, 2400, "..."), cue(2500, 2900, "Hello"), cue(3000, 3400, "早")]
    assert [[c.text for c in track.cues] for track in split_by_script(cues, LANGUAGES)] == [
        ["你好", "早"],
        ["...", "Hello"],
    ]
    cues[1] = cue(600, 900, "...")
    assert [c.text for c in split_by_script(cues, LANGUAGES)[0].cues] == ["你好", "...", "早"]


def test_a_cue_without_letters_goes_line_by_line_with_a_neighbour_of_as_many() -> None:
    assert split("你好\nHello", "1984\n1984", "?!") == {"zh": ["你好", "1984", "?!"], "en": ["Hello", "1984"]}


def test_a_cue_without_letters_goes_with_its_own_band() -> None:
    cues = [cue(0, 500, "你好", top=True), cue(0, 500, "Hello"), cue(600, 900, "..."), cue(600, 900, "早", top=True)]
    assert [[c.text for c in track.cues] for track in split_by_script(cues, LANGUAGES)] == [
        ["你好", "早"],
        ["Hello", "..."],
    ]


def test_a_video_without_a_letter_is_one_undetermined_track() -> None:
    assert split("...", "1984") == {"und": ["...", "1984"]}


def test_a_rare_script_is_a_guest_in_the_others_track() -> None:
    chinese = ["今天天气很好"] * 20
    assert split(*chinese[:10], "OK!", *chinese[10:]) == {"zh": [*chinese[:10], "OK!", *chinese[10:]]}
    assert set(split(*chinese[:10], "OK!", *chinese[:8])) == {"zh", "en"}


def test_scripts_with_one_language_share_a_track() -> None:
    (track,) = split_by_script(spoken("Zdravo\nЗдраво"), {**LANGUAGES, "latin": "sr", "cyrillic": "sr"})
    assert track == Track("sr", (Script.LATIN, Script.CYRILLIC), tuple(spoken("Zdravo\nЗдраво")))


def test_what_stays_while_the_other_language_changes_is_one_cue() -> None:
    cues = [cue(0, 500, "你好", "Hello"), cue(500, 900, "你 好", "there"), cue(901, 1200, "你好", "you")]
    chinese, english = split_by_script(cues, LANGUAGES)
    assert [(c.start_pts, c.end_pts, c.frames, c.crops) for c in chinese.cues] == [(0, 900, 40, 2), (901, 1200, 20, 1)]
    assert [c.text for c in english.cues] == ["Hello", "there", "you"]
    (merged,) = split_by_script(cues, LANGUAGES, merge_gap_ticks=1)[0].cues
    assert (merged.start_pts, merged.end_pts, merged.text) == (0, 1200, "你好")


def test_the_same_text_in_two_bands_stays_two_cues() -> None:
    cues = [cue(0, 500, "Hello", top=True), cue(500, 900, "Hello")]
    (track,) = split_by_script(cues, LANGUAGES)
    assert track.cues == tuple(cues)


words = st.sampled_from(
    ["你好", "再见了", "Hello", "good day", "どこ", "NBA很好", "1984", "...", "Привет", "안녕", "東京"]
)


@st.composite
def videos(draw: st.DrawFn) -> list[Cue]:
    bounds = sorted(draw(st.lists(st.integers(0, 5000), unique=True, max_size=24)))
    return [
        cue(start, end, *draw(st.lists(words, min_size=1, max_size=3)), top=draw(st.booleans()))
        for start, end in pairwise(bounds)
        if draw(st.integers(0, 3))
    ]


@settings(deadline=None)
@given(videos(), st.integers(0, 50))
def test_no_line_is_lost_and_each_stays_in_its_time_and_order(cues: list[Cue], merge_gap_ticks: int) -> None:
    tracks = split_by_script(cues, LANGUAGES, merge_gap_ticks)
    assert len({track.language for track in tracks}) == len(tracks)
    for original in cues:
        rest = Counter(original.lines)
        for track in tracks:
            for part in track.cues:
                if part.band == original.band and part.start_pts <= original.start_pts < part.end_pts:
                    assert part.end_pts >= original.end_pts
                    if is_subsequence(part.lines, original.lines):
                        rest -= Counter(part.lines)
                    else:  # It lasts over a gap in which the original shows another language alone.
                        assert original.end_pts - original.start_pts <= merge_gap_ticks
        assert not rest
    for track in tracks:
        starts = [part.start_pts for part in track.cues]
        assert starts == sorted(starts)
        for band in ("top", "bottom"):
            own = [part for part in track.cues if part.band == band]
            assert all(a.end_pts <= b.start_pts for a, b in pairwise(own))


def is_subsequence(part: tuple[str, ...], whole: tuple[str, ...]) -> bool:
    left = iter(whole)
    return all(line in left for line in part)


@settings(deadline=None)
@given(videos())
def test_splitting_never_invents_a_line(cues: list[Cue]) -> None:
    tracks = split_by_script(cues, LANGUAGES, -1)
    split_lines = Counter(line for track in tracks for part in track.cues for line in part.lines)
    assert split_lines == Counter(line for one in cues for line in one.lines)
