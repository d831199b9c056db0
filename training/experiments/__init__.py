"""What is tried and what is asked, as data: no module here trains or counts anything.

``config`` is what a trial may be, ``trials`` those there are, ``variants`` those with a number
changed. ``claims`` are what was published about them. A study is a TOML file beside these, read by
``study``. Another trial is an entry of ``trials``, another claim one of ``claims``.
"""
