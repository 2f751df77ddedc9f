"""The rehearsal: the whole platform on one machine, without a container engine, a cloud account or a credential.

A tool beside the product: nothing else imports it, and deleting it leaves staging and production intact.
"""
