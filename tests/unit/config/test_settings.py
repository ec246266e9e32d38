"""Settings: the file, the environment, and the sentence for everything that is wrong with them."""

from __future__ import annotations

import pickle
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from yivideo_ray import config
from yivideo_ray.config import (
    RegionSetting,
    ScriptLanguages,
    Settings,
    load_settings,
    with_address,
    with_formats,
    with_layers,
)
from yivideo_ray.errors import ConfigError
from yivideo_ray.geometry import Box
from yivideo_ray.text.scripts import Script

CONFIG_YML = Path(__file__).parents[3] / "config.yml"
# The same file, as it is installed.
DEFAULTS_YML = Path(config.__file__).with_name("defaults.yml")


def written(directory: Path, text: str) -> Path:
    path = directory / "config.yml"
    path.write_text(text, encoding="utf-8")
    return path


def refusal(path: Path | None = None) -> str:
    with pytest.raises(ConfigError) as caught:
        load_settings(path)
    assert caught.value.code.name == "CONFIG_INVALID"
    assert "\n" not in caught.value.message
    return caught.value.message


def test_config_yml_holds_every_key_with_its_default() -> None:
    assert load_settings(CONFIG_YML) == Settings()
    named = yaml.safe_load(CONFIG_YML.read_text(encoding="utf-8"))
    assert {section: set(keys) for section, keys in named.items()} == {
        section: set(values) for section, values in Settings().model_dump().items()
    }


def test_the_installed_defaults_are_those_of_config_yml_and_those_without_a_file() -> None:
    assert DEFAULTS_YML.read_bytes() == CONFIG_YML.read_bytes()
    assert load_settings(DEFAULTS_YML) == load_settings(CONFIG_YML) == load_settings(None)


def test_every_key_in_config_yml_has_a_comment_above_it() -> None:
    lines = CONFIG_YML.read_text(encoding="utf-8").splitlines()
    bare = [
        line
        for before, line in zip(["", *lines], lines, strict=False)
        if re.match(r" *\w+:", line) and not before.lstrip().startswith("#")
    ]
    assert bare == []


def test_every_number_in_config_yml_says_its_unit() -> None:
    units = re.compile(r"seconds|days|milliseconds|pixels|[Aa] count|a share|tempts after")
    comment, unclear = "", []
    for line in CONFIG_YML.read_text(encoding="utf-8").splitlines():
        if line.lstrip().startswith("#"):
            comment += line
        else:
            if re.search(r": [\d.]+$", line) and not units.search(comment):
                unclear.append(line.strip())
            comment = ""
    assert unclear == []


@pytest.mark.parametrize("prefix", ["file:///videos", "s3://", "https://me:s3cret@host", "https://host/a?token=s3cret"])
def test_beginnings_of_addresses_that_none_may_have_are_refused_without_telling_secrets(
    monkeypatch: pytest.MonkeyPatch, prefix: str
) -> None:
    monkeypatch.setenv("YIVIDEO_STORAGE__ALLOWED_URLS", f'["s3://films", "{prefix}"]')
    message = refusal()
    assert "storage.allowed_urls.1: the prefix " in message
    assert "s3cret" not in message


def test_what_a_file_leaves_out_keeps_its_default(tmp_path: Path) -> None:
    settings = load_settings(written(tmp_path, "gpu_lock:\n  max_retries: 2\ngpu:\n"))
    assert settings.gpu_lock.max_retries == 2
    assert settings.gpu_lock.lock_timeout == Settings().gpu_lock.lock_timeout
    assert settings.gpu == Settings().gpu


def test_the_environment_overrides_the_file_key_by_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("YIVIDEO_GPU_LOCK__LOCK_TIMEOUT", "30")
    settings = load_settings(written(tmp_path, "gpu_lock: {lock_timeout: 5, max_retries: 2}"))
    assert (settings.gpu_lock.lock_timeout, settings.gpu_lock.max_retries) == (30, 2)


