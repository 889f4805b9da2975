"""The scorer as a metric of other evaluation frameworks; nothing here is imported unless asked for."""
