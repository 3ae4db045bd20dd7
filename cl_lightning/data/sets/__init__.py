"""The data sets, one in each file, and their download."""
