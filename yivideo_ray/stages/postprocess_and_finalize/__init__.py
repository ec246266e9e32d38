"""Stage paddleocr.postprocess_and_finalize: crops and what was read in them in, layers of text
with their cues out, those that are taken for subtitles marked."""

from yivideo_ray.stages.postprocess_and_finalize.stage import postprocess_and_finalize

__all__ = ["postprocess_and_finalize"]
