"""Videos with burned-in subtitles, made from real footage, with their exact truth."""
