"""The seventeen kinds of insider attack on the record, generated from a seed and run with every right on the store."""
