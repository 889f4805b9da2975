"""Sweeps: declared grids of models, strategies, options and data, run cell by cell and summed up in one table."""
