"""The journal of releases: what is kept in the cluster, in which objects, for how long. Pure; adapters do the calls."""
