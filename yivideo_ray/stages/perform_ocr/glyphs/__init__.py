"""What the glyphs of a line tell beyond the reading: gaps, marks, dots, ligatures."""
