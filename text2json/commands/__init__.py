"""The subcommands, one file each.

A command's module has `add_arguments(parser)` and `run(args)`, which returns the exit status; heavy imports
stand inside `run`, so that `--help` stays fast.
"""
