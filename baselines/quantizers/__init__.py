"""Quantisers for keys and values: packed codes with their scales, never a dequantised copy kept."""
