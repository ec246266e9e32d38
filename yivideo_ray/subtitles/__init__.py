"""Subtitles as files: formats, the result document, one file per language, how close a result comes to the truth."""
