"""What makes subtitles of pictures and readings: strokes and runs, cue building, formats, scoring."""
