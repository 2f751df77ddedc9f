"""The workload simulator: one process that answers for every application pod, and misbehaves on demand."""
