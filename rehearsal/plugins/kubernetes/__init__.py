"""The stand-in for ``pulumi-resource-kubernetes``: the engine's resource-provider protocol over a real API server.

It follows the official provider (version 4.34) in what it accepts, in what it replaces rather than updates, in which
kinds it waits for and in the ``pulumi.com/…`` annotations. It differs in these points:

- Objects are created by server-side apply too, and one field manager serves all (:data:`.objects.FIELD_MANAGER`).
- A Deployment that misses its progress deadline fails then, not at the timeout; what is not ready is explained by its
  pods' containers and by the last warnings. CustomResourceDefinitions and ReplicaSets are waited for as well; the
  addresses of a Service are not given ten seconds to settle.
- An object whose predecessor is still being deleted waits for that end, and an API server that restarts is waited for.
- A refresh compares by the API server's own ledger of owners (lists by key, quantities by value).
- There is no schema, so ``pulumi import`` needs ``--generate-code=false``; there are no ``…Patch`` and ``…List``
  resources, charts, kustomizations, YAML files, functions, rendering to YAML and client-side apply: each is one
  clear error, never a silent success. ``PULUMI_K8S_AWAIT_ALL`` has no effect.

Reading order: :mod:`.server` (the protocol), :mod:`.comparing`, :mod:`.writing` and :mod:`.reading` (each verb),
:mod:`.diff`, :mod:`.ready` and :mod:`.readback` (pure decisions), :mod:`.cluster`, :mod:`.transport` and
:mod:`.connection` (the API server, through the official ``kubernetes`` client).

Nothing is imported here, and the official client only where it is first needed: it takes 0.3 s to load, the plugin
starts at each ``pulumi`` command, and a stack without changes asks the API server for nothing.
"""
