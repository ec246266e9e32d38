"""Reading text in pictures: the engine contract, PaddleOCR behind it, and a scripted engine in its place.

Importing this loads no model and no inference library; an engine does so in load().
"""

from yivideo_ray.config import Settings
from yivideo_ray.ocr.contract import OcrEngine

__all__ = ["OcrEngine", "create_engine"]


def create_engine(settings: Settings) -> OcrEngine:
    """Returns the engine that settings.ocr.engine names, not loaded yet.

    Errors: ConfigError CONFIG_INVALID for a script that can't be used.
    """
    if settings.ocr.engine == "scripted":
        from yivideo_ray.ocr.testing.scripted import Script, ScriptedEngine, load_script

        return ScriptedEngine(load_script(settings.ocr.script) if settings.ocr.script else Script())
    from yivideo_ray.ocr.adapter import PaddleOcrEngine

    return PaddleOcrEngine(settings)
