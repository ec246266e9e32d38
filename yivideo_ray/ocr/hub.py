"""Gets models by their PaddleOCR name: out of PaddleOCR's cache, or from the hubs that it knows.

What can be refused is refused before PaddleOCR is imported, which takes seconds: unknown names, and hubs out of reach.
"""

from __future__ import annotations

import ast
import difflib
import importlib.util
import os
import threading
import urllib.request
from collections.abc import Iterable
from http.client import HTTPException
from pathlib import Path
from typing import Any

from yivideo_ray.errors import ModelError
from yivideo_ray.ocr.models import Role

__all__ = ["cached", "fetch", "known_models"]

_PROBE_S = 2.0
_SETTING = {Role.DETECTION: "ocr.detection_model", Role.RECOGNITION: "ocr.recognition_model"}
_FORMAT = {"onnxruntime": "onnx", "paddle": "paddle"}


def fetch(name: str, role: Role, engine: str) -> Path:
    """Returns the directory of a model that PaddleOCR knows by name, downloaded if it is not cached.

    A download may take as long as it makes progress. Errors: ModelError MODEL_UNAVAILABLE, at once for a name that
    PaddleOCR doesn't know or has no files of for this engine, and within 2 s if no hub can be reached.
    """
    directory = cached(name, engine)
    if directory is not None:
        return directory
    known = known_models(role)
    if name not in known:
        near = difflib.get_close_matches(name, known, n=1, cutoff=0.0)
        raise ModelError(
            f"{_SETTING[role]}: PaddleOCR knows no model {name!r}, and there is no such directory.",
            remedy=f"Use a directory, the embedded models, or a name such as {near[0]}.",
        )
    if _FORMAT[engine] not in known[name]:
        raise ModelError(f"PaddleOCR has no files of {name} for ocr.engine {engine}.", remedy="Set ocr.engine: paddle.")
    hubs = _hubs()
    if not _any_reachable(hubs):
        raise ModelError(
            f"The model {name} is not cached, and none of its hubs can be reached ({', '.join(hubs)}).",
            remedy="Use the embedded models, connect to the network (HTTPS_PROXY is respected), or download the "
            "model elsewhere and name its directory.",
        )
    from paddlex.inference.utils.official_models import official_models

    try:
        return Path(official_models.get_model_path(name, model_formats=(_FORMAT[engine],)))
    except Exception as error:
        raise ModelError(
            f"The model {name} can't be downloaded: {' '.join(str(error).split())[:300]}",
            remedy="Try again, use the embedded models, or name a directory.",
        ) from error


def cached(name: str, engine: str) -> Path | None:
    """Returns where PaddleOCR keeps a model that it downloaded before, None if it did not."""
    home = Path(os.environ.get("PADDLE_PDX_CACHE_HOME") or Path.home() / ".paddlex")
    directory = home / "official_models" / (f"{name}_onnx" if engine == "onnxruntime" else name)
    return directory if directory.is_dir() else None


def known_models(role: Role) -> dict[str, frozenset[str]]:
    """Returns the names of PaddleOCR's text models, each with the formats ("paddle", "onnx") that its hubs offer.

    They are read from paddlex's source without running it. Errors: ModelError DEPENDENCY_MISSING.
    """
    spec = importlib.util.find_spec("paddlex")
    if spec is None or not spec.submodule_search_locations:
        raise ModelError("Models by name need the package paddlex.", code="DEPENDENCY_MISSING")
    source = Path(spec.submodule_search_locations[0]) / "inference/utils/official_models.py"
    lists: dict[str, Any] = {}
    for node in ast.parse(source.read_text(encoding="utf-8")).body:
        target = node.targets[0] if isinstance(node, ast.Assign) else getattr(node, "target", None)
        if isinstance(target, ast.Name) and target.id in ("OCR_MODELS", "ONNX_SUPPORTED_MODELS"):
            lists[target.id] = ast.literal_eval(node.value)  # type: ignore[attr-defined]
    onnx = lists["ONNX_SUPPORTED_MODELS"]
    return {
        name: frozenset({"paddle", "onnx"} if name in onnx else {"paddle"})
        for name in lists["OCR_MODELS"]
        # Seals, formulas and table cells are detected and recognised by other pipelines.
        if name.endswith(f"_{role.value}") and ("OCRv" in name or "SVTR" in name) and "seal" not in name
    }


def _hubs() -> list[str]:
    """Returns the addresses that paddlex itself asks whether its hubs are there."""
    return [
        os.environ.get("PADDLE_PDX_HUGGING_FACE_ENDPOINT", "https://huggingface.co"),
        "https://aistudio.baidu.com",
        "https://modelscope.cn",
        "https://paddle-model-ecology.bj.bcebos.com",
    ]


def _any_reachable(urls: Iterable[str]) -> bool:
    """Says whether one of the addresses answers in time. The threads of slow ones are left to end by themselves."""
    answered = threading.Event()

    def probe(url: str) -> None:
        try:
            with urllib.request.urlopen(urllib.request.Request(url, method="HEAD"), timeout=_PROBE_S):
                answered.set()
        except (OSError, HTTPException, ValueError):
            pass

    for url in urls:
        threading.Thread(target=probe, args=(url,), daemon=True).start()
    # Looking a name up may take longer than any timeout of a connection: the limit holds for all of it.
    return answered.wait(_PROBE_S)
