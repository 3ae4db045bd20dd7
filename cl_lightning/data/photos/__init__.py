"""Photos in folders: which files are photos, which folders are splits and classes, and their pixels."""
