"""Trained weights from files."""
