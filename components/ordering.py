"""Order without waiting lists: a value that is known only once some resources exist."""

import pulumi


def after(value: str, *resources: pulumi.Resource) -> pulumi.Output[str]:
    """``value``, as an output that whoever uses it must wait for ``resources``. Known already at preview."""
    return pulumi.Output.all(*(resource.urn for resource in resources)).apply(lambda _: value)
