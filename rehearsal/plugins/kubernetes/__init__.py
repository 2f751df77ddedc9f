"""The stand-in for ``pulumi-resource-kubernetes``: the engine's resource-provider protocol over a real API server.

It follows the official provider (version 4.34) in what it accepts, in what it replaces rather than updates, in which
kinds it waits for and in every ``pulumi.com/…`` annotation. Talking to
the API server is left to the official ``kubernetes`` client.

Reading order: :mod:`.server` (the protocol), :mod:`.provider` (each verb), :mod:`.diff`, :mod:`.ready` and
:mod:`.readback` (pure decisions), :mod:`.cluster` and :mod:`.transport` (the API server).

Nothing is imported here: the plugin starts at each ``pulumi`` command, so every import has to earn its time.
"""
