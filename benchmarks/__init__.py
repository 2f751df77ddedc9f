"""The figures that the README cites, each measured beside a peer in the same run."""
