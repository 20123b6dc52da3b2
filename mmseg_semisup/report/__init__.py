"""The report of a training: one page that says what was trained, and how well.

A hook gathers what only the running training knows: ``report.json`` holds facts, and
``validation.npz`` confusions and small label maps of the last validation. ``log`` and
``warnings`` read the logs. ``contents`` puts everything that a work-dir holds together,
the sections turn it into HTML, and ``page`` writes ``report.html``. ``markup`` escapes
all texts, ``chart`` draws curves as SVG. Reports of stages and studies are put together
of the same sections, in the packages above. ``pseudo_masks``, ``benchmark`` and the
layers below them may be imported.
"""
