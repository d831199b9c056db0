"""The command ``python -m training``: begin in ``commands``.

``parser`` is what may be said, ``plan`` what it comes to: tasks, and where they run. ``progress``
shows them while they do. ``explain`` lays out a trained layer; ``cluster_demo`` is a cluster
on this machine.
"""