def test_lists_come_from_the_environment_as_json(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("YIVIDEO_AREA_DETECTOR__EXCLUDE", '[{"y1": 0.25}]')
    (region,) = load_settings().area_detector.exclude
    assert (region.x0, region.y0, region.x1, region.y1) == (0, 0, 1, 0.25)


def test_one_language_given_leaves_those_of_the_other_scripts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("YIVIDEO_SUBTITLES__SCRIPT_LANGUAGES", '{"latin": "fr"}')
    languages = load_settings().subtitles.script_languages
    assert (languages.latin, languages.han) == ("fr", "zh")


def test_every_script_has_a_language() -> None:
    assert set(ScriptLanguages().model_dump()) == set(Script)


def test_formats_given_on_the_command_line_win_over_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("YIVIDEO_SUBTITLES__FORMATS", '["txt"]')
    settings = load_settings()
    assert settings.subtitles.formats == ("txt",)
    chosen = with_formats(settings, ["vtt", "srt", "vtt"])
    assert chosen.subtitles.formats == ("vtt", "srt")
    assert pickle.loads(pickle.dumps(chosen)) == chosen


@pytest.mark.parametrize(
    ("names", "said"),
    [(["mp3"], "'mp3' is no subtitle format"), (["srt", "json"], "always written"), ([], "No subtitle format")],
)
def test_formats_that_are_none_are_refused(names: list[str], said: str) -> None:
    with pytest.raises(ConfigError, match=said) as caught:
        with_formats(Settings(), names)
    assert "srt, vtt, ass, txt" in caught.value.remedy


def test_settings_survive_pickling_and_ignore_the_other_sides_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("YIVIDEO_OCR__BATCH_SIZE", "3")
    settings = load_settings()
    sent = pickle.dumps(settings)
    monkeypatch.setenv("YIVIDEO_OCR__BATCH_SIZE", "4")
    assert pickle.loads(sent) == settings


def test_the_home_directory_is_put_in_for_a_tilde(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    assert load_settings().storage.work_dir == tmp_path / ".cache/yivideo"
    assert load_settings(written(tmp_path, "storage: {work_dir: ~/w}")).storage.work_dir == tmp_path / "w"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("gpu_lok: {max_retries: 1}", "gpu_lok is unknown: did you mean gpu_lock?"),
        ("gpu_lock: {lock_timout: 1}", "gpu_lock.lock_timout is unknown: did you mean gpu_lock.lock_timeout?"),
        (
            "area_detector: {regions: [{y2: 1}]}",
            "area_detector.regions.0.y2 is unknown: did you mean area_detector.regions.0.y1?",
        ),
        ("gpu_lock: {lock_timeout: 0}", "gpu_lock.lock_timeout: input should be greater than 0, got 0."),
        ("gpu_lock: {lock_timeout: .inf}", "gpu_lock.lock_timeout: input should be a finite number, got inf."),
        ("gpu_lock: {max_retries: many}", "got 'many'."),
        ("gpu_lock: 3", "gpu_lock: "),
        ("ocr: {engine: tesseract}", "should be 'onnxruntime', 'paddle' or 'scripted', got 'tesseract'."),
        (
            "subtitles: {formats: [mp3]}",
            "subtitles.formats.0: input should be 'srt', 'vtt', 'ass' or 'txt', got 'mp3'.",
        ),
        (
            "subtitles: {script_languages: {latn: fr}}",
            "subtitles.script_languages.latn is unknown: did you mean subtitles.script_languages.latin?",
        ),
        ("subtitles: {script_languages: {latin: ../fr}}", "subtitles.script_languages.latin: "),
        ("area_detector: {regions: [{x0: 0.9, x1: 0.1}]}", "area_detector.regions.0: x0 must be less than x1"),
        ("- gpu_lock", "must hold sections with keys, not list."),
        ("gpu_lock: [", "is not valid YAML: "),
        ("gpu: {}\ngpu: {}", "gpu is there twice at line 2"),
        ("gpu_lock: 2026-13-45", "is not valid YAML: "),
        ("7: {}", "7 is unknown"),
    ],
)
def test_a_wrong_file_is_refused_in_one_sentence(tmp_path: Path, text: str, said: str) -> None:
    path = written(tmp_path, text)
    message = refusal(path)
    assert said in message
    assert str(path) in message


