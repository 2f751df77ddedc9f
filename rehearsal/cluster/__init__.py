"""The embedded control plane: a real Kubernetes API with simulated nodes, in a network namespace of its own.

:mod:`rehearsal.cluster.lifecycle` is the way in (``start``, ``stop``, ``status``, ``enter``); the rest is behind it:

====================  =====================================================================================
``layout``            where things lie under ``Paths.cluster``, and the fixed addresses inside the namespace
``plan``              what one start decided (binaries, ports), handed from the command to the processes it leaves
``pki``               certificates and keys
``parts``, ``beside`` every process (a ``part``): arguments, environment, order, health check
``launcher``          the one process on the host's side: holds the listening sockets, restarts the namespace
``supervisor``        PID 1 inside: starts the parts, restarts what dies, says how they are
``forwarder``         carries connections from the host's sockets to addresses inside
``bootstrap``         what a managed cluster has on its first day: nodes, storage classes
``gateways``          looks after Gateways: certificates (``issuer``) and addresses (``addresses``)
``statistics``        serves Envoy's statistics where a pod of Envoy's has them
``monitoring``        what Prometheus scrapes and works out
``termination``       speaks TLS for Redis
``postgresql``        prepares PostgreSQL, and becomes it
====================  =====================================================================================
"""
