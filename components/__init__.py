"""The rooms of the platform: Pulumi component resources.

None reads configuration, none knows an environment's name: each takes typed arguments, so a test needs no stack.
"""
