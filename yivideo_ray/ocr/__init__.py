"""Reading text in pictures: the engine contract, PaddleOCR behind it, and a scripted engine in its place.

Importing this loads no model and no inference library; an engine does so in load().
"""

from yivideo_ray.config import Settings
from yivideo_ray.ocr.contract import OcrEngine
from yivideo_ray.types import EngineFacts

__all__ = ["OcrEngine", "create_engine", "load_engine"]


def create_engine(settings: Settings) -> OcrEngine:
    """Returns the engine that settings.ocr.engine names, not loaded yet.

    Errors: ConfigError CONFIG_INVALID for a script that can't be used.
    """
    if settings.ocr.engine == "scripted":
        from yivideo_ray.ocr.testing.scripted import Script, ScriptedEngine, load_script

        return ScriptedEngine(load_script(settings.ocr.script) if settings.ocr.script else Script())
    from yivideo_ray.ocr.adapter import PaddleOcrEngine

    return PaddleOcrEngine(settings)


def load_engine(settings: Settings) -> tuple[OcrEngine, EngineFacts]:
    """Returns the engine of the settings, ready, and what runs it. Errors: those of create_engine and
    OcrEngine.load."""
    engine = create_engine(settings)
    return engine, engine.load()
