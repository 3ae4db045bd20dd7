"""Folders of photos: which files are photos, which folders are splits and classes, and decoding."""
