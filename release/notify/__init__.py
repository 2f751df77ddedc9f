"""What people are told while a release goes on (R-56), as records and texts. Pure.

:mod:`release.adapters.notifications` delivers them.
"""
