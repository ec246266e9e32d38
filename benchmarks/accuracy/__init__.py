"""How close the subtitles come to the truth, on the corpus, through the real system."""
