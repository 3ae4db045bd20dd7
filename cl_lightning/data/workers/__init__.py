"""Worker processes that read batches in advance, into memory that they share with the trainer."""
