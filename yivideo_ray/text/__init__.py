"""What letters tell by themselves: spaces, scripts, variants of Han characters, votes among readings. Pure."""
