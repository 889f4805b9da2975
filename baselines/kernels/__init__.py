"""Compiled kernels of the decoding step, and the plain torch path where they do not serve.

The library is optional: without a compiler at installation, on a GPU, or on request, everything runs on torch, with
the same results up to the order of floating-point sums.
"""
