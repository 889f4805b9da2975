"""Contracts on data: domain schemas, samples, predictions, runs and canonical JSON."""