@pytest.mark.parametrize(
    "text", ["serve: {keys: [too-short]}", "serve: {keys: too-short}", "storage: {url: [too-short]}"]
)
def test_a_secret_is_not_told_even_where_it_is_wrong(tmp_path: Path, text: str) -> None:
    message = refusal(written(tmp_path, text))
    assert "too-short" not in message
    assert "got a secret." in message


def test_secrets_are_hidden_where_settings_are_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("YIVIDEO_SERVE__KEYS", '["correct horse battery"]')
    monkeypatch.setenv("YIVIDEO_STORAGE__URL", "postgresql://me:correct-horse@db/yivideo")
    settings = load_settings()
    assert "horse" not in repr(settings) + str(settings.model_dump()) + settings.model_dump_json()
    assert [key.get_secret_value() for key in settings.serve.keys] == ["correct horse battery"]


def test_a_root_is_an_absolute_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("YIVIDEO_STORAGE__ALLOWED_ROOTS", '["/videos", "~/films"]')
    monkeypatch.setenv("HOME", str(tmp_path))
    assert load_settings().storage.allowed_roots == (Path("/videos"), tmp_path / "films")
    monkeypatch.setenv("YIVIDEO_STORAGE__ALLOWED_ROOTS", '["videos"]')
    assert "a root must be an absolute path, got 'videos'" in refusal()


def test_a_file_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    assert "can't be read: No such file" in refusal(tmp_path / "none.yml")
    assert "can't be read: Is a directory" in refusal(tmp_path)
    path = tmp_path / "latin.yml"
    path.write_bytes(b"gpu: {device: \xe9}")
    assert "it is not UTF-8" in refusal(path)


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("YIVIDEO_GPU_LOCK__LOCK_TIMEOUT", "soon", "YIVIDEO_GPU_LOCK__LOCK_TIMEOUT in the environment: gpu_lock"),
        ("YIVIDEO_GPU_LOCK_LOCK_TIMEOUT", "3", "did you mean YIVIDEO_GPU_LOCK__LOCK_TIMEOUT?"),
        ("YIVIDEO_GPU_LOCK__LOCK_TIMOUT", "3", "did you mean YIVIDEO_GPU_LOCK__LOCK_TIMEOUT?"),
        ("yivideo_nonsense__x", "3", "yivideo_nonsense__x names no setting"),
        ("YIVIDEO_AREA_DETECTOR__EXCLUDE", "[{", "YIVIDEO_AREA_DETECTOR__EXCLUDE must be JSON"),
        ("YIVIDEO_AREA_DETECTOR__EXCLUDE", '[{"y9": 1}]', "YIVIDEO_AREA_DETECTOR__EXCLUDE in the environment: "),
        ("YIVIDEO_STORAGE", "{", "YIVIDEO_STORAGE must be JSON"),
    ],
)
def test_a_wrong_variable_is_named(monkeypatch: pytest.MonkeyPatch, name: str, value: str, said: str) -> None:
    monkeypatch.setenv(name, value)
    assert said in refusal()


