"""Which languages are refused before any work, by the letters that the model lacks."""

from __future__ import annotations

from pathlib import Path

import pytest

from yivideo_ray.config import OcrSettings, Settings, with_language
from yivideo_ray.errors import ConfigError
from yivideo_ray.ocr.embedded import characters_of
from yivideo_ray.ocr.languages import language_named, missing_letters, require_readable

READ = (
    "zh",
    "zh-Hant",
    "zh-TW",
    "yue",
    "ja",
    "en",
    "fr",
    "de",
    "es",
    "pt-BR",
    "it",
    "nl",
    "pl",
    "cs",
    "sk",
    "hu",
    "ro",
    "tr",
    "sv",
    "da",
    "nb",
    "fi",
    "hr",
    "sr-Latn",
    "lt",
    "lv",
    "is",
    "ga",
    "id",
    "ms",
    "sw",
)
UNREAD = (
    "ko",
    "vi",
    "el",
    "ru",
    "uk",
    "bg",
    "sr",
    "az-Cyrl",
    "ar",
    "fa",
    "ur",
    "he",
    "th",
    "hi",
    "mr",
    "bn",
    "ta",
    "ka",
    "hy",
    "am",
)


@pytest.mark.parametrize("code", READ)
def test_a_language_whose_letters_the_model_has_passes(code: str) -> None:
    require_readable(with_language(Settings(), code))


@pytest.mark.parametrize("code", UNREAD)
def test_a_language_whose_letters_it_lacks_is_refused_with_what_is_read(code: str) -> None:
    with pytest.raises(ConfigError) as caught:
        require_readable(with_language(Settings(), code))
    assert caught.value.code.name == "LANGUAGE_UNREADABLE"
    assert language_named(code).name in caught.value.message
    assert "It reads Chinese, Japanese, and nearly all European languages" in caught.value.message


def test_half_of_vietnamese_and_accented_greek_are_missing() -> None:
    characters = characters_of(OcrSettings())
    assert characters is not None
    assert {"đ", "ơ", "ư", "ồ"}.isdisjoint(missing_letters(language_named("vi"), characters))
    assert {"ạ", "ế", "ữ"} <= set(missing_letters(language_named("vi"), characters))
    assert missing_letters(language_named("el"), characters) == "άέήίόςύώ"


def test_a_language_that_is_none_of_the_known_ones_is_told_with_the_nearest() -> None:
    with pytest.raises(ConfigError, match=r"'eng' is no language .* did you mean en \(English\)"):
        require_readable(with_language(Settings(), "eng"))
    with pytest.raises(ConfigError, match="'e n' is no code of a language"):
        with_language(Settings(), "e n")


def test_a_model_in_a_directory_is_asked_for_its_own_letters(tmp_path: Path) -> None:
    (tmp_path / "inference.onnx").touch()
    letters = "\n".join(f"  - '{letter}'" for letter in language_named("ko").letters)
    configuration = f"Global:\n  model_name: own\nPostProcess:\n  character_dict:\n{letters}\n"
    (tmp_path / "inference.yml").write_text(configuration, encoding="utf-8")
    settings = Settings(ocr={"recognition_model": str(tmp_path)})
    require_readable(with_language(settings, "ko"))
    with pytest.raises(ConfigError) as caught:
        require_readable(with_language(settings, "ja"))
    assert "It reads" not in caught.value.message


def test_the_scripted_engine_reads_every_language_that_there_is() -> None:
    settings = Settings(ocr={"engine": "scripted"})
    require_readable(with_language(settings, "ko"))
    with pytest.raises(ConfigError):
        require_readable(with_language(settings, "xx"))
