"""The command line: ``release``. Words in, words and exit codes out; what is done is in :mod:`release.operations`."""
