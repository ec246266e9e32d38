"""Stage paddleocr.perform_ocr: sheets in, the text lines of every crop on them out."""

from yivideo_ray.stages.perform_ocr.stage import perform_ocr

__all__ = ["perform_ocr"]
