"""Stand-ins for the plugins that Pulumi's engine would otherwise download: the language host and the providers.

The engine starts each as a program of its own, found on ``PATH``; :mod:`rehearsal.plugins.launchers` puts them there.
Nothing is imported here, because every import is paid for at each start of a plugin.
"""

STAND_INS = "ENGLISH_TRAINING_STAND_INS"
"""Environment variable by which the language host knows which stand-ins to name at the head of every run."""
