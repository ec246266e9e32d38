"""The rule by which tuned numbers are counted, each part of it both ways."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest

from benchmarks.borders.__main__ import ROOT, count, main, report
from benchmarks.borders.counting import find_borders, find_lexical
from benchmarks.borders.rooms import (
    FEATURES,
    LEFT_OUT,
    NO_BORDERS,
    NO_SPECIAL_CASES,
    PACKAGE,
    ROOMS,
    count_fitted,
    read_modules,
)

# What decides nothing of what a video says: a room that is new has to be placed here or in ROOMS.
OTHER_ROOMS = {"cli", "config", "evaluation", "http", "media", "runtime", "service", "storage", "types"}


def borders(source: str) -> list[str]:
    return [f"{one.name} {one.text}" for one in find_borders(source)]


def in_function(expression: str) -> list[str]:
    """Returns the numbers that count in a function that returns the expression."""
    return [one.text for one in find_borders(f"def decide(a, b):\n    return {expression}\n")]


def lexical(source: str) -> list[str]:
    return [f"{one.name} {one.text}".strip() for one in find_lexical(source)]


def lexical_in_function(expression: str) -> list[str]:
    return [one.text for one in find_lexical(f"def decide(a, b):\n    return {expression}\n")]


def test_a_constant_counts_whatever_its_number_is_and_however_it_is_named() -> None:
    assert borders("_MIN_SCORE = 0.6\nFEW = 2\nNONE: int = 0\n_lower = -1\n") == [
        "_MIN_SCORE 0.6",
        "FEW 2",
        "NONE 0",
        "_lower -1",
    ]
    assert borders('NAME = "a"\nON = True\nNOTHING = None\nOTHER = NAME\n__version__ = 3\n') == []


def test_each_number_of_a_tuple_a_list_or_a_table_counts() -> None:
    assert borders("_A, _B = 0.97, 0.8\n") == ["_A 0.97", "_B 0.8"]
    assert borders("_LEVELS = (0.5, 0.6, (0.7, 1))\n") == ["_LEVELS 0.5", "_LEVELS 0.6", "_LEVELS 0.7", "_LEVELS 1"]
    assert borders("_BY_KIND = {Kind.A: 0.5, Kind.B: [3]}\n") == ["_BY_KIND 0.5", "_BY_KIND 3"]


def test_a_fraction_is_one_number() -> None:
    assert borders("_SHARE = 2 / 3\n_AREA = 960 * 544\n") == ["_SHARE 2 / 3", "_AREA 960 * 544"]
    assert in_function("a < 1 / 3") == ["1 / 3"]


def test_a_constant_that_follows_from_others_has_only_the_numbers_that_it_adds() -> None:
    assert borders("GUARD = MOST + 2 * STABLE\n_WINDOW = (LINE, LINE)\n_UNREAD = Reading('', 0.0)\n") == []
    assert borders("GUARD = MOST + 3 * STABLE\n_SURE = Reading('', 0.9)\n") == ["GUARD 3", "_SURE 0.9"]


def test_the_size_of_a_kernel_is_one_number_and_another_size_is_two() -> None:
    assert borders("_KERNEL = cv2.getStructuringElement(cv2.MORPH_RECT, (9, 5))\n") == ["_KERNEL (9, 5)"]
    assert in_function("cv2.dilate(a, np.ones((5, 5), np.uint8))") == ["(5, 5)"]
    assert in_function("cv2.resize(a, (64, 16))") == ["64", "16"]


def test_a_default_counts_unless_it_is_0_or_1_or_minus_1() -> None:
    assert borders("def find(a, least=3, *, share: float = 0.3): ...\n") == ["find.least 3", "find.share 0.3"]
    assert borders("def find(a, least=1, *, first=0, last=-1, part=(0, 1), name='a', limit=_LIMIT): ...\n") == []
    assert borders("class Rules:\n    gap: int = 0\n    sure: float = 0.75\n    many: int = 2\n") == [
        "Rules.sure 0.75",
        "Rules.many 2",
    ]


def test_a_constant_of_a_class_counts_as_one_of_a_module() -> None:
    assert borders("class Finder:\n    LEAST = 1\n    found: int = 1\n") == ["LEAST 1"]


def test_a_number_in_a_function_counts_wherever_it_stands() -> None:
    assert in_function("a > 70") == ["70"]
    assert in_function("0.6 * a") == ["0.6"]
    assert in_function("a / 4") == ["4"]
    assert in_function("a ** 4") == ["4"]
    assert in_function("a + 0.001") == ["0.001"]
    assert in_function("np.percentile(a, 98)") == ["98"]
    assert in_function("find(a, least=12)") == ["12"]
    assert in_function("7 if a else b") == ["7"]
    assert borders("def decide(a):\n    limit: float = 0.4\n    if a > limit:\n        a = 9\n") == [
        "decide() 0.4",
        "decide() 9",
    ]


def test_0_and_1_and_minus_1_in_a_function_never_count() -> None:
    assert in_function("(a > 0, a - 1, -1 * a, 1.0 - b, a[0], a[-1], max(0.0, b))") == []


def test_a_2_counts_only_where_it_multiplies_a_whole_side_of_a_comparison() -> None:
    assert in_function("2 * a.area > b.area") == ["2"]
    assert in_function("a <= 2 * _GAP * b") == ["2"]
    assert in_function("(a / 2, a // 2, 2 * a, a[2], a ** 2, (a + b) / 2 < 0, len(a) < 2, a >= b - 2 * a)") == []


def test_a_half_counts_unless_it_is_half_a_pixel_or_a_root() -> None:
    assert in_function("a <= 0.5 * b") == ["0.5"]
    assert in_function("a > 0.5") == ["0.5"]
    assert in_function("(a + 0.5, a - 0.5, a ** 0.5)") == []


def test_a_place_in_a_list_does_not_count_and_how_many_are_taken_does() -> None:
    assert in_function("(a[4], a[:, 4], a[2:4], a[3:5, b])") == []
    assert in_function("sorted(a)[:5]") == ["5"]
    assert in_function("a[round(0.85 * b)]") == ["0.85"]


def test_units_digits_and_the_brightest_pixel_do_not_count() -> None:
    assert in_function("(a * 1000, a / 60, a // 3600, round(a, 3), 255 - a, f'{a:.3f}')") == []
    assert in_function("a > 1000") == ["1000"]
    assert in_function("round(3.5 * a)") == ["3.5"]


def test_types_hold_no_borders() -> None:
    assert borders("Share = Annotated[float, Field(ge=3)]\n") == []
    source = "def f(a: Literal[5]) -> Literal[6]:\n    b: Annotated[float, Field(ge=7)] = 8\n"
    assert borders(source) == ["f() 8"]
    assert lexical("Kind = Literal['a', 'b']\n") == []


def test_a_number_that_a_function_writes_twice_is_one_and_in_two_functions_it_is_two() -> None:
    assert borders("def one(a):\n    return a + 0.001 if a else 0.001\n") == ["one() 0.001"]
    assert borders("def one(a):\n    return 3 * a\ndef two(a):\n    return 3 * a\n") == ["one() 3", "two() 3"]


def test_functions_within_functions_count_for_themselves() -> None:
    source = "def outer():\n    def inner(a):\n        return a > 5\n    return lambda a: a > 6\n"
    assert borders(source) == ["inner() 5", "outer() 6"]
    assert borders("_ORDER = lambda a: a > 7\n") == ["lambda() 7"]


def test_what_is_said_in_strings_and_comments_counts_nothing() -> None:
    assert borders('"""Of 46,000 letters 1 in 100."""\n# 0.99\ndef f():\n    """0.5 or 7."""\n') == []


def test_patterns_and_sets_and_tables_of_characters_or_words_are_lexical() -> None:
    source = (
        "_MARK = re.compile(r'[!?]+')\n_DASHES = frozenset('-–')\n_PAIRS = {'¡': '!'}\n"
        "_LIKE = str.maketrans({'l': 'I'})\n_WORDS = ('the', 'and')\n_NAMES = {**dict.fromkeys(('CJK',), HAN)}\n"
    )
    assert lexical(source) == ["_MARK", "_DASHES", "_PAIRS", "_LIKE", "_WORDS", "_NAMES"]
    assert borders(source) == []


def test_sentences_and_names_and_what_follows_from_other_tables_are_not_lexical() -> None:
    source = (
        "__all__ = ['a']\n_NAME = 'top'\nMEANINGS = {Reason.A: 'A line was doubted.'}\n"
        "_BACK = {b: a for a, b in _PAIRS.items()}\n_KINDS = (Kind.A, Kind.B)\n_RANKS = (('a', 3), ('b', 4))\n"
        "_SEEN = frozenset(_KINDS)\n"
    )
    assert lexical(source) == []


def test_in_functions_patterns_characters_and_words_compared_with_are_lexical() -> None:
    assert lexical_in_function("re.match(r'[i!]+', a)") == ["'[i!]+'"]
    assert lexical_in_function("a == '…'") == ["a == '…'"]
    assert lexical_in_function("'가' <= a <= '힣'") == ["'가' <= a <= '힣'"]
    assert lexical_in_function("a in 'WF' or b in ('the', 'and')") == ["a in 'WF'", "b in ('the', 'and')"]
    assert lexical_in_function("a.startswith('HANGUL') and a.lstrip('i!')") == ["'HANGUL'", "'i!'"]


def test_in_functions_named_patterns_states_and_white_space_are_not_lexical() -> None:
    assert lexical_in_function("re.match(_MARK, a) or _MARK.match(a)") == []
    assert (
        lexical_in_function("a.tag == 'insert' or a == ' ' or a in _DASHES or a.strip() or a.replace('\\n', ' ')") == []
    )
    assert lexical_in_function("' '.join(a.split('-'))") == []


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """Returns a checkout in which three numbers count, in two files, and a word."""
    sources = {
        "stages/decide.py": "_SHARE = 0.5\n_WORDS = ('the', 'and')\n",
        "stages/deep/er/decide.py": "_A, _B = 3, 4\n",
        "stages/nothing.py": "def f(a):\n    return a + 1\n",
        "subtitles/scoring.py": "SIMILAR = 0.5\n",
        "ocr/testing/pattern.py": "BRIGHT = 235\n",
        "config/schema.py": "DEFAULT = 0.75\n",
        "stages/sheets.py": "SHEET_HEIGHT_PX = 976\n",
    }
    for name, source in sources.items():
        path = tmp_path / PACKAGE / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(source, encoding="utf-8")
    return tmp_path


def test_modules_of_other_rooms_and_what_was_reviewed_do_not_count(checkout: Path) -> None:
    found = count(checkout)
    assert (found["borders"], found["lexical"]) == (3, 1)
    assert [(module["file"], len(module["borders"])) for module in found["files"]] == [
        ("stages/deep/er/decide.py", 2),
        ("stages/decide.py", 1),
    ]


def test_fitted_weights_are_the_numbers_in_data_files(checkout: Path) -> None:
    weights = {"features": ["height", "changes"], "weights": [0.5, -2, 1e3], "bias": 0, "calibrated": True}
    (checkout / PACKAGE / "stages" / "weights.json").write_text(json.dumps(weights), encoding="utf-8")
    assert count_fitted(checkout) == {"stages/weights.json": 4}
    assert count(checkout)["borders"] == 3
    assert "fitted weights: 4 in stages/weights.json" in report(count(checkout))


def test_the_table_has_a_row_for_each_file_and_the_sum(checkout: Path) -> None:
    assert report(count(checkout)).splitlines() == [
        "file                      borders  lexical  features",
        "stages/deep/er/decide.py        2        0         0",
        "stages/decide.py                1        1         0",
        "together                        3        1         0",
        "fitted weights: none",
    ]


def test_how_finely_something_is_described_for_a_fitted_model_is_counted_apart(checkout: Path) -> None:
    (checkout / PACKAGE / "pixels").mkdir()
    (checkout / PACKAGE / "pixels" / "line_shape.py").write_text("_ZONES, _LAG = 8, 5\n", encoding="utf-8")
    found = count(checkout)
    assert (found["borders"], found["features"]) == (3, 2)
    assert "pixels/line_shape.py            0        0         2" in report(found)
    assert "     1  _ZONES 8  (features)" in report(found, names=True)


def test_each_border_is_named_with_its_line_where_asked(checkout: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--root", str(checkout), "--names"]) == 0
    printed = capsys.readouterr().out.splitlines()
    assert {"     1  _B 4", "     1  _SHARE 0.5", "     2  _WORDS   (lexical)"} <= set(printed)
    assert main(["--root", str(checkout)]) == 0
    assert "_B 4" not in capsys.readouterr().out


def test_more_than_the_limit_is_exit_code_1(checkout: Path) -> None:
    assert main(["--root", str(checkout), "--limit", "3"]) == 0
    assert main(["--root", str(checkout), "--limit", "2"]) == 1


def test_the_figures_are_written_as_json(checkout: Path, tmp_path: Path) -> None:
    assert main(["--root", str(checkout), "--json", str(tmp_path / "figures.json")]) == 0
    told = json.loads((tmp_path / "figures.json").read_text(encoding="utf-8"))
    assert told["borders"] == 3
    assert told["files"][1]["lexical"] == [{"line": 2, "name": "_WORDS", "text": ""}]
    assert told["environment"].keys() >= {"command", "date", "commit"}


def test_what_is_no_checkout_is_an_error_that_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(["--root", str(tmp_path)])
    assert stopped.value.code == 2
    assert f"There is no {PACKAGE} in {tmp_path}" in capsys.readouterr().err


@pytest.mark.parametrize("kind", ["borders", "lexical"])
def test_every_name_that_was_reviewed_stands_in_one_module(kind: str) -> None:
    reviewed = {"borders": NO_BORDERS, "lexical": NO_SPECIAL_CASES}[kind]
    modules = read_modules(ROOT, reviewed=False)
    found = Counter(key for module in modules for key in {one.key for one in getattr(module, kind)})
    assert {name: found[name] for name in reviewed} == dict.fromkeys(reviewed, 1)


def test_every_module_that_is_left_out_is_there() -> None:
    there = {f"{room}/{path.stem}" for room in ROOMS for path in (ROOT / PACKAGE / room).rglob("*.py")}
    assert {*LEFT_OUT, *FEATURES} <= there


def test_every_room_of_the_package_is_looked_at_or_known_to_decide_nothing() -> None:
    folders = {path.parent.name for path in (ROOT / PACKAGE).glob("*/__init__.py")}
    assert folders == {*ROOMS, *OTHER_ROOMS}
