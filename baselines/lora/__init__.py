"""Larger public models that learn the task through low-rank adapters (LoRA, arXiv 2106.09685)."""
