"""Stage paddleocr.postprocess_and_finalize: crops and what was read in them in, cues out."""

from yivideo_ray.stages.postprocess_and_finalize.stage import postprocess_and_finalize

__all__ = ["postprocess_and_finalize"]
