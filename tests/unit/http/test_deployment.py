"""The service as an application for whoever runs Ray Serve, and the files that deploy it."""

from __future__ import annotations

import asyncio
import inspect
from pathlib import Path
from typing import Any

import pytest
import yaml

from yivideo_ray.config import Settings
from yivideo_ray.errors import ConfigError
from yivideo_ray.http.deployment import BuildArguments, CancelledCalls, build
from yivideo_ray.http.limits.admission import RESERVE

ROOT = Path(__file__).parents[3]
IMPORT_PATH = "yivideo_ray.http.deployment:build"
KEY = "a long random word"


def settings_of(application: Any) -> Settings:
    found, opener = application._bound_deployment.init_args
    assert opener is None
    assert isinstance(found, Settings)
    return found


def test_without_keys_nothing_is_built_unless_the_arguments_say_so() -> None:
    with pytest.raises(ConfigError) as refused:
        build({})
    assert refused.value.code.name == "SERVICE_EXPOSED"
    assert "require_keys=false" in refused.value.remedy
    # As `serve run` passes it: text.
    assert settings_of(build({"require_keys": "false"})).serve.keys == ()


def test_a_host_in_the_settings_is_no_reason_to_go_without_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("YIVIDEO_SERVE__HOST", "127.0.0.1")
    with pytest.raises(ConfigError, match="Ray Serve"):
        build(BuildArguments())


def test_settings_are_those_of_the_file_and_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "config.yml"
    path.write_text(f"serve: {{keys: ['{KEY}'], max_ongoing_requests: 17}}\npipeline: {{chunk_s: 12}}\n")
    monkeypatch.setenv("YIVIDEO_PIPELINE__CHUNK_S", "13")
    application: Any = build({"config": str(path)})
    assert application._bound_deployment.max_ongoing_requests == 17 + RESERVE
    assert settings_of(application).pipeline.chunk_s == 13
    monkeypatch.setenv("YIVIDEO_CONFIG", str(path))
    assert settings_of(build({})).serve.keys[0].get_secret_value() == KEY


def test_one_replica_owns_the_workflows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("YIVIDEO_SERVE__KEYS", f'["{KEY}"]')
    application: Any = build({})
    assert (application._bound_deployment.name, application._bound_deployment.num_replicas) == ("service", 1)


@pytest.mark.parametrize(
    ("args", "sentence"),
    [
        ({"confg": "x.yml"}, "confg: Extra inputs are not permitted"),
        ({"require_keys": "perhaps"}, "require_keys: "),
        ({"config": "/nowhere/config.yml"}, "/nowhere/config.yml can't be read"),
    ],
)
def test_wrong_arguments_are_told_in_one_sentence(args: dict[str, str], sentence: str) -> None:
    with pytest.raises(ConfigError) as refused:
        build(args)
    assert refused.value.code.name == "CONFIG_INVALID"
    assert sentence in refused.value.message


def serve_configs() -> dict[str, dict[str, Any]]:
    config = yaml.safe_load((ROOT / "serve" / "config.yaml").read_text())
    service = yaml.safe_load((ROOT / "serve" / "rayservice.yaml").read_text())
    return {"config.yaml": config, "rayservice.yaml": yaml.safe_load(service["spec"]["serveConfigV2"])}


@pytest.mark.parametrize("name", ["config.yaml", "rayservice.yaml"])
def test_a_serve_config_is_valid_and_names_the_builder_that_is_installed(name: str) -> None:
    from ray._common.utils import import_attr
    from ray.serve.schema import ServeDeploySchema

    found = ServeDeploySchema.model_validate(serve_configs()[name])
    (application,) = found.applications
    assert (application.name, application.import_path) == ("yivideo", IMPORT_PATH)
    builder = import_attr(application.import_path)
    assert builder is build
    assert len(inspect.signature(builder).parameters) == 1
    assert BuildArguments.model_validate(application.args).require_keys


def test_the_manifest_is_of_this_ray_closed_and_never_beside_another_cluster_of_the_service() -> None:
    import ray

    manifest = yaml.safe_load((ROOT / "serve" / "rayservice.yaml").read_text())
    assert (manifest["apiVersion"], manifest["kind"]) == ("ray.io/v1", "RayService")
    cluster = manifest["spec"]["rayClusterConfig"]
    assert cluster["rayVersion"] == ray.__version__
    assert cluster["authOptions"] == {"mode": "token"}
    # YAML reads a bare None as text, and a null would be the default: a second cluster.
    assert manifest["spec"]["upgradeStrategy"] == {"type": "None"}
    for group in (cluster["headGroupSpec"], *cluster["workerGroupSpecs"]):
        (container,) = group["template"]["spec"]["containers"]
        assert {"secretRef": {"name": "yivideo"}} in container["envFrom"]
        assert {"name": "RAY_USAGE_STATS_ENABLED", "value": "0"} in container["env"]


def test_the_checkout_has_the_same_builder_for_serve_run() -> None:
    from serve import app

    assert app.build is build
    assert app.BuildArguments is BuildArguments


@pytest.mark.parametrize("error", ["TaskCancelledError", "ActorDiedError"])
def test_a_request_that_serve_cancels_is_a_client_that_has_gone(error: str) -> None:
    import ray.exceptions

    async def receive() -> Any:
        raise getattr(ray.exceptions, error)

    async def send(message: Any) -> None:
        raise AssertionError(message)

    async def app(scope: Any, receive: Any, send: Any) -> None:
        assert await receive() == {"type": "http.disconnect"}

    asyncio.run(CancelledCalls(app)({"type": "http"}, receive, send))
