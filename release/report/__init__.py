"""What people read after a release and about all of them (R-57). Pure: journal in, numbers, text, plots and pages out.

:mod:`~release.report.numbers` calculates, :mod:`~release.report.timeline` and :mod:`~release.report.series` say what
happened within one release; the others say it as a table, Markdown, metrics or a page.
"""
