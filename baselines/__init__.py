"""Models with their KV cache split between a device and a host tier."""
