"""What pixels tell by themselves: where strokes are, and the glyphs that ink makes. No model."""
