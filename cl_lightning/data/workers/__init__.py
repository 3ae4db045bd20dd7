"""Processes that read batches ahead, in memory that they share with the trainer."""
