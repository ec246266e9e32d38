"""How close subtitles come to the truth over a directory of videos: figures, tables, a page with pictures."""
