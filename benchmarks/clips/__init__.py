"""How close the subtitles of anybody's videos come to the truth, through the real system."""
