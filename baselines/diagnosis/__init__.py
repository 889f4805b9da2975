"""Where a strategy's accuracy goes: what each head reads of the evidence, and how true it is to exact attention."""