@pytest.mark.parametrize(
    "name",
    ["YIVIDEO_CONFIG", "YIVIDEO_SERVICE_HOST", "YIVIDEO_PORT", "YIVIDEO_PORT_8000_TCP_ADDR", "YIVIDEO_UI_SERVICE_PORT"],
)
def test_variables_of_the_command_and_of_kubernetes_are_no_settings(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv(name, "tcp://10.0.0.1:8000")
    assert load_settings() == Settings()


def test_only_the_first_three_faults_are_named_and_long_values_are_cut(tmp_path: Path) -> None:
    faults = ", ".join(f"bad{n}: {'x' * 500}" for n in range(5))
    message = refusal(written(tmp_path, f"gpu: {{{faults}}}"))
    assert message.count("is unknown") == 3
    assert len(refusal(written(tmp_path, f"gpu: {{device: {'x' * 500}}}"))) < 300


def test_another_address_to_serve_at_is_checked_and_keeps_the_rest() -> None:
    settings = Settings.model_validate({"serve": {"keys": ["a-key-of-the-tests"], "max_queued": 3}})
    found = with_address(settings, "0.0.0.0", 9000).serve
    assert (found.host, found.port, found.max_queued) == ("0.0.0.0", 9000, 3)
    assert found.keys[0].get_secret_value() == "a-key-of-the-tests"
    assert found.url == "http://127.0.0.1:9000"
    assert with_address(settings, "::1", None).serve.url == "http://[::1]:8788"
    assert with_address(settings, None, None).serve == settings.serve
    with pytest.raises(ConfigError, match="port"):
        with_address(settings, None, 70000)


@pytest.mark.parametrize("secret", ["c2VjcmV0" * 4, "whsec_" + "c2VjcmV0" * 6])
def test_a_secret_for_callbacks_is_24_to_64_bytes_in_base64(secret: str) -> None:
    settings = Settings.model_validate({"serve": {"callback_secret": secret}})
    assert settings.serve.callback_secret is not None
    assert settings.serve.callback_secret.get_secret_value() == secret


@pytest.mark.parametrize("secret", ["", "whsec_", "short", "c2VjcmV0" * 3 + "!", "c2VjcmV0" * 20])
def test_any_other_secret_is_refused_and_not_shown(secret: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("YIVIDEO_SERVE__CALLBACK_SECRET", secret)
    with pytest.raises(ConfigError, match="24 to 64 bytes in base64") as caught:
        load_settings()
    assert secret in ("", "whsec_") or secret not in str(caught.value)


def test_a_region_is_a_box_of_whole_pixels_in_the_frame() -> None:
    region = RegionSetting(x0=0.1, y0=0.75, x1=0.9)
    assert region.of(Box(0, 0, 1279, 719)) == Box(128, 539, 1151, 719)
    assert RegionSetting().of(Box(0, 0, 1279, 719)) == Box(0, 0, 1279, 719)


@pytest.mark.parametrize(
    ("text", "layers"), [("auto", "auto"), ("all", "all"), ("2", (2,)), ("1, 3", (1, 3)), ("3,1,3", (3, 1))]
)
def test_layers_are_chosen_on_the_command_line_as_in_the_environment(
    monkeypatch: pytest.MonkeyPatch, text: str, layers: object
) -> None:
    assert with_layers(Settings(), text).postprocessor.layers == layers
    monkeypatch.setenv("YIVIDEO_POSTPROCESSOR__LAYERS", text)
    assert load_settings().postprocessor.layers == layers


@pytest.mark.parametrize("text", ["", "x", "0", "-1", "1,", "1,x", "1.5", "01", "auto,1", "9" * 5000])
def test_layers_that_are_none_are_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="it must be auto, all or numbers of layers from 1 on, such as 1,3") as caught:
        with_layers(Settings(), text)
    assert caught.value.code.name == "CONFIG_INVALID"


@pytest.mark.parametrize("layers", ["all", [1, 3], (2,)])
def test_layers_are_chosen_in_python(layers: Any) -> None:
    chosen = Settings.model_validate({"postprocessor": {"layers": layers}}).postprocessor.layers
    assert chosen == (layers if layers == "all" else tuple(layers))


@pytest.mark.parametrize("layers", [[], [0], 0, [True], True, [1.5], {}, None])
def test_no_layers_at_all_are_no_choice(layers: Any) -> None:
    with pytest.raises(ValueError, match="numbers of layers from 1 on"):
        Settings.model_validate({"postprocessor": {"layers": layers}})
