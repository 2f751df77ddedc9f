"""The language host: runs Pulumi programs and policy packs written in Python for the engine."""
