"""How good the encoders of runs are, and where that is written."""
