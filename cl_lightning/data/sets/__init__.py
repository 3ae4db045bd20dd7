"""One data set a file, and what downloads them."""
