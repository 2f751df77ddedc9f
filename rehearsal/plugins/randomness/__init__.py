"""The ``random`` provider: passwords, identifiers, numbers and names that stay the same until their inputs change."""
